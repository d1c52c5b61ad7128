/*
 * slopes [MOST]: what operations cost by the size of what they work on, up to MOST bytes (4 MiB). One line each: operation, bytes,
 * nanoseconds. Runs unchanged on Linux and on a Unix server (bench/slopes.ts). Works in /tmp.
 */
#include "std.h"

enum { KIB = 1024, MIB = 1 << 20, PAGE = 4096, SYS_ftruncate = 46, SYS_pread = 67, SYS_pwrite = 68 };
static const i64 sizes[] = {PAGE, 16 * KIB, 64 * KIB, 256 * KIB, MIB, 4 * MIB, 16 * MIB, 100 * MIB};
static char *data;
static int file, other, pair[2];

static char *pages(i64 bytes) {
  char *p = sys_mmap(0, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if ((i64)p < 0 && (i64)p > -PAGE) { complain("slopes: no memory for %d bytes\n", bytes); quit(1); }
  return p;
}
static void touch(char *p, i64 bytes) { for (i64 i = 0; i < bytes; i += PAGE) p[i] = 1; }
static void read_op(i64 n) { for (i64 at = 0; at < n; at += MIB) CALL4(SYS_pread, file, data + at, n - at < MIB ? n - at : MIB, at); }
static void write_op(i64 n) { for (i64 at = 0; at < n; at += 64 * KIB) CALL4(SYS_pwrite, file, data + at,
  n - at < 64 * KIB ? n - at : 64 * KIB, at); }
static void copy_op(i64 n) {
  sys_lseek(file, 0, 0);
  sys_lseek(other, 0, 0);
  for (i64 at = 0; at < n; at += 64 * KIB) { i64 m = n - at < 64 * KIB ? n - at : 64 * KIB; sys_read(file, data, m);
    sys_write(other, data, m); }
}
static void pipe_op(i64 n) { for (i64 at = 0; at < n; at += 64 * KIB) { i64 m = n - at < 64 * KIB ? n - at : 64 * KIB;
  sys_write(pair[1], data, m); sys_read(pair[0], data, m); } }

/* Average of `times` runs, without what reading the clock costs. */
static u64 clock_cost;
static void say(const char *what, i64 bytes, u64 spent, i64 times) { print("%s %d %d\n", what, bytes,
  (spent > clock_cost ? spent - clock_cost : 0) / times); flush(); }
static void average(const char *what, i64 bytes, void (*op)(i64)) {
  i64 times = bytes < MIB ? 20 : 3;
  op(bytes);
  u64 start = now();
  for (i64 i = 0; i < times; i++) op(bytes);
  say(what, bytes, now() - start, times);
}
static void memory(i64 bytes) {
  i64 times = bytes < MIB ? 10 : bytes < 16 * MIB ? 3 : 1;
  u64 zero = 0, fork_time = 0, unmap = 0, t;
  for (i64 i = 0; i < times; i++) {
    char *p = pages(bytes);
    t = now(); touch(p, bytes); zero += now() - t - clock_cost;
    t = now();
    int status, pid = sys_fork();
    if (!pid) CALL1(SYS_exit_group, 0);
    if (pid < 0 || sys_wait4(pid, &status, 0) != pid) { complain("slopes: no process\n"); quit(1); }
    fork_time += now() - t - clock_cost;
    t = now(); CALL2(SYS_munmap, p, bytes); unmap += now() - t - clock_cost;
  }
  say("zero", bytes, zero + clock_cost, times);
  say("fork", bytes, fork_time + clock_cost, times);
  say("unmap", bytes, unmap + clock_cost, times);
}
int main(int argc, char **argv) {
  i64 most = argc > 1 ? number(argv[1]) : 4 * MIB, bytes = most < 4 * MIB ? most : 4 * MIB;
  u64 start = now();
  for (int i = 0; i < 100; i++) now();
  clock_cost = (now() - start) / 101;
  data = pages(bytes);
  touch(data, bytes);
  CALL4(SYS_mkdirat, AT_FDCWD, "/tmp", 0777, 0);
  file = sys_open("/tmp/slopes", O_RDWR | O_CREAT, 0600);
  other = sys_open("/tmp/slopes2", O_RDWR | O_CREAT, 0600);
  if (file < 0 || other < 0 || sys_pipe(pair) < 0) { complain("slopes: no files\n"); return 1; }
  write_op(bytes);
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes && sizes[i] <= bytes; i++) {
    average("read", sizes[i], read_op);
    average("write", sizes[i], write_op);
    average("copy", sizes[i], copy_op);
    average("pipe", sizes[i], pipe_op);
  }
  CALL4(SYS_unlinkat, AT_FDCWD, "/tmp/slopes", 0, 0);
  CALL4(SYS_unlinkat, AT_FDCWD, "/tmp/slopes2", 0, 0);
  sys_close(file);
  sys_close(other);
  CALL2(SYS_munmap, data, bytes);
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes && sizes[i] <= most; i++) memory(sizes[i]);
  return 0;
}
