/*
 * costs [NAME…] [N]: what system calls cost, one line each: name, how often, nanoseconds in all. With names only those operations, with a
 * number N times as often. Runs unchanged on Linux and on a Unix server, so that both can be set side by side (bench/calibrate.ts). Works
 * in /tmp/costs, which it leaves empty.
 */
#include "std.h"

enum { MIB = 1 << 20, PAGE = 4096 };
enum { SYS_fcntl_ = 25, SYS_mkdir = 34, SYS_symlink = 36, SYS_rename = 38, SYS_ftruncate = 46, SYS_sendfile = 71, SYS_ppoll = 73,
  SYS_readlink = 78, SYS_pread = 67,
       SYS_futex = 98, SYS_umask = 166, SYS_eventfd = 19, SYS_madvise = 233, SYS_mremap = 216, SYS_gettid = 178, SYS_socket = 198,
       SYS_socketpair = 199,
       SYS_bind = 200, SYS_listen = 201, SYS_accept = 202, SYS_connect = 203, SYS_getsockname = 204, SYS_access = 48,
       SYS_copy_file_range = 285, SYS_writev = 66 };
enum { AF_UNIX = 1, AF_INET = 2, STREAM = 1, DATAGRAM = 2 };

static char buffer[MIB] __attribute__((aligned(4096)));
static char *memory; /* what a program holds beside itself, for fork */
static int file, pair[2], there[2], back[2], child, event;

#define IGNORE(x) ((void)(x))
#define SET(name) static void name##_set(void)
#define OP(name) static void name##_op(void)
static void nothing(void) {}
static i64 path(int call, const char *name, i64 c, i64 d) { return CALL4(call, AT_FDCWD, name, c, d); }
static void make(const char *name, i64 size) {
  int fd = sys_open(name, O_RDWR | O_CREAT | O_TRUNC, 0644);
  while (size > 0) { i64 n = sys_write(fd, buffer, size < MIB ? size : MIB); if (n <= 0) break; size -= n; }
  sys_close(fd);
}
static void must(int ok, const char *what) { if (!ok) { complain("costs: %s failed\n", what); quit(1); } }

/* ── calls that do next to nothing ── */
OP(getppid) { sys_getppid(); }
OP(gettid) { CALL0(SYS_gettid); }
OP(umask) { CALL1(SYS_umask, 022); }
OP(sigmask) { u64 old; sys_sigprocmask(SIG_BLOCK, 0, &old); }
OP(uname) { struct utsname u; CALL1(SYS_uname, &u); }
OP(yield) { sys_yield(); }
OP(getcwd) { CALL2(SYS_getcwd, buffer, 4096); }
OP(futex_wake) { static u32 word; CALL(SYS_futex, &word, 1 | 128, 1, 0, 0, 0); }
OP(getfd) { CALL3(SYS_fcntl, 0, 1, 0); }
OP(dup_close) { sys_close(CALL1(SYS_dup, 0)); }

/* ── bytes of files ── */
SET(open_big) { make("f", MIB); file = sys_open("f", O_RDWR, 0); must(file >= 0, "open"); }
OP(lseek) { sys_lseek(file, 0, 0); }
OP(fstat) { struct stat st; sys_fstat(file, &st); }
#define PREAD(name, n) OP(name) { CALL4(SYS_pread, file, buffer, n, 0); }
#define PWRITE(name, n) OP(name) { CALL4(68, file, buffer, n, 0); }
PREAD(read_1, 1) PREAD(read_512, 512) PREAD(read_4k, PAGE) PREAD(read_16k, 4 * PAGE) PREAD(read_64k, 16 * PAGE) PREAD(read_1m, MIB)
PWRITE(write_1, 1) PWRITE(write_512, 512) PWRITE(write_4k, PAGE) PWRITE(write_64k, 16 * PAGE) PWRITE(write_1m, MIB)
SET(open_fresh) { file = sys_open("g", O_RDWR | O_CREAT, 0644); }
OP(fresh_4k) { CALL2(SYS_ftruncate, file, 0); CALL4(68, file, buffer, PAGE, 0); }
OP(fresh_64k) { CALL2(SYS_ftruncate, file, 0); CALL4(68, file, buffer, 16 * PAGE, 0); }
OP(fresh_1m) { CALL2(SYS_ftruncate, file, 0); CALL4(68, file, buffer, MIB, 0); }
OP(hole_64k) { CALL2(SYS_ftruncate, file, 0); CALL2(SYS_ftruncate, file, MIB); CALL4(SYS_pread, file, buffer, 16 * PAGE, 0); }
OP(writev_4) { struct { void *at; u64 n; } v[4] = {{buffer, 100}, {buffer + 100, 100}, {buffer + 200, 100}, {buffer + 300, 100}};
  sys_lseek(file, 0, 0); CALL3(SYS_writev, file, v, 4); }

