/* uname [-a]: the system's name, or all it says of itself. */
#include "std.h"
int main(int argc, char **argv) {
  struct utsname u;
  i64 got = CALL1(SYS_uname, &u);
  if (got < 0) { complain("uname: %s\n", why(got)); return 1; }
  if (argc > 1 && !strcmp(argv[1], "-a")) print("%s %s %s %s %s\n", u.sysname, u.nodename, u.release, u.version, u.machine);
  else if (argc > 1 && !strcmp(argv[1], "-m")) print("%s\n", u.machine);
  else print("%s\n", u.sysname);
  return 0;
}
