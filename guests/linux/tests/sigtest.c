/* sigtest: handlers run and return, masks hold signals back, children report theirs, faults can be caught by a parent. */
#include "std.h"
static volatile int count[32];
static void note(int signal) { count[signal]++; }
static void check(int good, const char *what) { if (!good) { complain("sigtest: FAILED: %s\n", what); quit(1); } }
static void handle(int signal, void (*handler)(int)) { struct sigaction action = {handler, 0, 0};
  check(sys_sigaction(signal, &action, 0) == 0, "sigaction"); }

/* Values in many registers across a handler: sigreturn must give them all back. */
static u64 registers_survive(int pid) {
  u64 a = 1, b = 2, c = 3, d = 5;
  double x = 1.5, y = 2.25;
  for (int i = 0; i < 50; i++) {
    a = a * 3 + b, b ^= c << 3, c += d * 7, d = a - c, x = x * 1.25 + y, y = y - x * 0.5;
    if (pid && i % 10 == 0) sys_kill(pid, SIGUSR1);
  }
  return a ^ b ^ c ^ d ^ (u64)(i64)(x + y);
}
static int status_of(void (*body)(void)) {
  int status, pid = fork();
  if (!pid) { body(); quit(9); }
  check(sys_wait4(pid, &status, 0) == pid, "wait4");
  return status;
}
static volatile int *volatile wild = (int *)8;
static void die_by_fault(void) { *wild = 1; }
static void die_by_illegal(void) { __asm__ volatile(".word 0"); }
static void die_by_term(void) { sys_kill(sys_getpid(), SIGTERM); }
static void exit_seven(void) { quit(7); }

int main(void) {
  int me = sys_getpid();
  handle(SIGUSR1, note);
  check(registers_survive(me) == registers_survive(0), "registers survive handlers");
  check(count[SIGUSR1] == 5, "each signal is handled once");

  u64 mask = 1ul << (SIGUSR2 - 1), old;
  handle(SIGUSR2, note);
  sys_sigprocmask(SIG_BLOCK, &mask, 0);
  sys_kill(me, SIGUSR2);
  sys_kill(me, SIGUSR2);
  check(count[SIGUSR2] == 0, "a blocked signal waits");
  sys_sigprocmask(SIG_UNBLOCK, &mask, &old);
  check(count[SIGUSR2] == 1 && old == mask, "and is delivered once when unblocked");

  handle(SIGCHLD, note);
  check(status_of(exit_seven) == 7 << 8, "exit status");
  check(count[SIGCHLD] >= 1, "SIGCHLD comes");
  check((status_of(die_by_fault) & 0x7f) == SIGSEGV, "a wild store ends with SIGSEGV");
  check((status_of(die_by_illegal) & 0x7f) == SIGILL, "an illegal instruction ends with SIGILL");
  check((status_of(die_by_term) & 0x7f) == SIGTERM, "SIGTERM ends");
  print("sigtest: ok\n");
  return 0;
}
