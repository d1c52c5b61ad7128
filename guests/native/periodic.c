/*
 * A periodic real-time task: wakes up every millisecond, notes how late it is, and says whether it was ever later than a bound.
 *   arguments: {"rounds":N,"bound":NS}
 */
#include "tessera.h"
#include "lateness.h"

enum { PERIOD = 10000 /* ticks of 100 ns */, FIRST = 400000 };

static struct lateness late;
static void say(const char *a, u64 n, const char *b) { print(a); print_number(n, 10); print(b); }

void main(const struct info *info) {

  begin(info);
  u64 numbers[2] = {0, 0}, n = 0, tardy = 0;
  for (const char *a = arguments(info); *a; a++) {
    if (*a >= '0' && *a <= '9' && n < 2) numbers[n] = numbers[n] * 10 + *a - '0';
    else if (numbers[n & 1]) n++;
  }
  u64 rounds = numbers[0], bound = numbers[1] / 100;
  for (u64 i = 0, due = FIRST; i < rounds; i++, due += PERIOD) {
    for (u64 t = now(); t < due; t = now()) ipc(RECEIVE, 0, (due - t) * 100);
    u64 by = now() - due;
    late_note(&late, by);
    tardy += by > bound;
  }
  for (int i = 0; i < LATE_BUCKETS; i++) if (late.counts[i]) { say("below ", 1ul << i, " us: "); say("", late.counts[i], "\n"); }
  say("", rounds, " periods of a millisecond, ");
  say("latest by ", late.worst * 100, " ns, ");
  say("on average by ", late.sum * 100 / (rounds ? rounds : 1), " ns\n");
  if (tardy) say("later than its bound ", tardy, " times\n");
  else print("never later than its bound\n");
  end(0, "all periods are over");
}
