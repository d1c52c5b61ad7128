/* periodic ROUNDS: the same as guests/native/periodic.c, as a process with the highest priority that Linux has (SCHED_FIFO). */
#include "std.h"
#include "lateness.h"

enum { SYS_clock_nanosleep = 115, SYS_sched_setscheduler = 119, PERIOD = 1000000 };

int main(int argc, char **argv) {
  static struct lateness late;
  i64 rounds = argc > 1 ? number(argv[1]) : 1000;
  int priority = 99;
  CALL3(SYS_sched_setscheduler, 0, 1, &priority);
  u64 due = now() / PERIOD * PERIOD + PERIOD;
  for (i64 i = 0; i < rounds; i++, due += PERIOD) {
    struct timespec t = {(i64)(due / 1000000000), (i64)(due % 1000000000)};
    CALL4(SYS_clock_nanosleep, 1, 1, &t, 0);
    late_note(&late, (now() - due) / 100);
  }
  for (int i = 0; i < LATE_BUCKETS; i++) if (late.counts[i]) print("process: below %d us: %d\n", 1ul << i, late.counts[i]);
  print("process: %d periods of a millisecond, latest by %d ns, on average by %d ns\n", rounds, late.worst * 100,
    late.sum * 100 / late.rounds);
  return 0;
}
