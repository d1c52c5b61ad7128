/*
 * The shared object that every process finds at AT_SYSINFO_EHDR: what riscv64 Linux has there, under the same names and version.
 * It reads the time from the page below it, [vvar], which l4guest/kernel/timepage.ts keeps up to date. For a clock that the page does not
 * have it makes a system call.
 */
typedef long i64;
typedef unsigned long u64;
struct timespec { i64 sec, nsec; };
struct timeval { i64 sec, usec; };
struct pair { i64 key; u64 value; };

/* `ahead`, what the wall clock is ahead of the clock since the start, is true while `steady`, and while `changes` is even. */
extern const volatile struct { u64 changes, known, steady, ahead, keys, values[]; } vvar __attribute__((visibility("hidden")));

enum { REALTIME, MONOTONIC, MONOTONIC_RAW = 4, REALTIME_COARSE, MONOTONIC_COARSE, BOOTTIME, TAI = 11 };
enum {
  WALL = 1 << REALTIME | 1 << REALTIME_COARSE | 1 << TAI,
  OWN = 1 << MONOTONIC | 1 << MONOTONIC_RAW | 1 << MONOTONIC_COARSE | 1 << BOOTTIME
};
enum {
  SYS_clock_gettime = 113, SYS_clock_getres = 114, SYS_getcpu = 168, SYS_gettimeofday = 169, SYS_riscv_hwprobe = 258,
  SYS_riscv_flush_icache = 259
};
enum { NS_PER_TICK = 100 };

static i64 ask(i64 nr, i64 a, i64 b, i64 c, i64 d, i64 e) {
  register i64 a0 __asm__("a0") = a;
  register i64 a1 __asm__("a1") = b;
  register i64 a2 __asm__("a2") = c;
  register i64 a3 __asm__("a3") = d;
  register i64 a4 __asm__("a4") = e;
  register i64 a7 __asm__("a7") = nr;
  __asm__ volatile("ecall" : "+r"(a0) : "r"(a1), "r"(a2), "r"(a3), "r"(a4), "r"(a7) : "memory");
  return a0;
}

/* Nanoseconds that a clock of one of these kinds shows; 0: the page does not know. */
static u64 shown(u64 kinds, int clock) {
  u64 bit = (u64)clock < 12 ? 1ul << clock : 0, ticks, before, ns;
  if (!(bit & kinds) || !vvar.known) return 0;
  do {
    before = vvar.changes;
    if ((bit & WALL) && !vvar.steady) return 0;
    __asm__ volatile("rdtime %0" : "=r"(ticks));
    ns = ticks * NS_PER_TICK + (bit & WALL ? vvar.ahead : 0);
  } while (before != vvar.changes || (before & 1));
  return ns;
}

#define PUBLIC __attribute__((visibility("default")))
PUBLIC int __vdso_clock_gettime(int clock, struct timespec *to) {
  u64 ns = shown(WALL | OWN, clock);
  if (!ns) return ask(SYS_clock_gettime, clock, (i64)to, 0, 0, 0);
  to->sec = ns / 1000000000;
  to->nsec = ns % 1000000000;
  return 0;
}
PUBLIC int __vdso_gettimeofday(struct timeval *to, void *zone) {
  u64 ns = zone || !to ? 0 : shown(WALL, REALTIME);
  if (!ns) return ask(SYS_gettimeofday, (i64)to, (i64)zone, 0, 0, 0);
  to->sec = ns / 1000000000;
  to->usec = ns % 1000000000 / 1000;
  return 0;
}
PUBLIC int __vdso_clock_getres(int clock, struct timespec *to) { return ask(SYS_clock_getres, clock, (i64)to, 0, 0, 0); }
PUBLIC int __vdso_getcpu(unsigned *cpu, unsigned *node, void *unused) {
  return ask(SYS_getcpu, (i64)cpu, (i64)node, (i64)unused, 0, 0);
}
PUBLIC int __vdso_flush_icache(void *start, void *end, u64 flags) {
  return ask(SYS_riscv_flush_icache, (i64)start, (i64)end, flags, 0, 0);
}
PUBLIC int __vdso_riscv_hwprobe(struct pair *pairs, u64 count, u64 size, void *cpus, unsigned flags) {
  if (flags == 0) { /* all processors are alike */
    for (struct pair *pair = pairs; pair < pairs + count; pair++) {
      int known = (u64)pair->key < vvar.keys;
      pair->value = known ? vvar.values[pair->key] : 0;
      if (!known) pair->key = -1;
    }
    return 0;
  }
  return ask(SYS_riscv_hwprobe, (i64)pairs, count, size, (i64)cpus, flags);
}
