/* echo [-n] WORD… */
#include "std.h"
int main(int argc, char **argv) {
  int plain = argc > 1 && !strcmp(argv[1], "-n"), first = 1 + plain;
  for (int i = first; i < argc; i++) print(i > first ? " %s" : "%s", argv[i]);
  if (!plain) print("\n");
  return 0;
}
