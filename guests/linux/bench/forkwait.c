/* forkwait [N]: N times (2,000) fork, exit, wait. */
#include "std.h"
int main(int argc, char **argv) {
  i64 n = argc > 1 ? number(argv[1]) : 2000;
  u64 start = now();
  for (i64 i = 0; i < n; i++) {
    int status, pid = fork();
    if (pid < 0) { complain("forkwait: fork %d failed\n", i); return 1; }
    if (!pid) quit(0);
    if (sys_wait4(pid, &status, 0) != pid || status) { complain("forkwait: child %d: status %d\n", i, (i64)status); return 1; }
  }
  print("forkwait: %d times, %d us each\n", n, n ? (now() - start) / 1000 / n : 0);
  return 0;
}
