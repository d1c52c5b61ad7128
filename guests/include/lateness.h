/* A histogram of lateness, shared by the native and the Linux periodic program. Times are ticks of 100 ns. */
#pragma once
enum { LATE_BUCKETS = 20 };
struct lateness { unsigned long counts[LATE_BUCKETS], worst, sum, rounds; };

static inline void late_note(struct lateness *l, unsigned long late) {
  int bucket = 0;
  for (unsigned long n = late / 10; n > 0 && bucket < LATE_BUCKETS - 1; n >>= 1) bucket++; /* < 1 µs, < 2, < 4, … */
  l->counts[bucket]++, l->rounds++, l->sum += late;
  if (late > l->worst) l->worst = late;
}
