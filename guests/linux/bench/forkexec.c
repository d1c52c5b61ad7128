/* forkexec [N [PROGRAM]]: N times (2,000) fork, execve of PROGRAM (/bin/true), wait: must leave nothing behind. */
#include "std.h"
int main(int argc, char **argv) {
  i64 n = argc > 1 ? number(argv[1]) : 2000;
  char *args[] = {argc > 2 ? argv[2] : "/bin/true", 0};
  u64 start = now();
  for (i64 i = 0; i < n; i++) {
    int status, pid = fork();
    if (pid < 0) { complain("forkexec: fork %d: %s\n", i, why(pid)); return 1; }
    if (!pid) { i64 e = sys_execve(args[0], args, environ); complain("forkexec: %s: %s\n", args[0], why(e)); quit(127); }
    if (sys_wait4(pid, &status, 0) != pid || status) { complain("forkexec: child %d: status %d\n", i, (i64)status); return 1; }
  }
  print("forkexec: %d times, %d us each\n", n, n ? (now() - start) / 1000 / n : 0);
  return 0;
}
