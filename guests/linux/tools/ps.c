/* ps: the processes, from /proc/PID/stat: number, parent, state, name. */
#include "std.h"
static int by_number[1024];
static void show(int pid) {
  char path[64] = "/proc/", text[512], digits[12];
  int n = 0, at = 6;
  for (int rest = pid; rest; rest /= 10) digits[n++] = '0' + rest % 10;
  while (n) path[at++] = digits[--n];
  memcpy(path + at, "/stat", 6);
  int fd = sys_open(path, O_RDONLY, 0);
  i64 got = fd < 0 ? 0 : sys_read(fd, text, sizeof text - 1);
  if (fd >= 0) sys_close(fd);
  if (got <= 0) return; /* it has ended meanwhile */
  text[got] = 0;
  char *open = strchr(text, '('), *close = open;
  for (char *c = open; c && *c; c++) if (*c == ')') close = c;
  if (!open) return;
  *close = 0;
  print("%5d %5d %c %s\n", (i64)pid, number(close + 4), close[2], open + 1);
}
int main(void) {
  static char buffer[8192];
  int count = 0, fd = sys_open("/proc", O_RDONLY | O_DIRECTORY, 0);
  if (fd < 0) { complain("ps: /proc: %s\n", why(fd)); return 1; }
  for (i64 n; (n = sys_getdents(fd, buffer, sizeof buffer)) > 0;)
    for (i64 at = 0; at < n; at += ((struct dirent *)(buffer + at))->reclen) {
      char *base = ((struct dirent *)(buffer + at))->name;
      if (*base >= '1' && *base <= '9' && count < 1024) by_number[count++] = number(base);
    }
  print("  PID  PPID S NAME\n");
  for (int i = 0; i < count; i++) show(by_number[i]);
  return 0;
}
