/*
 * A guest that measures its own exits. It counts cycles around calls of firmware and reads of a device register, says what one of each takes, then sleeps
 * fifty times for a moment and touches 64 pages after each: what the other guests leave of its TLB entries shows in the machine's counts.
 */
typedef unsigned long u64;
enum { DBCN = 0x4442434e, TIME = 0x54494d45, SRST = 0x53525354, BASE = 0x10 };
enum { LINE_STATUS = 0x10000005, TIMES = 200, ROUNDS = 50, PAGES = 64, NAP = 200 /* ticks of 100 ns */ };
extern volatile char pages[];

static u64 call(u64 extension, u64 function, u64 a, u64 b, u64 c) {
  register u64 a0 __asm__("a0") = a;
  register u64 a1 __asm__("a1") = b;
  register u64 a2 __asm__("a2") = c;
  register u64 a6 __asm__("a6") = function;
  register u64 a7 __asm__("a7") = extension;
  __asm__ volatile("ecall" : "+r"(a0), "+r"(a1) : "r"(a2), "r"(a6), "r"(a7) : "memory");
  return a0;
}
static u64 cycle(void) { u64 n; __asm__ volatile("rdcycle %0" : "=r"(n)); return n; }
static u64 ticks(void) { u64 n; __asm__ volatile("rdtime %0" : "=r"(n)); return n; }

static char line[128];
static int length;
static void text(const char *s) { while (*s) line[length++] = *s++; }
static void number(u64 n) {
  char digits[20];
  int i = 0;
  do digits[i++] = '0' + n % 10; while (n /= 10);
  while (i) line[length++] = digits[--i];
}
static void say(void) { line[length++] = '\n'; call(DBCN, 0, length, (u64)line, 0); length = 0; }

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
