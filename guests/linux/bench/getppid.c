/* getppid [N]: calls getppid N times (10,000): the cheapest way into a kernel and back. */
#include "std.h"
int main(int argc, char **argv) {
  i64 n = argc > 1 ? number(argv[1]) : 10000;
  u64 start = now();
  for (i64 i = 0; i < n; i++) sys_getppid();
  u64 each = n ? (now() - start) / n : 0;
  print("getppid: %d calls, %d ns each\n", n, each);
  return 0;
}
