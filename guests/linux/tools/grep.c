/* grep [-vcq] TEXT [FILE]: lines that hold a fixed text; status 1 if there is none. */
#include "std.h"
int main(int argc, char **argv) {
  int first = 1, inverted = 0, counting = 0, quiet = 0, fd = 0;
  i64 found = 0;
  for (; first < argc && argv[first][0] == '-'; first++)
    for (char *o = argv[first] + 1; *o; o++) if (*o == 'v') inverted = 1; else if (*o == 'c') counting = 1; else if (*o == 'q') quiet = 1;
      else { complain("grep: unknown option -%c\n", *o); return 2; }
  if (first == argc) { complain("usage: grep [-vcq] TEXT [FILE]\n"); return 2; }
  if (first + 1 < argc && (fd = sys_open(argv[first + 1], O_RDONLY, 0)) < 0) { complain("grep: %s: %s\n", argv[first + 1], why(fd));
    return 2; }
  static char line[65536];
  while (read_line(fd, line, sizeof line) >= 0) {
    if ((strstr(line, argv[first]) == 0) != inverted) continue;
    found++;
    if (!counting && !quiet) print("%s\n", line);
  }
  if (counting) print("%d\n", found);
  return !found;
}
