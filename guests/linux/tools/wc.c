/* wc [-lwc] [FILE…]: counts lines, words and bytes. */
#include "std.h"
static u64 total[3];
static const char kinds[] = "lwc";
static int shown[3], any;
static void row(const u64 n[3], const char *name) {
  const char *gap = "";
  for (int k = 0; k < 3; k++) if (!any || shown[k]) print("%s%d", gap, n[k]), gap = " ";
  print(name ? " %s\n" : "\n", name);
}
static void count(int fd, const char *name) {
  static char buffer[16384];
  u64 n[3] = {0, 0, 0};
  int inside = 0;
  for (i64 got; (got = sys_read(fd, buffer, sizeof buffer)) > 0; n[2] += got)
    for (i64 i = 0; i < got; i++) {
      int space = buffer[i] == ' ' || (buffer[i] >= '\t' && buffer[i] <= '\r');
      n[0] += buffer[i] == '\n';
      n[1] += !space && !inside;
      inside = !space;
    }
  for (int k = 0; k < 3; k++) total[k] += n[k];
  row(n, name);
}
int main(int argc, char **argv) {
  int first = 1, status = 0;
  for (; first < argc && argv[first][0] == '-' && argv[first][1]; first++)
    for (char *o = argv[first] + 1; *o; o++) {
      char *at = strchr(kinds, *o);
      if (!at) { complain("wc: unknown option -%c\n", *o); return 2; }
      shown[at - kinds] = any = 1;
    }
  if (first == argc) count(0, 0);
  for (int i = first; i < argc; i++) {
    int fd = sys_open(argv[i], O_RDONLY, 0);
    if (fd < 0) { complain("wc: %s: %s\n", argv[i], why(fd)); status = 1; continue; }
    count(fd, argv[i]);
    sys_close(fd);
  }
  if (argc - first > 1) row(total, "total");
  return status;
}
