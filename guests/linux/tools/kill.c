/* kill [-NUMBER] PID… */
#include "std.h"
int main(int argc, char **argv) {
  int first = 1, signal = SIGTERM, status = 0;
  if (argc > 1 && argv[1][0] == '-') signal = number(argv[1] + 1), first = 2;
  if (first == argc) { complain("usage: kill [-NUMBER] PID...\n"); return 2; }
  for (int i = first; i < argc; i++) {
    i64 got = sys_kill(number(argv[i]), signal);
    if (got < 0) complain("kill: %s: %s\n", argv[i], why(got)), status = 1;
  }
  return status;
}
