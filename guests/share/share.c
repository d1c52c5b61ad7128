/*
 * Two guests that share a hart, built from one source. `spin` computes with all of its interrupts off and makes no call until it is done:
 * only the machine's own timer can take the hart from it. `sleeper` sleeps a while, twenty times, and prints how late it woke up. For the
 * scenario timeshare.
 */
#define LINE 96
#include "say.h"

enum { ROUNDS = 20, NAP = 50000 /* ticks of 100 ns: 5 ms */, TICKS_PER_US = 10 };
#define LOOPS 150000000ul /* two instructions each */

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
  call(SRST, 0, 0, 0, 0);
}
#else
void measure(void) {
  u64 worst = 0, sum = 0;
  __asm__ volatile("csrs sie, %0" : : "r"(1 << 5)); // the timer wakes; with sstatus.SIE off it does not interrupt
  for (int round = 0; round < ROUNDS; round++) {
    u64 due = ticks() + NAP;
    call(TIME, 0, due, 0, 0);
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
  call(SRST, 0, 0, 0, 0);
}
#endif
