/* ls [-la] [PATH…]: names in order; -l adds mode, links and size; -a shows dot files. */
#include "std.h"
static int lengthy, all;
static char *name[4096];

static void show(const char *folder, const char *base) {
  static char path[4096];
  struct stat st;
  if (!lengthy) { print("%s\n", base); return; }
  size_t n = folder ? strlen(folder) : 0;
  memcpy(path, folder, n);
  if (n) path[n++] = '/';
  memcpy(path + n, base, strlen(base) + 1);
  if (sys_stat(path, &st, AT_SYMLINK_NOFOLLOW) < 0) { print("??????????            ? %s\n", base); return; }
  char mode[11] = "?rwxrwxrwx";
  mode[0] = "?pc?d?b?-?l?s???"[st.mode >> 12 & 15];
  for (int i = 0; i < 9; i++) if (!(st.mode >> (8 - i) & 1)) mode[i + 1] = '-';
  print("%s %2d %9d %s\n", mode, (i64)st.nlink, st.size, base);
}
static int list(const char *path) {
  static char buffer[8192];
  size_t count = 0;
  int fd = sys_open(path, O_RDONLY | O_DIRECTORY, 0);
  if (fd == -20) { show(0, path); return 0; }
  if (fd < 0) { complain("ls: %s: %s\n", path, why(fd)); return 1; }
  for (i64 n; (n = sys_getdents(fd, buffer, sizeof buffer)) > 0;)
    for (i64 at = 0; at < n; at += ((struct dirent *)(buffer + at))->reclen) {
      char *base = ((struct dirent *)(buffer + at))->name;
      if ((*base == '.' && !all) || count == sizeof name / sizeof *name) continue;
      char *copy = memcpy(allocate(strlen(base) + 1), base, strlen(base) + 1);
      size_t i = count++;
      for (; i && strcmp(name[i - 1], copy) > 0; i--) name[i] = name[i - 1];
      name[i] = copy;
    }
  sys_close(fd);
  for (size_t i = 0; i < count; i++) show(path, name[i]);
  return 0;
}
int main(int argc, char **argv) {
  int first = 1, status = 0;
  for (; first < argc && argv[first][0] == '-' && argv[first][1]; first++)
    for (char *o = argv[first] + 1; *o; o++) if (*o == 'l') lengthy = 1; else if (*o == 'a') all = 1;
      else if (*o != '1') { complain("ls: unknown option -%c\n", *o); return 2; }
  if (first == argc) return list(".");
  for (int i = first; i < argc; i++) {
    if (argc - first > 1) print("%s:\n", argv[i]);
    status |= list(argv[i]);
  }
  return status;
}
