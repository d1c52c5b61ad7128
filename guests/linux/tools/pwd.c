/* pwd */
#include "std.h"
int main(void) {
  static char path[4096];
  i64 got = CALL2(SYS_getcwd, path, sizeof path);
  if (got < 0) { complain("pwd: %s\n", why(got)); return 1; }
  print("%s\n", path);
  return 0;
}
