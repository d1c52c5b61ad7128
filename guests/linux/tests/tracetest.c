/*
 * tracetest: a small debugger. It traces a child's system calls, changes the result of one of them, writes a breakpoint into the child's
 * code and lets the child run into it, and follows the child's forks.
 */
#include "std.h"
enum { SYS_ptrace = 117, TRACEME = 0, PEEK = 2, POKE = 5, CONT = 7, SYSCALL = 24, SETOPTIONS = 0x4200, GETEVENTMSG = 0x4201,
  GETREGSET = 0x4204, SETREGSET = 0x4205 };
enum { SYSGOOD = 1, TRACEFORK = 2, SIGTRAP = 5, SIGSTOP = 19, WALL = 0x40000000, PC = 0, A0 = 10, A7 = 17, ANSWER = 4711 };
struct iovec { void *base; size_t length; };

static void check(int good, const char *what) { if (!good) { complain("tracetest: FAILED: %s\n", what); quit(1); } }
static i64 trace(int request, int pid, i64 addr, i64 data) { return CALL4(SYS_ptrace, request, pid, addr, data); }

static int stops_here(int x) { __asm__ volatile("" ::: "memory"); return x + 1; }
static int (*volatile target)(int) = stops_here;

static void child(void) {
  check(trace(TRACEME, 0, 0, 0) == 0, "PTRACE_TRACEME");
  sys_kill(sys_getpid(), SIGSTOP);
  if (CALL0(SYS_getppid) != ANSWER) quit(1);
  if (target(41) != 42) quit(2);
  int pid = sys_fork(), status;
  if (pid == 0) quit(5);
  if (sys_wait4(pid, &status, 0) != pid || status != 5 << 8) quit(3);
  quit(7);
}

static void registers(int pid, u64 *r, int write) {
  struct iovec set = {r, 32 * 8};
  check(trace(write ? SETREGSET : GETREGSET, pid, 1, (i64)&set) == 0 && set.length == 32 * 8, "PTRACE_GETREGSET, PTRACE_SETREGSET");
}
static int wait_for(int pid, const char *what) {
  int status;
  check(sys_wait4(pid, &status, WALL) == pid, what);
  return status;
}

/* Goes from system call to system call, changes the result of getppid, and counts the stops. */
static int change_answer(int pid) {
  u64 r[32];
  for (int stops = 1, nr = 0; ; stops++) {
    check(trace(SYSCALL, pid, 0, 0) == 0, "PTRACE_SYSCALL");
    check(wait_for(pid, "a stop at a system call") == ((SIGTRAP | 0x80) << 8 | 0x7f), "status of a stop at a system call");
    registers(pid, r, 0);
    if (stops & 1) { nr = r[A7]; continue; }
    if (nr != SYS_getppid) continue;
    check((int)r[A0] == sys_getpid(), "the real answer");
    r[A0] = ANSWER;
    registers(pid, r, 1);
    return stops;
  }
}
static void breakpoint(int pid) {
  u64 r[32], at = (u64)target & ~7ul, old, shift = ((u64)target & 7) * 8;
  check(trace(PEEK, pid, at, (i64)&old) == 0 && memcmp(&old, (void *)at, 8) == 0, "the child's code is ours");
  check(trace(POKE, pid, at, (old & ~(0xfffful << shift)) | 0x9002ul << shift) == 0, "writing c.ebreak into code");
  check(trace(CONT, pid, 0, 0) == 0 && wait_for(pid, "the breakpoint") == (SIGTRAP << 8 | 0x7f), "a stop at the breakpoint");
  registers(pid, r, 0);
  check(r[PC] == (u64)target && r[A0] == 41, "pc and argument at the breakpoint");
  check(trace(POKE, pid, at, old) == 0 && *(u64 *)at == old, "the code is back, and ours was never changed");
}
static void follow_fork(int pid) {
  u64 kid = 0;
  int seen = 0, status;
  check(trace(CONT, pid, 0, 0) == 0, "PTRACE_CONT");
  for (int who; (who = sys_wait4(-1, &status, WALL)) > 0; ) {
    if (status >> 8 == (SIGTRAP | 1 << 8)) { check(trace(GETEVENTMSG, pid, 0, (i64)&kid) == 0, "PTRACE_GETEVENTMSG"); seen |= 1; }
    else if (status == (SIGSTOP << 8 | 0x7f) && who != pid) seen |= 2;
    else if (status == 5 << 8 && who == (int)kid) { seen |= 4; continue; }
    else if (status == 7 << 8 && who == pid) { seen |= 8; continue; }
    else check((status & 0xff) == 0x7f && status >> 8 == SIGCHLD, "an expected stop");
    check(trace(CONT, who, 0, status >> 8 == SIGCHLD ? SIGCHLD : 0) == 0, "going on");
  }
  check(seen == 15, "the fork, the new child, and both ends");
}

int main(void) {
  int pid = fork();
  if (!pid) child();
  check(wait_for(pid, "the child") == (SIGSTOP << 8 | 0x7f), "the child stops itself");
  check(trace(SETOPTIONS, pid, 0, SYSGOOD | TRACEFORK) == 0, "PTRACE_SETOPTIONS");
  int stops = change_answer(pid);
  breakpoint(pid);
  follow_fork(pid);
  print("tracetest: %d stops, a breakpoint, a fork: ok\n", stops);
  quit(0);
}
