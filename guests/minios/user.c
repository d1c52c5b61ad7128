/*
 * The program that every process runs. Argument 0 and 1: talk and yield; 2: compute without yielding, so that only the timer can take the
 * processor away; 3: touch the kernel's memory, which must end it.
 */
typedef unsigned long u64;
enum { CALL_EXIT = 0, CALL_PRINT = 1, CALL_YIELD = 2, CALL_TICKS = 3 };

static u64 call(u64 number, u64 a, u64 b) {
  register u64 a0 __asm__("a0") = a;
  register u64 a1 __asm__("a1") = b;
  register u64 a7 __asm__("a7") = number;
  __asm__ volatile("ecall" : "+r"(a0) : "r"(a1), "r"(a7) : "memory");
  return a0;
}
static void say(const char *text) { u64 n = 0; while (text[n]) n++; call(CALL_PRINT, (u64)text, n); }

static u64 talk(const char *first, const char *second) {
  say(first), call(CALL_YIELD, 0, 0);
  say(second), call(CALL_YIELD, 0, 0);
  return 0;
}
static u64 compute(void) {
  u64 start = call(CALL_TICKS, 0, 0), sum = 0;
  while (call(CALL_TICKS, 0, 0) < start + 2) for (volatile int i = 0; i < 1000; i++) sum += i;
  say("  [gamma] was preempted and is back\n");
  return sum ? 0 : 1;
}
__attribute__((section(".text.user_start"), noreturn)) void user_start(u64 me) {
  u64 status = 0;
  if (me == 0) status = talk("  [alpha] hello from user mode\n", "  [alpha] and again\n");
  if (me == 1) status = talk("  [beta] hello from user mode\n", "  [beta] and again\n");
  if (me == 2) status = compute();
  if (me == 3) *(volatile u64 *)0x80200000 = 0;
  for (;;) call(CALL_EXIT, status, 0);
}
