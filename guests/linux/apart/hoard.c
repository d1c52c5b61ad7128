/*
 * hoard KIND: makes as much of one kind as it gets, and says how that ended: "KIND ends after N: why". What the server holds for a program
 * comes out of the memory that programs have, so each kind ends in an error, and the host holds no more than was allowed.
 */
#include "std.h"

enum {
  SYS_epoll_create1 = 20, SYS_epoll_ctl = 21, SYS_inotify_init1 = 26, SYS_inotify_add_watch = 27, SYS_symlinkat = 36, SYS_linkat = 37,
    SYS_mount = 40,
  SYS_setxattr = 5, SYS_ftruncate = 46, SYS_ppoll = 73, SYS_timerfd_create = 85, SYS_unshare = 97, SYS_setgroups = 159,
    SYS_mq_open = 180, SYS_mq_timedsend = 182,
  SYS_msgget = 186, SYS_msgsnd = 189, SYS_semget = 190, SYS_semop = 193, SYS_socket = 198, SYS_socketpair = 199, SYS_sendto = 206,
    SYS_prlimit64 = 261,
  SYS_memfd_create = 279, SYS_pidfd_open = 434, SYS_io_setup = 0,
};
static char big[1 << 16], path[64];
static const char *kind;
static i64 n;

static void ends(i64 error) { print("%s ends after %d: %s\n", kind, n, error < 0 ? why(error) : "enough"); flush(); }
static void numbered(const char *prefix, i64 k) {
  char *at = path;
  while (*prefix) *at++ = *prefix++;
  for (i64 unit = 1000000; unit; unit /= 10) *at++ = '0' + k / unit % 10;
  *at = 0;
}
static void many_files(void) { u64 most[2] = {1048576, 1048576}; CALL4(SYS_prlimit64, 0, 7, most, 0); }
/* Children that each take something and stay, until no more can be made; then all go. */
static void children(i64 (*take)(i64)) {
  i64 pid = 0;
  for (n = 0; n < 3000; n++) {
    pid = sys_fork();
    if (pid < 0) break;
    if (!pid) { i64 r = take(n); if (r < 0) CALL1(SYS_exit_group, 1); for (;;) sys_nanosleep(1000, 0); }
  }
  sys_nanosleep(0, 100000000);
  ends(pid);
  CALL2(SYS_kill, -1, SIGKILL);
}

static i64 nothing(i64 k) { return k; }
static i64 groups(i64 k) { u32 *list = (u32 *)big; for (int i = 0; i < 16000; i++) list[i] = k + i;
  return CALL2(SYS_setgroups, 16000, list); }
static i64 high(i64 k) { many_files(); return CALL3(SYS_dup3, 1, 1048575 - k, 0); }
static i64 space(i64 k) { (void)k; return CALL1(SYS_unshare, 0x20000); }
static i64 undo(i64 k) {
  (void)k;
  for (int s = 0; s < 100; s++) {
    i64 id = CALL3(SYS_semget, 0x7000 + s, 16000, 01666);
    u16 op[3] = {0, 1, 0x1000};
    if (id < 0) return id;
    if (CALL3(SYS_semop, id, op, 1) < 0) return -1;
  }
  return 0;
}
static i64 waits(i64 k) {
  (void)k;
  many_files();
  struct { int fd; short events, got; } *list = allocate(40000);
  int p[2];
  sys_pipe(p);
  for (int i = 0; i < 5000; i++) { list[i].fd = p[0]; list[i].events = 1; }
  return CALL(SYS_ppoll, list, 5000, 0, 0, 8, 0);
}
/* Every process forks for as long as it can. */
static void forktree(void) {
  i64 first = sys_getpid(), failed = 0, r = 0;
  while (failed < 100) { r = sys_fork(); if (r < 0) { failed++; sys_nanosleep(0, 1000000); } else if (r) n++; }
  if (sys_getpid() == first) { ends(r); CALL2(SYS_kill, -1, SIGKILL); }
  else for (;;) sys_nanosleep(1000, 0);
}

/* One more of a kind: ≥ 0, or -errno. */
static i64 link_(void) { memset(big, 'a', 4000); big[4000] = 0; numbered("/tmp/l", n); return CALL3(SYS_symlinkat, big, AT_FDCWD, path); }
static i64 name(void) { if (!n) sys_close(sys_open("/tmp/one", O_CREAT | O_RDWR, 0600)); numbered("/tmp/n", n);
  return CALL(SYS_linkat, AT_FDCWD, "/tmp/one", AT_FDCWD, path, 0, 0); }
static i64 file(void) { numbered("/tmp/f", n); int fd = sys_open(path, O_CREAT | O_RDWR, 0600); return fd < 0 ? fd : sys_close(fd); }
static i64 queue(void) { numbered("q", n); int fd = CALL4(SYS_mq_open, path, O_CREAT | O_RDWR, 0600, 0);
  return fd < 0 ? fd : sys_close(fd); }
static i64 message(void) {
  static i64 fd, sent, most[8] = {0, 500, 65536, 0};
  if (!fd || sent == 500) { numbered("q", n); fd = CALL4(SYS_mq_open, path, O_CREAT | O_RDWR, 0600, most); sent = 0; }
  sent++;
  return fd < 0 ? fd : CALL(SYS_mq_timedsend, fd, big, sizeof big, 0, 0, 0);
}
static i64 sysv(void) { static i64 id = -1; static struct { i64 type; char text[8000]; } m = {1, ""};
  i64 r = id < 0 ? -EAGAIN : CALL4(SYS_msgsnd, id, &m, 8000, 04000);
  return r == -EAGAIN ? id = CALL2(SYS_msgget, 0, 0600) : r; }
