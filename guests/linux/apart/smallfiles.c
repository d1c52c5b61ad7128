/* smallfiles FOLDER [N]: writes N (10,000) files of 300 bytes, lists the folder, reads each as it was listed, removes all. */
#include "std.h"
static char buffer[65536], path[4096];
static void at(const char *folder, const char *name) {
  size_t n = strlen(folder);
  memcpy(path, folder, n);
  path[n] = '/';
  memcpy(path + n + 1, name, strlen(name) + 1);
}
/* Does something with each name of the folder; answers how many there were. */
static i64 each(const char *folder, int (*act)(const char *)) {
  static char names[32768];
  i64 count = 0;
  int fd = sys_open(folder, O_RDONLY | O_DIRECTORY, 0);
  for (i64 n; (n = sys_getdents(fd, names, sizeof names)) > 0;)
    for (i64 i = 0; i < n; i += ((struct dirent *)(names + i))->reclen) {
      const char *name = ((struct dirent *)(names + i))->name;
      if (*name != 'f') continue;
      at(folder, name);
      if (act(path)) { complain("smallfiles: %s\n", path); quit(1); }
      count++;
    }
  sys_close(fd);
  return count;
}
static i64 bytes;
static int take(const char *name) {
  struct stat st;
  int fd = sys_open(name, O_RDONLY, 0);
  if (fd < 0 || sys_fstat(fd, &st)) return 1;
  for (i64 n; (n = sys_read(fd, buffer, sizeof buffer)) > 0;) bytes += n;
  return sys_close(fd);
}
static int gone(const char *name) { return CALL3(SYS_unlinkat, AT_FDCWD, name, 0); }
int main(int argc, char **argv) {
  i64 n = argc > 2 ? number(argv[2]) : 10000;
  char name[] = "f0000000";
  if (argc < 2) return 2;
  memset(buffer, 'x', 300);
  for (i64 i = 0; i < n; i++) {
    for (i64 k = 7, rest = i; k > 0; k--, rest /= 10) name[k] = '0' + rest % 10;
    at(argv[1], name);
    int fd = sys_open(path, O_CREAT | O_TRUNC | O_WRONLY, 0644);
    if (fd < 0 || sys_write(fd, buffer, 300) != 300 || sys_close(fd)) { complain("smallfiles: %s\n", path); return 1; }
  }
  i64 read = each(argv[1], take), removed = each(argv[1], gone);
  print("smallfiles: %d written, %d read, %d bytes, %d removed\n", n, read, bytes, removed);
  return read == n && removed == n ? 0 : 1;
}
