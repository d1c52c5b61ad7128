/* seq [FIRST [STEP]] LAST */
#include "std.h"
int main(int argc, char **argv) {
  if (argc < 2 || argc > 4) { complain("usage: seq [FIRST [STEP]] LAST\n"); return 2; }
  i64 first = argc > 2 ? number(argv[1]) : 1, step = argc > 3 ? number(argv[2]) : 1, last = number(argv[argc - 1]);
  if (!step) { complain("seq: the step is zero\n"); return 2; }
  for (i64 i = first; step > 0 ? i <= last : i >= last; i += step) print("%d\n", i);
  return 0;
}
