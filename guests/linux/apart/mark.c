/*
 * mark: a program of which everything that it sees should be the same on every machine and under every monitor. Between pieces of work it
 * sets markers: `slti zero, zero, N` computes nothing (a hint that the manual leaves to software), and an observer outside that looks for
 * it can compare registers and memory there (tessera compare).
 */
#include "std.h"
#define MARK(n) __asm__ volatile("slti zero, zero, " #n ::: "memory")

enum { WORDS = 4096, PAGES = 8, SIZE = 4096 };
static u64 table[WORDS];

static u64 mix(u64 seed) {
  for (int i = 0; i < WORDS; i++) {
    seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
    table[i] = seed * 0x9e3779b97f4a7c15ul;
  }
  return seed;
}
static double divide(u64 seed) {
  double sum = 0;
  for (int i = 1; i < WORDS; i++) sum += (double)(table[i] >> 11) / (double)(seed % 1000 + (u64)i);
  return sum;
}
static u64 tell(u64 value) { /* through a pipe, from a child */
  int ends[2];
  u64 heard = 0;
  CALL(SYS_pipe2, ends, 0, 0, 0, 0, 0);
  if (fork() == 0) { /* its number would be different everywhere: nobody keeps it */
    table[0] = value; /* a page of its own from here on */
    MARK(5);
    write_all(ends[1], &value, sizeof value);
    quit(0);
  }
  CALL(SYS_read, ends[0], &heard, sizeof heard, 0, 0, 0);
  CALL(SYS_wait4, -1, 0, 0, 0, 0, 0);
  sys_yield(); /* … nor is it left in a register */
  return heard;
}
int main(void) {
  MARK(1);
  u64 seed = mix(88172645463325252ul);
  MARK(2);
  double sum = divide(seed);
  MARK(3);
  char *more = (char *)CALL(SYS_mmap, 0, PAGES * SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  for (int i = 0; i < PAGES; i++) more[i * SIZE + i] = (char)(seed >> i);
  CALL(SYS_mprotect, more, SIZE, PROT_READ, 0, 0, 0);
  CALL(SYS_munmap, more + SIZE, SIZE, 0, 0, 0, 0);
  MARK(4);
  u64 heard = tell(seed ^ (u64)sum);
  MARK(6);
  print("mark: %x %x\n", seed, heard);
  return 0;
}