/* ── pipes, sockets, events ── */
SET(open_pipe) { must(sys_pipe(pair) == 0, "pipe"); }
#define THROUGH(name, n) OP(name) { sys_write(pair[1], buffer, n); sys_read(pair[0], buffer, n); }
THROUGH(pipe_1, 1) THROUGH(pipe_512, 512) THROUGH(pipe_4k, PAGE) THROUGH(pipe_64k, 16 * PAGE)
OP(pipe_make) { int p[2]; sys_pipe(p); sys_close(p[0]); sys_close(p[1]); }
static void partner(int from, int to) { char c; while (sys_read(from, &c, 1) == 1) sys_write(to, &c, 1); quit(0); }
SET(open_partner) {
  must(sys_pipe(there) == 0 && sys_pipe(back) == 0, "pipe");
  child = fork();
  if (!child) { sys_close(there[1]); sys_close(back[0]); partner(there[0], back[1]); }
  sys_close(there[0]); sys_close(back[1]);
}
OP(pipe_pingpong) { char c = 'x'; sys_write(there[1], &c, 1); sys_read(back[0], &c, 1); }
static void end_partner(void) { int status; sys_close(there[1]); sys_wait4(child, &status, 0); sys_close(back[0]); }
SET(open_sockets) { must(CALL4(SYS_socketpair, AF_UNIX, STREAM, 0, pair) == 0, "socketpair"); }
THROUGH(unix_1, 1) THROUGH(unix_4k, PAGE)
OP(socketpair) { int p[2]; CALL4(SYS_socketpair, AF_UNIX, STREAM, 0, p); sys_close(p[0]); sys_close(p[1]); }
static void loopback_up(int fd) {
  struct { char name[16]; u16 flags; char pad[22]; } r = {"lo", 1 | 0x40, {0}};
  CALL3(SYS_ioctl, fd, 0x8914, &r);
}
SET(open_udp) {
  struct { u16 family; u8 port[2], ip[4], zero[8]; } a = {AF_INET, {0, 0}, {127, 0, 0, 1}, {0}};
  int n = sizeof a;
  pair[0] = CALL3(SYS_socket, AF_INET, DATAGRAM, 0); pair[1] = CALL3(SYS_socket, AF_INET, DATAGRAM, 0);
  loopback_up(pair[0]);
  must(CALL3(SYS_bind, pair[0], &a, sizeof a) == 0, "bind");
  CALL3(SYS_getsockname, pair[0], &a, &n);
  must(CALL3(SYS_connect, pair[1], &a, sizeof a) == 0, "connect");
}
THROUGH(udp_1, 1) THROUGH(udp_1k, 1024)
SET(open_tcp) {
  struct { u16 family; u8 port[2], ip[4], zero[8]; } a = {AF_INET, {0, 0}, {127, 0, 0, 1}, {0}};
  int n = sizeof a, listener = CALL3(SYS_socket, AF_INET, STREAM, 0), one = 1;
  loopback_up(listener);
  must(CALL3(SYS_bind, listener, &a, sizeof a) == 0 && CALL2(SYS_listen, listener, 1) == 0, "listen");
  CALL3(SYS_getsockname, listener, &a, &n);
  pair[1] = CALL3(SYS_socket, AF_INET, STREAM, 0);
  must(CALL3(SYS_connect, pair[1], &a, sizeof a) == 0, "connect");
  pair[0] = CALL3(SYS_accept, listener, 0, 0);
  CALL(208, pair[1], 6, 1, &one, sizeof one, 0); /* TCP_NODELAY */
  sys_close(listener);
}
THROUGH(tcp_1, 1) THROUGH(tcp_1k, 1024)
static void close_pair(void) { sys_close(pair[0]); sys_close(pair[1]); }
SET(open_event) { event = CALL2(SYS_eventfd, 0, 0); }
OP(eventfd) { u64 one = 1; sys_write(event, &one, 8); sys_read(event, &one, 8); }
static void close_event(void) { sys_close(event); }
struct pollfd { int fd; short events, got; };
SET(poll_10) { must(sys_pipe(pair) == 0, "pipe"); }
OP(poll_1) { struct pollfd p = {pair[0], 1, 0}; struct timespec zero = {0, 0}; CALL(SYS_ppoll, &p, 1, &zero, 0, 8, 0); }
OP(poll_10) { struct pollfd p[10]; struct timespec zero = {0, 0}; for (int i = 0; i < 10; i++) p[i] = (struct pollfd){pair[0], 1, 0};
  CALL(SYS_ppoll, p, 10, &zero, 0, 8, 0); }

