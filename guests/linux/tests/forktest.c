/*
 * forktest [ROUNDS]: forks, waits and checks that memory is copied on write.
 * Every child must see the parent's memory as it was at the fork; it changes its copy, and the parent must not see the change.
 */
#include "std.h"
enum { PAGES = 16, PAGE = 4096, CHILDREN = 8 };
static char area[PAGES * PAGE];

static void check(int good, const char *what) { if (!good) { complain("forktest: FAILED: %s\n", what); quit(1); } }

static void child(int round, int me) {
  for (int p = 0; p < PAGES; p++) if (area[p * PAGE + 7] != (char)(round + p)) quit(100);
  for (int p = 0; p < PAGES; p++) area[p * PAGE + 7] = me;
  for (int p = 0; p < PAGES; p++) if (area[p * PAGE + 7] != me) quit(101);
  quit(me);
}

static void one_round(int round) {
  int pids[CHILDREN], seen = 0, status;
  for (int p = 0; p < PAGES; p++) area[p * PAGE + 7] = round + p;
  for (int i = 0; i < CHILDREN; i++) {
    pids[i] = fork();
    check(pids[i] >= 0, "fork");
    if (!pids[i]) child(round, i + 1);
  }
  for (int i = 0; i < CHILDREN; i++) {
    int pid = sys_wait4(-1, &status, 0), who = -1;
    for (int k = 0; k < CHILDREN; k++) if (pids[k] == pid) who = k;
    check(who >= 0, "wait4 gave a child of ours");
    check(!(seen >> who & 1), "each child is waited for once");
    seen |= 1 << who;
    check((status & 0x7f) == 0 && (status >> 8 & 0xff) == who + 1, "a child saw the memory of the fork and kept its own");
  }
  check(sys_wait4(-1, &status, 0) == -ECHILD, "no child is left");
  for (int p = 0; p < PAGES; p++) check(area[p * PAGE + 7] == (char)(round + p), "the parent's memory is untouched");
}

/* A chain of children, each the parent of the next: the exit statuses add up on the way back. */
static int chain(int depth) {
  int status;
  if (!depth) return 0;
  int pid = fork();
  check(pid >= 0, "fork in a chain");
  if (!pid) quit(chain(depth - 1));
  check(sys_wait4(pid, &status, 0) == pid, "wait in a chain");
  return (status >> 8 & 0xff) + 1;
}

int main(int argc, char **argv) {
  int rounds = argc > 1 ? number(argv[1]) : 5;
  for (int r = 0; r < rounds; r++) one_round(r);
  check(chain(10) == 10, "a chain of ten");
  print("forktest: %d rounds of %d children, a chain of 10: ok\n", (i64)rounds, (i64)CHILDREN);
  return 0;
}
