/* tee FILE…: copies standard input to standard output and to files. */
#include "std.h"
int main(int argc, char **argv) {
  static char buffer[8192];
  int fd[16], n = 0, status = 0;
  for (int i = 1; i < argc && n < 16; i++) {
    int got = sys_open(argv[i], O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (got < 0) complain("tee: %s: %s\n", argv[i], why(got)), status = 1; else fd[n++] = got;
  }
  for (i64 got; (got = sys_read(0, buffer, sizeof buffer)) > 0;) {
    write_all(1, buffer, got);
    for (int i = 0; i < n; i++) write_all(fd[i], buffer, got);
  }
  return status;
}
