/* spin [N]: a loop of N million additions (forever with 0 or nothing), for preemption and Ctrl-C. */
#include "std.h"
int main(int argc, char **argv) {
  u64 n = argc > 1 ? number(argv[1]) * 1000000ul : 0;
  for (u64 i = 0; !n || i < n; i++) __asm__ volatile("");
  return 0;
}
