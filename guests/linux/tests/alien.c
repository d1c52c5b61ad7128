/*
 * alien: a Linux process whose calls of the microkernel are watched. A call that its server's policy refuses
 * does not happen and returns an errno; an allowed call costs a report before and one after, which this program measures.
 */
#include "std.h"
#include "counter.h"

enum { ROUNDS = 1000 };
static int wrong;
static void expect(const char *what, i64 got, i64 wanted) {
  print("%s: %s\n", what, got < 0 ? why(got) : got == OK ? "done" : "a status of the kernel");
  if (got != wanted) wrong++;
}

int main(void) {
  struct gate counter, stranger;
  i64 failed = gate_open(&counter, "counter");
  if (failed) { complain("alien: /dev/l4/counter: %s\n", why(failed)); quit(1); }
  expect("add 5", counter_add(&counter, 5), OK);
  expect("reset", counter_reset(&counter), -EACCES);
  counter_read(&counter);
  print("the counter stands at %d\n", gate_word(&counter, 0));
  if (gate_word(&counter, 0) != 5) wrong++;
  expect("an operation that has no name", gate_call(&counter, 0x9999, 0), -EPERM);
  gate_of(&stranger, counter.utcb, counter.selector + 1);
  expect("a selector that was never opened", counter_add(&stranger, 1), -EBADF);
  expect("waiting for anybody's message", (i64)ipc(RECEIVE, 0, 0).status, -22);
  counter.utcb->window = memory_page(0x10000, 12, RIGHT_RW);
  expect("room for memory from outside", counter_add(&counter, 1), -EPERM);
  counter.utcb->window = 0;
  u64 before = now();
  for (int i = 0; i < ROUNDS; i++) counter_read(&counter);
  print("%d calls under watch, %d ns each\n", ROUNDS, (now() - before) / ROUNDS);
  gate_close(&counter);
  print(wrong ? "%d answers were not as the policy says\n" : "every answer was as the policy says\n", wrong);
  quit(wrong ? 1 : 0);
}
