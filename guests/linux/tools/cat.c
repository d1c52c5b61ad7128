/* cat [FILE…]: copies files to standard output; '-' or nothing is standard input. */
#include "std.h"
static int copy(int fd) {
  static char buffer[16384];
  for (;;) {
    i64 n = sys_read(fd, buffer, sizeof buffer);
    if (n == -EINTR) continue;
    if (n <= 0) return n < 0;
    if (write_all(1, buffer, n) < 0) return 1;
  }
}
int main(int argc, char **argv) {
  int status = 0;
  if (argc == 1) return copy(0);
  for (int i = 1; i < argc; i++) {
    int fd = strcmp(argv[i], "-") ? sys_open(argv[i], O_RDONLY, 0) : 0;
    if (fd < 0) { complain("cat: %s: %s\n", argv[i], why(fd)); status = 1; continue; }
    status |= copy(fd);
    if (fd) sys_close(fd);
  }
  return status;
}