/* ── names ── */
SET(deep) {
  char name[32] = "d";
  path(SYS_mkdir, "d", 0755, 0);
  for (int i = 1; i < 15; i += 2) { name[i] = '/'; name[i + 1] = 'd'; path(SYS_mkdir, name, 0755, 0); }
  make("f", 0);
  CALL3(SYS_symlink, "f", AT_FDCWD, "l");
}
OP(stat_1) { struct stat st; sys_stat("f", &st, 0); }
OP(stat_2) { struct stat st; sys_stat("/tmp", &st, 0); }
OP(stat_8) { struct stat st; sys_stat("d/d/d/d/d/d/d/d", &st, 0); }
OP(stat_none) { struct stat st; sys_stat("none", &st, 0); }
OP(stat_link) { struct stat st; sys_stat("l", &st, 0); }
OP(access) { CALL3(SYS_access, AT_FDCWD, "f", 4); }
OP(readlink) { path(SYS_readlink, "l", (i64)buffer, 64); }
OP(open_close) { sys_close(sys_open("f", O_RDONLY, 0)); }
OP(create_unlink) { sys_close(sys_open("new", O_RDWR | O_CREAT, 0644)); path(SYS_unlinkat, "new", 0, 0); }
OP(mkdir_rmdir) { path(SYS_mkdir, "m", 0755, 0); path(SYS_unlinkat, "m", AT_REMOVEDIR, 0); }
OP(rename) { CALL(276, AT_FDCWD, "f", AT_FDCWD, "r", 0, 0); CALL(276, AT_FDCWD, "r", AT_FDCWD, "f", 0, 0); }
static void undeep(void) {
  char name[32] = "d/d/d/d/d/d/d/d";
  for (int i = 15; i > 0; i -= 2) { name[i] = 0; path(SYS_unlinkat, name, AT_REMOVEDIR, 0); }
  path(SYS_unlinkat, "f", 0, 0); path(SYS_unlinkat, "l", 0, 0);
}
static void names(const char *dir, int n, int go) {
  char name[] = "e/0000";
  if (go) path(SYS_mkdir, dir, 0755, 0);
  for (int i = 0; i < n; i++) {
    for (int k = 5, v = i; k > 1; k--, v /= 10) name[k] = '0' + v % 10;
    if (go) sys_close(sys_open(name, O_RDWR | O_CREAT, 0644)); else path(SYS_unlinkat, name, 0, 0);
  }
  if (!go) path(SYS_unlinkat, dir, AT_REMOVEDIR, 0);
}
SET(ten) { names("e", 10, 1); }
SET(thousand) { names("e", 1000, 1); }
static void ten_end(void) { names("e", 10, 0); }
static void thousand_end(void) { names("e", 1000, 0); }
static void list(void) { int fd = sys_open("e", O_RDONLY | O_DIRECTORY, 0); while (sys_getdents(fd, buffer, 32768) > 0) {} sys_close(fd); }

