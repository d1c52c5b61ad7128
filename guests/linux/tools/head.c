/* head [-n N] [FILE]: the first N lines, ten by default. */
#include "std.h"
int main(int argc, char **argv) {
  i64 lines = 10;
  int first = 1, fd = 0;
  if (argc > 2 && !strcmp(argv[1], "-n")) lines = number(argv[2]), first = 3;
  else if (argc > 1 && argv[1][0] == '-' && argv[1][1]) lines = number(argv[1] + 1), first = 2;
  if (first < argc && (fd = sys_open(argv[first], O_RDONLY, 0)) < 0) { complain("head: %s: %s\n", argv[first], why(fd)); return 1; }
  static char buffer[4096];
  for (i64 got; lines > 0 && (got = sys_read(fd, buffer, sizeof buffer)) > 0;)
    for (i64 i = 0; i < got && lines > 0; i++) { put(buffer + i, 1); lines -= buffer[i] == '\n'; }
  return 0;
}
