/*
 * diskread [N [DEVICE]]: reads N blocks (256) of 4 KiB, at scattered places of /dev/vda, each by a request of its own that no cache
 * answers (O_DIRECT).
 */
#include "std.h"
static char block[4096] __attribute__((aligned(4096)));
int main(int argc, char **argv) {
  enum { O_DIRECT = 040000, BLOCKS = 1024 };
  i64 n = argc > 1 ? number(argv[1]) : 256;
  i64 fd = CALL(SYS_openat, -100, argc > 2 ? argv[2] : "/dev/vda", O_DIRECT, 0, 0, 0);
  if (fd < 0) { complain("diskread: %s\n", why(fd)); return 1; }
  u64 start = now();
  for (i64 i = 0; i < n; i++) {
    CALL(SYS_lseek, fd, (i * 37 % BLOCKS) * 4096, 0, 0, 0, 0);
    i64 got = sys_read(fd, block, 4096);
    if (got != 4096) { complain("diskread: block %d: %s\n", i, why(got)); return 1; }
  }
  print("diskread: %d blocks, %d ns each\n", n, n ? (now() - start) / n : 0);
  return 0;
}
