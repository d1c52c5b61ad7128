/* sieve [N]: counts the primes below N (2,000,000) with a sieve of bytes: stores with strides. */
#include "std.h"
int main(int argc, char **argv) {
  u64 n = argc > 1 ? number(argv[1]) : 2000000, primes = 0;
  char *composite = allocate(n + 1);
  u64 start = now();
  for (u64 i = 2; i < n; i++) {
    if (composite[i]) continue;
    primes++;
    for (u64 k = i * i; k < n; k += i) composite[k] = 1;
  }
  print("sieve: %d primes below %d, %d us\n", primes, n, (now() - start) / 1000);
  return 0;
}
