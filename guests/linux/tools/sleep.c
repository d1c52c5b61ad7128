/* sleep SECONDS, with a fraction if wanted. */
#include "std.h"
int main(int argc, char **argv) {
  if (argc != 2) { complain("usage: sleep SECONDS\n"); return 2; }
  char *dot = strchr(argv[1], '.');
  i64 nanoseconds = 0;
  if (dot) for (i64 unit = 100000000; unit && *++dot >= '0' && *dot <= '9'; unit /= 10) nanoseconds += (*dot - '0') * unit;
  sys_nanosleep(number(argv[1]), nanoseconds);
  return 0;
}
