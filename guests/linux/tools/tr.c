/* tr [-d] SET1 [SET2]: replaces or deletes characters; ranges a-z and escapes \n \t \\ in sets; a short SET2 repeats its last. */
#include "std.h"
static u8 from[512], to[512];
static int expand(const char *s, u8 *out) {
  int n = 0;
  while (*s && n < 256) {
    u8 c = *s++;
    if (c == '\\' && *s) c = *s == 'n' ? '\n' : *s == 't' ? '\t' : *s, s++;
    if (*s == '-' && s[1]) { for (int x = c; x <= (u8)s[1] && n < 256; x++) out[n++] = x; s += 2; }
    else out[n++] = c;
  }
  return n;
}
int main(int argc, char **argv) {
  int drop = argc > 1 && !strcmp(argv[1], "-d");
  if (argc != 3) { complain("usage: tr [-d] SET1 [SET2]\n"); return 2; }
  int n = expand(argv[drop ? 2 : 1], from), m = drop ? 0 : expand(argv[2], to);
  if (!drop && !m) { complain("tr: SET2 is empty\n"); return 2; }
  static char map[256], gone[256], buffer[4096];
  for (int i = 0; i < 256; i++) map[i] = i;
  for (int i = 0; i < n; i++) drop ? (gone[from[i]] = 1) : (map[from[i]] = to[i < m ? i : m - 1]);
  for (i64 got; (got = sys_read(0, buffer, sizeof buffer)) > 0; flush())
    for (i64 i = 0; i < got; i++) if (!gone[(u8)buffer[i]]) put(&map[(u8)buffer[i]], 1);
  return 0;
}
