/* pipebench [N]: N round trips (1,000) of one byte between two processes over two pipes. */
#include "std.h"
int main(int argc, char **argv) {
  i64 n = argc > 1 ? number(argv[1]) : 1000;
  int there[2], back[2], status;
  char c = 'x';
  if (sys_pipe(there) < 0 || sys_pipe(back) < 0) { complain("pipebench: no pipes\n"); return 1; }
  int pid = fork();
  if (!pid) { sys_close(there[1]); while (sys_read(there[0], &c, 1) == 1) sys_write(back[1], &c, 1); quit(0); }
  sys_close(there[0]);
  u64 start = now();
  for (i64 i = 0; i < n; i++) {
    sys_write(there[1], &c, 1);
    if (sys_read(back[0], &c, 1) != 1) { complain("pipebench: the other side is gone\n"); return 1; }
  }
  u64 spent = now() - start;
  sys_close(there[1]);
  sys_wait4(pid, &status, 0);
  print("pipebench: %d round trips, %d ns each\n", n, n ? spent / n : 0);
  return 0;
}
