/* pipetest [KIB]: sends bytes through a pipe and checks them; end of file, a broken pipe, and a full pipe that blocks. */
#include "std.h"
static void check(int good, const char *what) { if (!good) { complain("pipetest: FAILED: %s\n", what); quit(1); } }
static u8 pattern(u64 i) { return i * 31 + (i >> 8); }
static u8 buffer[3000];

static void produce(int fd, u64 total) {
  for (u64 done = 0; done < total;) {
    u64 n = total - done < sizeof buffer ? total - done : sizeof buffer;
    for (u64 i = 0; i < n; i++) buffer[i] = pattern(done + i);
    check(write_all(fd, buffer, n) == (i64)n, "write");
    done += n;
  }
}
static u64 consume(int fd) {
  u64 total = 0;
  for (i64 n; (n = sys_read(fd, buffer, 1777)) != 0; total += n) {
    check(n > 0, "read");
    for (i64 i = 0; i < n; i++) check(buffer[i] == pattern(total + i), "the bytes arrive in order and unchanged");
  }
  return total;
}
int main(int argc, char **argv) {
  u64 total = (argc > 1 ? number(argv[1]) : 256) * 1024;
  int fds[2], status;
  check(sys_pipe(fds) == 0, "pipe");
  int pid = fork();
  if (!pid) { sys_close(fds[0]); produce(fds[1], total); quit(3); }
  sys_close(fds[1]);
  check(consume(fds[0]) == total, "all bytes arrive, then end of file");
  sys_close(fds[0]);
  check(sys_wait4(pid, &status, 0) == pid && status == 3 << 8, "the writer ends well");

  check(sys_pipe(fds) == 0, "second pipe");
  sys_close(fds[0]);
  struct sigaction ignore = {SIG_IGN, 0, 0};
  sys_sigaction(SIGPIPE, &ignore, 0);
  check(sys_write(fds[1], "x", 1) == -EPIPE, "writing without a reader gives EPIPE when SIGPIPE is ignored");
  pid = fork();
  if (!pid) { struct sigaction normal = {SIG_DFL, 0, 0}; sys_sigaction(SIGPIPE, &normal, 0); sys_write(fds[1], "x", 1); quit(0); }
  check(sys_wait4(pid, &status, 0) == pid && (status & 0x7f) == SIGPIPE, "and kills otherwise");
  print("pipetest: %d bytes: ok\n", total);
  return 0;
}
