/* mkdir FOLDER… */
#include "std.h"
int main(int argc, char **argv) {
  int status = 0;
  for (int i = 1; i < argc; i++) {
    i64 got = CALL3(SYS_mkdirat, AT_FDCWD, argv[i], 0755);
    if (got < 0) complain("mkdir: %s: %s\n", argv[i], why(got)), status = 1;
  }
  return status;
}
