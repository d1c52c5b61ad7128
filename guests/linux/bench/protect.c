/*
 * protect [N]: takes the right to write away from a page and gives it back, N times (5,000), and writes after each. Each round changes a
 * page table entry twice.
 */
#include "std.h"
int main(int argc, char **argv) {
  i64 n = argc > 1 ? number(argv[1]) : 5000;
  char *p = (char *)CALL(SYS_mmap, 0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if ((i64)p < 0 && (i64)p > -4096) { complain("protect: no memory\n"); return 1; }
  u64 start = now();
  for (i64 i = 0; i < n; i++) {
    p[0] = (char)i;
    CALL(SYS_mprotect, p, 4096, PROT_READ, 0, 0, 0);
    CALL(SYS_mprotect, p, 4096, PROT_READ | PROT_WRITE, 0, 0, 0);
  }
  print("protect: %d times, %d ns each\n", n, n ? (now() - start) / n : 0);
  return 0;
}
