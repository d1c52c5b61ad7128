/* pagefault [N]: touches N fresh pages (20,000) of anonymous memory, one write each, 256 pages a mapping. */
#include "std.h"
int main(int argc, char **argv) {
  i64 n = argc > 1 ? number(argv[1]) : 20000;
  u64 start = now();
  for (i64 done = 0; done < n; done += 256) {
    char *p = (char *)CALL(SYS_mmap, 0, 256 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if ((i64)p < 0 && (i64)p > -4096) { complain("pagefault: no memory\n"); return 1; }
    for (int i = 0; i < 256; i++) p[i * 4096] = 1;
    CALL2(SYS_munmap, p, 256 * 4096);
  }
  print("pagefault: %d pages, %d ns each\n", n, n ? (now() - start) / n : 0);
  return 0;
}