/* ── memory ── */
static char *pages(i64 n) { char *p = sys_mmap(0, n * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  must((i64)p > 0 || (i64)p < -PAGE, "mmap"); return p; }
OP(mmap_1) { CALL2(SYS_munmap, pages(1), PAGE); }
OP(touch_1) { char *p = pages(1); p[0] = 1; CALL2(SYS_munmap, p, PAGE); }
OP(touch_16) { char *p = pages(16); for (int i = 0; i < 16; i++) p[i * PAGE] = 1; CALL2(SYS_munmap, p, 16 * PAGE); }
OP(touch_256) { char *p = pages(256); for (int i = 0; i < 256; i++) p[i * PAGE] = 1; CALL2(SYS_munmap, p, 256 * PAGE); }
OP(read_fault_16) { char *p = pages(16); for (int i = 0; i < 16; i++) IGNORE(((volatile char *)p)[i * PAGE]);
  CALL2(SYS_munmap, p, 16 * PAGE); }
SET(hold_16) { memory = pages(16); for (int i = 0; i < 16; i++) memory[i * PAGE] = 1; }
OP(protect_16) { CALL3(SYS_mprotect, memory, 16 * PAGE, PROT_READ); CALL3(SYS_mprotect, memory, 16 * PAGE, PROT_READ | PROT_WRITE); }
OP(discard_16) { CALL3(SYS_madvise, memory, 16 * PAGE, 4); for (int i = 0; i < 16; i++) memory[i * PAGE] = 1; }
static void drop_16(void) { CALL2(SYS_munmap, memory, 16 * PAGE); }
OP(map_file_16) {
  char *p = sys_mmap(0, 16 * PAGE, PROT_READ, MAP_PRIVATE, file, 0);
  for (int i = 0; i < 16; i++) IGNORE(((volatile char *)p)[i * PAGE]);
  CALL2(SYS_munmap, p, 16 * PAGE);
}
OP(copy_file_4) {
  char *p = sys_mmap(0, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
  for (int i = 0; i < 4; i++) p[i * PAGE] = 1;
  CALL2(SYS_munmap, p, 4 * PAGE);
}
OP(brk_4) { i64 at = CALL1(SYS_brk, 0); CALL1(SYS_brk, at + 4 * PAGE); CALL1(SYS_brk, at); }

/* ── processes, signals ── */
SET(hold_1m) { memory = pages(256); for (int i = 0; i < 256; i++) memory[i * PAGE] = 1; }
SET(hold_16m) { memory = pages(4096); for (int i = 0; i < 4096; i++) memory[i * PAGE] = 1; }
static void drop_1m(void) { CALL2(SYS_munmap, memory, MIB); }
static void drop_16m(void) { CALL2(SYS_munmap, memory, 16 * MIB); }
static void reap(int pid) { int status; must(pid > 0 && sys_wait4(pid, &status, 0) == pid, "fork"); }
static void forkwait(void) { int pid = sys_fork(); if (!pid) CALL1(SYS_exit_group, 0); reap(pid); }
OP(forkwrite_16) { int pid = sys_fork(); if (!pid) { for (int i = 0; i < 16; i++) memory[i * PAGE] = 2; CALL1(SYS_exit_group, 0);
  } reap(pid); }
OP(vfork) { int pid = CALL(SYS_clone, 0x4000 | 0x100 | SIGCHLD, 0, 0, 0, 0, 0); if (!pid) CALL1(SYS_exit_group, 0); reap(pid); }
OP(forkexec) { static char *argv[] = {"/bin/true", 0}; int pid = sys_fork();
  if (!pid) { sys_execve(argv[0], argv, environ); CALL1(SYS_exit_group, 1); } reap(pid); }
static void caught(int signal) { IGNORE(signal); }
SET(catch) { struct sigaction a = {caught, 0, 0}; sys_sigaction(SIGUSR1, &a, 0); }
OP(signal) { sys_kill(sys_getpid(), SIGUSR1); }
OP(sigaction) { struct sigaction a = {caught, 0, 0}; sys_sigaction(SIGUSR2, &a, 0); }
OP(kill_0) { sys_kill(sys_getpid(), 0); }

struct op { const char *name; int times; void (*set)(void), (*op)(void), (*end)(void); };
static void close_file(void) { sys_close(file); path(SYS_unlinkat, "f", 0, 0); path(SYS_unlinkat, "g", 0, 0); }
#define PLAIN(name, times) {#name, times, nothing, name##_op, nothing}
#define WITH(name, times, set, end) {#name, times, set##_set, name##_op, end}
static const struct op ops[] = {
  PLAIN(getppid, 2000), PLAIN(gettid, 2000), PLAIN(umask, 2000), PLAIN(sigmask, 2000), PLAIN(uname, 2000), PLAIN(yield, 1000),
    PLAIN(getcwd, 1000), PLAIN(futex_wake, 1000), PLAIN(getfd, 2000),
  PLAIN(dup_close, 1000), WITH(lseek, 2000, open_big, close_file), WITH(fstat, 2000, open_big, close_file),
  WITH(read_1, 1000, open_big, close_file), WITH(read_512, 1000, open_big, close_file), WITH(read_4k, 1000, open_big, close_file),
    WITH(read_16k, 300, open_big, close_file),
  WITH(read_64k, 100, open_big, close_file), WITH(read_1m, 10, open_big, close_file), WITH(write_1, 1000, open_big, close_file),
    WITH(write_512, 1000, open_big, close_file),
  WITH(write_4k, 1000, open_big, close_file), WITH(write_64k, 100, open_big, close_file), WITH(write_1m, 10, open_big, close_file),
    WITH(writev_4, 500, open_big, close_file),
  WITH(fresh_4k, 300, open_fresh, close_file), WITH(fresh_64k, 50, open_fresh, close_file), WITH(fresh_1m, 10, open_fresh, close_file),
    WITH(hole_64k, 50, open_fresh, close_file),
  WITH(pipe_1, 1000, open_pipe, close_pair), WITH(pipe_512, 1000, open_pipe, close_pair), WITH(pipe_4k, 500, open_pipe, close_pair),
    WITH(pipe_64k, 50, open_pipe, close_pair),
  PLAIN(pipe_make, 300), WITH(pipe_pingpong, 500, open_partner, end_partner), WITH(unix_1, 500, open_sockets, close_pair),
    WITH(unix_4k, 500, open_sockets, close_pair),
  PLAIN(socketpair, 200), WITH(udp_1, 300, open_udp, close_pair), WITH(udp_1k, 300, open_udp, close_pair),
    WITH(tcp_1, 300, open_tcp, close_pair), WITH(tcp_1k, 300, open_tcp, close_pair),
  WITH(eventfd, 500, open_event, close_event), WITH(poll_1, 500, poll_10, close_pair), WITH(poll_10, 300, poll_10, close_pair),
  WITH(stat_1, 1000, deep, undeep), WITH(stat_2, 1000, deep, undeep), WITH(stat_8, 500, deep, undeep),
    WITH(stat_none, 1000, deep, undeep), WITH(stat_link, 500, deep, undeep),
  WITH(access, 1000, deep, undeep), WITH(readlink, 500, deep, undeep), WITH(open_close, 500, deep, undeep),
    WITH(create_unlink, 200, deep, undeep), WITH(mkdir_rmdir, 200, deep, undeep),
  WITH(rename, 200, deep, undeep), {"list_10", 200, ten_set, list, ten_end}, {"list_1000", 5, thousand_set, list, thousand_end},
  PLAIN(mmap_1, 500), PLAIN(touch_1, 500), PLAIN(touch_16, 100), PLAIN(touch_256, 10), PLAIN(read_fault_16, 100),
    WITH(protect_16, 100, hold_16, drop_16), WITH(discard_16, 100, hold_16, drop_16),
  WITH(map_file_16, 100, open_big, close_file), WITH(copy_file_4, 100, open_big, close_file), PLAIN(brk_4, 300),
  {"fork", 50, nothing, forkwait, nothing}, {"fork_1m", 30, hold_1m_set, forkwait, drop_1m},
    {"fork_16m", 5, hold_16m_set, forkwait, drop_16m}, WITH(forkwrite_16, 30, hold_16, drop_16),
  PLAIN(vfork, 50), PLAIN(forkexec, 20), {"signal", 300, catch_set, signal_op, nothing}, PLAIN(sigaction, 1000), PLAIN(kill_0, 500),
};

static void measure(const struct op *o, i64 more) {
  i64 times = o->times * more;
  o->set();
  sys_nanosleep(0, 100 * 1000 * 1000); /* Linux frees sockets and inodes later (RCU): that must not fall into the next operation's time. */
  for (int i = 0; i < 3; i++) o->op();
  u64 start = now();
  for (i64 i = 0; i < times; i++) o->op();
  u64 spent = now() - start;
  o->end();
  print("%s %d %d\n", o->name, times, spent);
}
int main(int argc, char **argv) {
  i64 more = argc > 1 ? number(argv[argc - 1]) : 0;
  if (more > 0) argc--; else more = 1;
  path(SYS_mkdir, "/tmp", 0777, 0);
  path(SYS_mkdir, "/tmp/costs", 0755, 0);
  must(CALL1(SYS_chdir, "/tmp/costs") == 0, "chdir");
  flush();
  for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
    int wanted = argc < 2;
    for (int k = 1; k < argc; k++) wanted |= !strcmp(argv[k], ops[i].name);
    if (wanted) { flush(); measure(&ops[i], more); }
  }
  CALL1(SYS_chdir, "/");
  path(SYS_unlinkat, "/tmp/costs", AT_REMOVEDIR, 0);
  flush();
  return 0;
}
