/*
 * hybrid: half Linux, half L4. A process of the Unix server calls a counter beside the server, while a Linux timer sends it signals all
 * the time. Each call must happen exactly once; a call that is never answered must not keep the process when it is killed.
 *   hybrid [CALLS TICK_US [SEED]]     with SEED a child sends signals of all kinds at random moments
 */
#include "std.h"
#include "counter.h"

enum { CALLS = 40, TICK_US = 5300, SYS_setitimer = 103, STATE_AT = 64, SIGCONT = 18, SIGSTOP = 19, SIGWINCH = 28 };
static volatile int ticks;
static void tick(int signal) { (void)signal; ticks++; }
static void every(i64 us) {
  struct { i64 s, us, s2, us2; } t = {0, us, 0, us};
  CALL3(SYS_setitimer, 0, &t, 0);
}

/* The letter of a process's state in /proc. */
static char state_of(int pid) {
  char path[STATE_AT] = "/proc/", text[256], *to = path + 6, digits[12], *d = digits + 11;
  *d = 0;
  do *--d = '0' + pid % 10; while (pid /= 10);
  while (*d) *to++ = *d++;
  memcpy(to, "/stat", 6);
  int fd = sys_open(path, O_RDONLY, 0);
  i64 n = sys_read(fd, text, sizeof text - 1);
  sys_close(fd);
  if (n <= 0) return '?';
  text[n] = 0;
  char *end = strchr(text, ')');
  return end ? end[2] : '?';
}

/* A child calls a partner that never answers: prints the child's state, and how long it survives a kill. */
static int silent_partner(void) {
  int status = 0, pid = fork();
  if (!pid) {
    struct gate silent;
    if (gate_open(&silent, "silent")) quit(1);
    gate_call(&silent, COUNTER_WAIT, 0);
    quit(2);
  }
  sys_nanosleep(0, 5000000);
  char state = state_of(pid);
  sys_kill(pid, SIGTERM);
  sys_nanosleep(0, 5000000);
  print("a child waits for a silent partner: state %c, and %c after SIGTERM\n", state, state_of(pid));
  u64 before = now();
  sys_kill(pid, SIGKILL);
  sys_wait4(pid, &status, 0);
  u64 ms = (now() - before) / 1000000;
  print("SIGKILL took %d ms, the child died of signal %d\n", ms, status & 127);
  return state == 'D' && (status & 127) == SIGKILL && ms < 1000;
}

/* Sends the parent signals that it handles, signals that it ignores, and signals that stop and continue it. */
static int pest(u64 seed) {
  int pid = fork(), parent = sys_getppid();
  if (pid) return pid;
  parent = sys_getppid();
  for (;;) {
    seed = seed * 6364136223846793005ul + 1442695040888963407ul;
    sys_nanosleep(0, (i64)(seed >> 33) % 3000000);
    u64 kind = (seed >> 20) % 4;
    sys_kill(parent, kind == 0 ? SIGUSR1 : kind == 1 ? SIGWINCH : kind == 2 ? SIGALRM : SIGSTOP);
    if (kind == 3) sys_kill(parent, SIGCONT);
  }
}

int main(int argc, char **argv) {
  i64 calls = argc > 2 ? number(argv[1]) : CALLS, period = argc > 2 ? number(argv[2]) : TICK_US;
  struct gate counter;
  struct sigaction action = {tick, 0x10000000 /* SA_RESTART */, 0};
  i64 failed = gate_open(&counter, "counter");
  if (failed) { complain("hybrid: /dev/l4/counter: %s\n", why(failed)); quit(1); }
  sys_sigaction(SIGALRM, &action, 0);
  sys_sigaction(SIGUSR1, &action, 0);
  int child = argc > 3 ? pest(number(argv[3])) : 0;
  every(period);
  i64 good = 0;
  for (i64 i = 0; i < calls; i++) good += counter_add(&counter, 1) == OK;
  every(0);
  if (child) { sys_kill(child, SIGKILL); sys_wait4(child, 0, 0); }
  counter_read(&counter);
  u64 total = gate_word(&counter, 0);
  print("%d calls, %d answered, %d signals handled between them\n", calls, good, ticks);
  int once = total == (u64)calls && good == calls;
  if (once) print("the counter stands at %d: each call happened exactly once\n", total);
  else print("the counter stands at %d: NOT exactly once\n", total);
  int killed = silent_partner();
  quit(once && ticks > 0 && killed ? 0 : 1);
}
