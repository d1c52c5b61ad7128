/*
 * Two guests that share a hart, out of one source. `spin` computes with all of its interrupts off and calls nobody until it is done: only the
 * machine's own timer can take the hart from it. `sleeper` sleeps a while, twenty times, and says how late it was woken. For the scenario timeshare.
 */
typedef unsigned long u64;
enum { DBCN = 0x4442434e, TIME = 0x54494d45, SRST = 0x53525354 };
enum { ROUNDS = 20, NAP = 50000 /* ticks of 100 ns: 5 ms */, TICKS_PER_US = 10 };
#define LOOPS 150000000ul /* two instructions each */

static u64 call(u64 extension, u64 a, u64 b, u64 c) {
  register u64 a0 __asm__("a0") = a;
  register u64 a1 __asm__("a1") = b;
  register u64 a2 __asm__("a2") = c;
  register u64 a6 __asm__("a6") = 0;
  register u64 a7 __asm__("a7") = extension;
  __asm__ volatile("ecall" : "+r"(a0), "+r"(a1) : "r"(a2), "r"(a6), "r"(a7) : "memory");
  return a0;
}
static u64 ticks(void) { u64 n; __asm__ volatile("rdtime %0" : "=r"(n)); return n; }

static char line[96];
static int length;
static void text(const char *s) { while (*s) line[length++] = *s++; }
static void number(u64 n) {
  char digits[20];
  int i = 0;
  do digits[i++] = '0' + n % 10; while (n /= 10);
  while (i) line[length++] = digits[--i];
}
static void say(void) { line[length++] = '\n'; call(DBCN, length, (u64)line, 0); length = 0; }

#ifdef SPIN
void measure(void) {
  __asm__ volatile("csrw sie, zero; csrci sstatus, 2");
  u64 from = ticks(), n = LOOPS;
  __asm__ volatile("1: addi %0, %0, -1; bnez %0, 1b" : "+r"(n));
  u64 took = ticks() - from;
  text("spin: computed for ");
  number(took / TICKS_PER_US);
  text(" us without letting anybody interrupt");
  say();
  call(SRST, 0, 0, 0);
}
#else
void measure(void) {
  u64 worst = 0, sum = 0;
  __asm__ volatile("csrs sie, %0" : : "r"(1 << 5)); // the timer wakes; with sstatus.SIE off it does not interrupt
  for (int round = 0; round < ROUNDS; round++) {
    u64 due = ticks() + NAP;
    call(TIME, due, 0, 0);
    __asm__ volatile("wfi");
    u64 late = ticks() - due;
    sum += late;
    if (late > worst) worst = late;
  }
  text("sleeper: late by ");
  number(sum / ROUNDS / TICKS_PER_US);
  text(" us on average, ");
  number(worst / TICKS_PER_US);
  text(" at most");
  say();
  call(SRST, 0, 0, 0);
}
#endif
