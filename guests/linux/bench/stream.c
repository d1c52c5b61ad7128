/* stream [KIB [MIB]]: copies, fills and sums a buffer of KIB KiB (4,096) until MIB MiB (1,024) have moved: the memory path. */
#include "std.h"
static __attribute__((noinline)) void copy(u64 *to, const u64 *from, u64 n) {
  for (u64 i = 0; i < n; i += 4) { u64 a = from[i], b = from[i + 1], c = from[i + 2], d = from[i + 3]; to[i] = a; to[i + 1] = b;
    to[i + 2] = c; to[i + 3] = d; }
}
static __attribute__((noinline)) u64 sum(const u64 *from, u64 n) {
  u64 s = 0;
  for (u64 i = 0; i < n; i++) s += from[i];
  return s;
}
int main(int argc, char **argv) {
  u64 kib = argc > 1 ? number(argv[1]) : 4096, mib = argc > 2 ? number(argv[2]) : 1024, words = kib * 128, rounds = mib * 1024 / kib / 2,
    total = 0;
  u64 *a = allocate(kib * 1024), *b = allocate(kib * 1024);
  for (u64 i = 0; i < words; i++) a[i] = i * 0x9e3779b97f4a7c15ul;
  u64 start = now();
  for (u64 i = 0; i < rounds; i++) { copy(b, a, words); b[i % words] ^= i; total += sum(b, words); }
  print("stream: %d KiB, %d MiB, sum %d, %d us\n", kib, mib, (i64)(total >> 40), (now() - start) / 1000);
  return 0;
}
