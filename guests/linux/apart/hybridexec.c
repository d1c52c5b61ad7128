/*
 * hybridexec alone: a process that has a gate replaces its program.
 * hybridexec counter | silent: a thread calls the microkernel itself, and the call takes a while (counter) or for ever (silent).
 * Meanwhile another thread replaces the program; the new program prints how the call ended and how long that took.
 */
#include "std.h"
#include "counter.h"

enum { VM = 0x100, FS = 0x200, FILES = 0x400, SIGHAND = 0x800, THREAD = 0x10000, SYSVSEM = 0x40000, STACK = 8192 };
static const char *partner;
static volatile int there;

static void caller(void) {
  struct gate gate;
  if (gate_open(&gate, partner)) quit(3);
  there = 1;
  if (strcmp(partner, "counter") == 0) counter_add(&gate, 5);
  else gate_call(&gate, COUNTER_WAIT, 0);
  complain("the thread has outlived its program\n");
  quit(4);
}
/* A thread on a stack of its own, which never returns. */
static i64 start(void (*body)(void), u8 *top) {
  register i64 a0 __asm__("a0") = VM | FS | FILES | SIGHAND | THREAD | SYSVSEM;
  register u8 *a1 __asm__("a1") = top;
  register i64 a2 __asm__("a2") = 0, a3 __asm__("a3") = 0, a4 __asm__("a4") = 0, a7 __asm__("a7") = SYS_clone;
  register void (*s1)(void) __asm__("s1") = body;
  __asm__ volatile("ecall; bnez a0, 1f; jalr s1; 1:" : "+r"(a0) : "r"(a1), "r"(a2), "r"(a3), "r"(a4), "r"(a7), "r"(s1) : "memory", "ra");
  return a0;
}
static void say(u64 since) {
  struct gate counter;
  u64 ms = (now() - since) / 1000000;
  if (gate_open(&counter, "counter")) quit(5);
  counter_read(&counter);
  print("the program was replaced after %d ms, the counter stands at %d\n", ms, gate_word(&counter, 0));
}
int main(int argc, char **argv) {
  static u8 stack[STACK] __attribute__((aligned(16)));
  char since[24], *at = since + 23, *again[] = {argv[0], argv[1], since, 0};
  if (argc > 2) { say((u64)number(argv[2])); quit(0); }
  partner = argc > 1 ? argv[1] : "counter";
  struct gate own;
  if (strcmp(partner, "alone") == 0) { if (gate_open(&own, "counter") || counter_add(&own, 5)) quit(2); there = 1; }
  else if (start(caller, stack + STACK) < 0) quit(2);
  while (!there) CALL0(SYS_sched_yield);
  sys_nanosleep(0, 2000000);
  *at = 0;
  for (u64 n = now(); n; n /= 10) *--at = '0' + n % 10;
  again[2] = at;
  i64 failed = sys_execve(argv[0], again, environ);
  complain("exec: %s\n", why(failed));
  return 1;
}
