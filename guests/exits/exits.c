/*
 * A guest that measures its own exits. It counts cycles around calls of firmware and reads of a device register, and prints the cost of one
 * of each. Then it sleeps fifty times for a moment and touches 64 pages after each: the machine counts how many of its TLB entries the
 * other guests have left.
 */
#include "say.h"

enum { LINE_STATUS = 0x10000005, TIMES = 200, ROUNDS = 50, PAGES = 64, NAP = 200 /* ticks of 100 ns */ };
extern volatile char pages[];

static u64 calls(void) {
  u64 from = cycle();
  for (int i = 0; i < TIMES; i++) call(BASE, 0, 0, 0, 0);
  return (cycle() - from) / TIMES;
}
static u64 reads(void) {
  u64 from = cycle();
  for (int i = 0; i < TIMES; i++) *(volatile unsigned char *)LINE_STATUS;
  return (cycle() - from) / TIMES;
}

void measure(void) {
  text("exits: a call of firmware takes ");
  number(calls());
  text(" cycles, a device register ");
  number(reads());
  say();
  __asm__ volatile("csrs sie, %0" : : "r"(1 << 5)); // the timer wakes; with sstatus.SIE off it does not interrupt
  for (int round = 0; round < ROUNDS; round++) {
    call(TIME, 0, ticks() + NAP, 0, 0);
    __asm__ volatile("wfi");
    for (int i = 0; i < PAGES; i++) pages[i * 4096]++;
  }
  text("exits: slept 50 times");
  say();
  call(SRST, 0, 0, 0, 0);
}
