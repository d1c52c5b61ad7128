/* matmul [N]: multiplies two N x N matrices of doubles (192): floating point and a cache-unfriendly walk. */
#include "std.h"
int main(int argc, char **argv) {
  u64 n = argc > 1 ? number(argv[1]) : 192;
  double *a = allocate(n * n * 8), *b = allocate(n * n * 8), *c = allocate(n * n * 8), trace = 0;
  for (u64 i = 0; i < n * n; i++) a[i] = i % 7 + 0.5, b[i] = i % 5 - 1.25;
  u64 start = now();
  for (u64 i = 0; i < n; i++)
    for (u64 j = 0; j < n; j++) {
      double sum = 0;
      for (u64 k = 0; k < n; k++) sum += a[i * n + k] * b[k * n + j];
      c[i * n + j] = sum;
    }
  u64 spent = now() - start;
  for (u64 i = 0; i < n; i++) trace += c[i * n + i];
  print("matmul: %d x %d, trace %d/4, %d us\n", n, n, (i64)(trace * 4), spent / 1000);
  return 0;
}
