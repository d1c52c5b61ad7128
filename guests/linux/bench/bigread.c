/*
 * bigread [N]: one system call that reads N times a MiB (1,024) of /dev/zero, each into the same MiB. It asks of a kernel what `dd bs=1G`
 * asks, without needing its memory.
 */
#include "std.h"
enum { SYS_readv = 65, MIB = 1 << 20 };
static char buffer[MIB];
int main(int argc, char **argv) {
  static struct { char *at; u64 n; } pieces[1024];
  i64 n = argc > 1 ? number(argv[1]) : 1024;
  int zero = sys_open("/dev/zero", O_RDONLY, 0);
  for (int i = 0; i < n && i < 1024; i++) { pieces[i].at = buffer; pieces[i].n = MIB; }
  u64 start = now();
  i64 got = CALL3(SYS_readv, zero, pieces, n);
  print("bigread: %d bytes in one call, %d us\n", got, (now() - start) / 1000);
  flush();
  return got != n * MIB;
}
