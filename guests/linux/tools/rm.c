/* rm [-f] FILE… */
#include "std.h"
int main(int argc, char **argv) {
  int quiet = argc > 1 && !strcmp(argv[1], "-f"), status = 0;
  for (int i = 1 + quiet; i < argc; i++) {
    i64 got = CALL3(SYS_unlinkat, AT_FDCWD, argv[i], 0);
    if (got < 0 && !quiet) complain("rm: %s: %s\n", argv[i], why(got)), status = 1;
  }
  return status;
}
