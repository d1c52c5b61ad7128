/*
 * getpid-cost [N]: measures three ways of a system call: as an exception, as a message that the program's library sends itself, and
 * without any call, by reading the time from a shared page.
 */
#include "fast.h"

enum { SYS_gettid = 178 };

static void say(const char *what, u64 ns, i64 n) { print("%s: %d ns each\n", what, ns / n); }

int main(int argc, char **argv) {
  i64 n = argc > 1 ? number(argv[1]) : 1000, wrong = 0;
  struct gate any;
  struct timespec t, last = {0, 0};
  u64 start = now();
  for (i64 i = 0; i < n; i++) sys_getppid();
  say("exception: getppid", now() - start, n);

  i64 parent = sys_getppid(), me = CALL0(SYS_gettid);
  if (gate_open(&any, "counter") == 0) {
    u64 portal = FAST_PORTALS + (me & 255);
    start = now();
    for (i64 i = 0; i < n; i++) wrong += fast_call(any.utcb, portal, SYS_getppid, 0) != parent;
    say("message: getppid", now() - start, n);
    wrong += fast_call(any.utcb, portal, SYS_getpid, 0) != sys_getpid();
    wrong += fast_call(any.utcb, portal, SYS_uname, 0) != CALL1(SYS_uname, 0);
  }

  start = now();
  for (i64 i = 0; i < n; i++) CALL2(SYS_clock_gettime, 1, &t);
  say("exception: clock_gettime", now() - start, n);
  fast_clock clock = clock_of_page();
  start = now();
  for (i64 i = 0; i < n; i++) {
    wrong += clock(1, &t) != 0 || t.sec < last.sec || (t.sec == last.sec && t.nsec < last.nsec);
    last = t;
  }
  say("shared page: clock_gettime", now() - start, n);
  struct timespec wall, page;
  CALL2(SYS_clock_gettime, 0, &wall);
  clock(0, &page);
  i64 apart = (page.sec - wall.sec) * 1000000000 + page.nsec - wall.nsec;
  wrong += apart < -100 || apart > 100000;
  wrong += clock(2, &t) != CALL2(SYS_clock_gettime, 2, &t); /* one that the page does not know */
  print(wrong ? "%d answers were wrong\n" : "every answer was right\n", wrong);
  quit(wrong != 0);
}
