/* sort [-rnu] [FILE…]: sorts lines: reversed, by number, unique. */
#include "std.h"
static char **line;
static size_t count, room;
static int reversed, numeric, unique;

static void add(char *text) {
  if (count == room) {
    char **more = allocate((room = room ? room * 2 : 256) * sizeof *more);
    memcpy(more, line, count * sizeof *more);
    line = more;
  }
  line[count++] = text;
}
static void load(int fd) {
  size_t have = 0, size = 65536;
  char *text = allocate(size);
  for (i64 n; (n = sys_read(fd, text + have, size - have - 1)) > 0;)
    if ((have += n) + 1 == size) { char *more = allocate(size * 2); memcpy(more, text, have); text = more; size *= 2; }
  for (char *at = text, *end = text + have; at < end;) {
    char *next = at;
    while (next < end && *next != '\n') next++;
    *next = 0;
    add(at);
    at = next + 1;
  }
}
static int compare(const char *a, const char *b) {
  if (numeric) { i64 x = number(a), y = number(b); if (x != y) return x < y ? -1 : 1; }
  return strcmp(a, b);
}
static void merge_sort(char **at, char **spare, size_t n) {
  if (n < 2) return;
  size_t half = n / 2, i = 0, j = half, k = 0;
  merge_sort(at, spare, half);
  merge_sort(at + half, spare, n - half);
  while (i < half && j < n) spare[k++] = compare(at[j], at[i]) * (reversed ? -1 : 1) < 0 ? at[j++] : at[i++];
  while (i < half) spare[k++] = at[i++];
  memcpy(at, spare, k * sizeof *at);
}
int main(int argc, char **argv) {
  int first = 1, status = 0;
  for (; first < argc && argv[first][0] == '-' && argv[first][1]; first++)
    for (char *o = argv[first] + 1; *o; o++)
      if (*o == 'r') reversed = 1; else if (*o == 'n') numeric = 1; else if (*o == 'u') unique = 1;
      else { complain("sort: unknown option -%c\n", *o); return 2; }
  if (first == argc) load(0);
  for (int i = first; i < argc; i++) {
    int fd = sys_open(argv[i], O_RDONLY, 0);
    if (fd < 0) { complain("sort: %s: %s\n", argv[i], why(fd)); status = 2; continue; }
    load(fd);
    sys_close(fd);
  }
  merge_sort(line, allocate(count * sizeof *line), count);
  for (size_t i = 0; i < count; i++) if (!unique || !i || compare(line[i], line[i - 1])) print("%s\n", line[i]);
  return status;
}