static i64 netlink(void) {
  static struct { u32 length; u16 type, flags; u32 sequence, port; u32 family; } q = {20, 18, 0x301, 1, 0, 0};
  i64 fd = CALL3(SYS_socket, 16, 3, 0);
  for (int i = 0; fd >= 0 && i < 200; i++) CALL(SYS_sendto, fd, &q, 20, 0, 0, 0);
  return fd;
}
static i64 raw(void) {
  static u8 to[16] = {2, 0, 0, 0, 127, 0, 0, 1}, echo[1400] = {8};
  i64 fd = CALL3(SYS_socket, 2, 3, 1);
  if (fd >= 0) CALL(SYS_sendto, fd, echo, sizeof echo, 0, to, 16);
  return fd;
}
static i64 text(void) { char c; i64 fd = sys_open("/proc/self/maps", O_RDONLY, 0); return fd < 0 ? fd : sys_read(fd, &c, 1); }
static i64 listing(void) { i64 fd = sys_open("/dev", O_RDONLY | O_DIRECTORY, 0); return fd < 0 ? fd : sys_getdents(fd, big, 64); }
static i64 mounts(void) { return CALL(SYS_mount, "none", "/tmp", n % 2 ? "tmpfs" : "proc", 0, 0, 0); }
static i64 bind_(void) {
  if (!n) CALL(SYS_mount, "none", "/", 0, (1 << 20) | 16384, 0, 0);
  numbered("/tmp/b", n);
  CALL3(SYS_mkdirat, AT_FDCWD, path, 0700);
  return CALL(SYS_mount, "/", path, 0, 4096 | 16384, 0, 0);
}
static i64 epoll(void) {
  static int made[1000];
  struct { u32 events, pad; u64 data; } event = {1, 0, 0};
  i64 r = made[n % 1000] = CALL1(SYS_epoll_create1, 0);
  for (i64 i = n > 5 ? n - 5 : 0; r >= 0 && i < n && n < 1000; i++) CALL4(SYS_epoll_ctl, made[n], 1, made[i], &event);
  return r;
}
static i64 pidfd(void) { return CALL2(SYS_pidfd_open, sys_getpid(), 0); }
static i64 memfd(void) { i64 fd = CALL2(SYS_memfd_create, "x", 0); return fd < 0 ? fd : sys_write(fd, big, 4096); }
static i64 timer(void) { return CALL2(SYS_timerfd_create, 1, 0); }
static i64 context(void) { u64 id = 0; return CALL2(SYS_io_setup, 500, &id); }
static i64 xattr(void) { if (!n) sys_close(sys_open("/tmp/x", O_CREAT | O_RDWR, 0600)); numbered("user.", n);
  return CALL(SYS_setxattr, "/tmp/x", path, big, 65000, 0, 0); }
static i64 watch(void) { static i64 fd = -1; if (fd < 0) fd = CALL1(SYS_inotify_init1, 0); numbered("/tmp/w", n);
  i64 r = CALL3(SYS_mkdirat, AT_FDCWD, path, 0700); return r < 0 ? r : CALL3(SYS_inotify_add_watch, fd, path, 0xfff); }
static i64 pair(void) {
  int p[2];
  i64 r = CALL4(SYS_socketpair, 1, 2 | 04000, 0, p);
  while (r >= 0 && sys_write(p[0], big, 30000) > 0) { }
  return r;
}

static void until_full(i64 (*more)(void)) { i64 r = 0; many_files(); for (n = 0; n < 2000000; n++) if ((r = more()) < 0) break; ends(r); }
static const struct { const char *kind; i64 (*more)(void), (*each)(i64); void (*all)(void); } rows[] = {
  {"links", link_, 0, 0}, {"names", name, 0, 0}, {"files", file, 0, 0}, {"queues", queue, 0, 0}, {"messages", message, 0, 0},
    {"sysv", sysv, 0, 0},
  {"netlink", netlink, 0, 0}, {"raw", raw, 0, 0}, {"texts", text, 0, 0}, {"listings", listing, 0, 0}, {"mounts", mounts, 0, 0},
    {"binds", bind_, 0, 0},
  {"epolls", epoll, 0, 0}, {"pidfds", pidfd, 0, 0}, {"memfds", memfd, 0, 0}, {"timers", timer, 0, 0}, {"contexts", context, 0, 0},
    {"xattrs", xattr, 0, 0},
  {"watches", watch, 0, 0}, {"pairs", pair, 0, 0}, {"processes", 0, nothing, 0}, {"groups", 0, groups, 0}, {"high", 0, high, 0},
    {"spaces", 0, space, 0},
  {"undo", 0, undo, 0}, {"waits", 0, waits, 0}, {"forktree", 0, 0, forktree},
};
int main(int argc, char **argv) {
  kind = argc > 1 ? argv[1] : "";
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    if (argc < 2) print("%s ", rows[i].kind);
    else if (strcmp(kind, rows[i].kind)) continue;
    else if (rows[i].more) { until_full(rows[i].more); return 0; }
    else if (rows[i].each) { children(rows[i].each); return 0; }
    else { rows[i].all(); return 0; }
  }
  if (argc < 2) print("\n");
  return argc < 2 ? 0 : 2;
}
