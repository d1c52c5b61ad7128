/*
 * bomb [N [MS]]: a fork bomb, for MS milliseconds or (0) for ever. Every process forks as long as it can, children of children too.
 * Forks fail when this user has N processes (24); a process ends after a few failures, so the bomb begins to grow again.
 */
#include "std.h"

enum { SYS_setuid = 146, SYS_prlimit64 = 261, RLIMIT_NPROC = 6, NOBODY = 65534, TRIES = 4 };

int main(int argc, char **argv) {
  u64 limit[2] = {argc > 1 ? (u64)number(argv[1]) : 24, argc > 1 ? (u64)number(argv[1]) : 24};
  CALL4(SYS_prlimit64, 0, RLIMIT_NPROC, limit, 0);
  struct sigaction reap = {SIG_IGN, 0, 0};
  CALL4(SYS_rt_sigaction, SIGCHLD, &reap, 0, 8);
  u64 end = argc > 2 && number(argv[2]) ? now() + (u64)number(argv[2]) * 1000000 : ~0ul;
  CALL1(SYS_setuid, NOBODY); /* the superuser has no limit */
  for (int first = 1, failed = 0; now() < end;) {
    int pid = fork();
    if (pid > 0) { failed = 0; continue; }
    if (pid == 0) { first = failed = 0; continue; }
    sys_nanosleep(0, 500000);
    if (++failed > TRIES && !first) return 0;
  }
  return 0;
}
