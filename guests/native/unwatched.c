/* The same calls as guests/linux/tests/alien.c makes, by a native program that nobody watches. */
#include "tessera.h"
#include "counter.h"

enum { ROUNDS = 1000 };

void main(const struct info *info) {
  struct gate counter;
  begin(info);
  gate_of(&counter, self.utcb, find("counter"));
  u64 before = now();
  for (int i = 0; i < ROUNDS; i++) if (counter_read(&counter) != OK) die("the counter does not answer");
  u64 each = (now() - before) * 100 / ROUNDS; /* the clock ticks every 100 ns */
  print_number(ROUNDS, 10);
  print(" calls that nobody watches, ");
  print_number(each, 10);
  print(" ns each\n");
  end(0, "all calls answered");
}
