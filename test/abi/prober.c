/*
 * Makes system calls that a list says, each in a process and a folder of its own, and tells what came of them. The same static program
 * runs on Linux
 * and here. A line of the list (standard input): number, then six arguments, each a letter and a number:
 *   nN  the number N       FN  a descriptor of kind N       PN  an address of kind N       SN  a path       DN  a structure that is
 * filled in
 * A line of the answer: result (-errno; F a new descriptor; A an address; I an identifier), then what is different afterwards:
 *   dN  descriptors more or less        wN  bytes that buffer A was written up to        pN  position of the file        sN  its size
 *   qN  bytes in the pipe               uN  bytes in the socket
 *   lF, lTS-L  what somebody else's lock of the file meets (flock; type, start and length of a record's), after calls that lock
 * or T (it still sleeps after a while), R (it still runs, for a second), XN (signal N).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/futex.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { FDS = 26, FILL = 0xa5, PAGE = 4096 };
static int fds[FDS];
static char *shared, *bufA, *bufB, *edge, *readonly, *unmapped;
static const char *paths[] = { "f", "d", "missing", "l", "dangling", "", "d/x", "f/x", "q", "loop", "/", ".", "d/", "l/", "new", "dl",
  "long", "/proc/self/fd", "/dev/null", "/proc/self/ns/uts" };
static char longName[5000];

/* Structures that calls take; every one is 16-byte aligned and followed by zeros. */
static struct timespec soon = { 0, 1000000 }, zeroTime, badTime = { 0, 1000000000 }, negativeTime = { -1, 0 };
static struct timeval soonValue = { 0, 1000 };
static struct iovec vec[4];
static char text[64] = "abcdefghijklmnopqrstuvwxyz0123456789";
static struct sockaddr_un unixName;
static struct sockaddr_in inetName;
static uint64_t set64;
static struct msghdr message, reception;
static char control[64];
static struct sched_param param;
static struct itimerspec timer = { { 0, 0 }, { 1000, 0 } };
static struct itimerval itimer = { { 0, 0 }, { 1000, 0 } };
static struct rlimit limit;
static struct epoll_event event = { .events = EPOLLIN };
static struct pollfd polls[2];
static struct flock lock = { .l_type = F_WRLCK };
static struct { uint32_t size, policy; uint64_t flags; int32_t nice; uint32_t priority; uint64_t runtime, deadline, period;
  uint32_t umin, umax; } attr = { .size = 48 };
static struct { uint64_t flags, mode, resolve, rest[3]; } how;
static struct { uint32_t version; int pid; } capHead = { 0x20080522, 0 };
static struct sigevent notify = { .sigev_notify = SIGEV_NONE };
static uint32_t word;
static int optionOne = 1, lengthBuf = 128;
static struct { uint64_t handler, flags, restorer, mask; } action;
static struct sembuf semop_ = { 0, 1, 0 };
static struct { long type; char text[16]; } msgbuf_ = { 1, "message" };
static int64_t offsetTwo = 2, offsetMinus = -1;
static struct { uint64_t a, b, c, d; } mountAttr;
static void *const data[] = {
  &soon, &zeroTime, &badTime, &negativeTime, &soonValue, vec, text, &unixName, &inetName, &set64, &message, &param, &timer, &itimer,
    &limit, &event, polls, &lock,
  &attr, &how, &capHead, &notify, &word, &optionOne, &lengthBuf, &action, &semop_, &msgbuf_, &offsetTwo, &offsetMinus, &mountAttr,
    &reception,
};
enum { DATA = sizeof data / sizeof *data, PATHS = sizeof paths / sizeof *paths };

static int newFile(const char *name, const char *content) {
  int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0644);
  if (write(fd, content, strlen(content)) < 0) abort();
  lseek(fd, 3, SEEK_SET);
  return fd;
}
static void makeWorld(void) {
  int p[2], s[2], d[2];
  for (int i = 0; i < FDS; i++) fds[i] = -1;
  mkdir("d", 0755);
  close(newFile("d/x", "x"));
  if (symlink("f", "l") | symlink("none", "dangling") | symlink("loop", "loop") | symlink("d", "dl") | mkfifo("q", 0644)) abort();
  memset(longName, 'n', sizeof longName - 1);
  fds[0] = newFile("f", "0123456789");
  fds[1] = open("d", O_RDONLY | O_DIRECTORY);
  if (pipe(p) | socketpair(AF_UNIX, SOCK_STREAM, 0, s) | socketpair(AF_UNIX, SOCK_DGRAM, 0, d)) abort();
  fds[2] = p[0]; fds[3] = p[1];
  if (write(p[1], "pipe", 4) < 0) abort();
  fds[4] = s[0]; fds[5] = s[1];
  if (write(s[1], "stream", 6) < 0 || write(d[1], "packet", 6) < 0) abort();
  fds[6] = d[0]; fds[7] = d[1];
  fds[8] = socket(AF_INET, SOCK_STREAM, 0);
  fds[9] = socket(AF_INET, SOCK_DGRAM, 0);
  fds[10] = epoll_create1(0);
  fds[11] = eventfd(1, 0);
  fds[12] = timerfd_create(CLOCK_MONOTONIC, 0);
  sigset_t mask; sigemptyset(&mask); sigaddset(&mask, SIGUSR1);
  fds[13] = signalfd(-1, &mask, 0);
  fds[14] = inotify_init1(0);
  fds[15] = syscall(SYS_pidfd_open, getpid(), 0);
  fds[16] = memfd_create("m", MFD_ALLOW_SEALING);
  fds[17] = open("f", O_PATH);
  fds[18] = open("/dev/null", O_RDWR);
  fds[19] = open("f", O_RDONLY);
  fds[20] = open("f", O_WRONLY | O_APPEND);
  fds[21] = open("/proc/self/status", O_RDONLY);
  fds[22] = 999; fds[23] = -1; fds[24] = -100; fds[25] = open("/dev/zero", O_RDWR);
  struct sockaddr_in any = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
  if (bind(fds[9], (void *)&any, sizeof any)) abort();
}
static void fillData(void) {
  vec[0] = (struct iovec){ bufA, 4 }; vec[1] = (struct iovec){ bufA + 8, 4 };
  unixName.sun_family = AF_UNIX; strcpy(unixName.sun_path, "sock");
  inetName.sin_family = AF_INET; inetName.sin_addr.s_addr = htonl(INADDR_LOOPBACK); inetName.sin_port = htons(9);
  message = (struct msghdr){ .msg_iov = (struct iovec[]){ { text, 5 } }, .msg_iovlen = 1 };
  static struct iovec one[1], two[1];
  one[0] = (struct iovec){ text, 5 }; two[0] = (struct iovec){ bufA, 16 };
  message.msg_iov = one;
  reception = (struct msghdr){ .msg_iov = two, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
  limit = (struct rlimit){ 512, 1024 };
  polls[0] = (struct pollfd){ fds[2], POLLIN, 0 }; polls[1] = (struct pollfd){ fds[3], POLLOUT, 0 };
  event.data.fd = 7;
}
static long valueOf(char kind, long n) {
  switch (kind) {
    case 'F': return fds[n];
    case 'S': return (long)(n == 16 ? longName : paths[n]);
    case 'D': return (long)data[n];
    case 'P': return (long)((char *[]){ 0, bufA, bufB, unmapped, edge, readonly, (char *)-4096L, bufA + 1 })[n];
    default: return n;
  }
}
static int openFds(void) { int n = 0; for (int i = 0; i < 64; i++) n += fcntl(i, F_GETFD) >= 0; return n; }
static int written(void) { int n = PAGE; while (n > 0 && (unsigned char)bufA[n - 1] == FILL) n--; return n; }

struct probe { long nr; char kind[6]; long n[6]; };
/* Objects of System V and queues are the probe's own: one of each, number 0. */
static void ownObjects(void) {
  if (unshare(CLONE_NEWIPC)) abort();
  if (semget(IPC_PRIVATE, 2, 0600) | msgget(IPC_PRIVATE, 0600) | shmget(IPC_PRIVATE, PAGE, 0600)) abort();
}
static void run(const struct probe *p) {
  if (p->nr >= SYS_mq_open && p->nr <= SYS_shmdt) ownObjects();
  makeWorld();
  fillData();
  int before = openFds();
  long a[6];
  for (int i = 0; i < 6; i++) a[i] = valueOf(p->kind[i], p->n[i]);
  strcpy(shared, "T");
  errno = 0;
  long r = syscall(p->nr, a[0], a[1], a[2], a[3], a[4], a[5]);
  int error = errno, used = written(), after = openFds(), n, at = 0;
  struct stat st;
  if (r < 0 && r > -4096 && error) at += sprintf(shared + at, "%d", -error);
  else if (after > before && r >= 3 && r < 64) at += sprintf(shared + at, "F");
  else if (r > 0x10000000L || r < -4096) at += sprintf(shared + at, "A");
  else if (p->nr == SYS_msgget || p->nr == SYS_semget || p->nr == SYS_shmget) at += sprintf(shared + at, "I");
  else at += sprintf(shared + at, "%ld", r);
  if (after != before) at += sprintf(shared + at, " d%d", after - before);
  if (used) at += sprintf(shared + at, " w%d", used);
  long pos = lseek(fds[0], 0, SEEK_CUR);
  if (pos != 3) at += sprintf(shared + at, " p%ld", pos);
  if (fstat(fds[0], &st) == 0 && st.st_size != 10) at += sprintf(shared + at, " s%ld", (long)st.st_size);
  if (ioctl(fds[2], FIONREAD, &n) == 0 && n != 4) at += sprintf(shared + at, " q%d", n);
  if (ioctl(fds[4], FIONREAD, &n) == 0 && n != 6) at += sprintf(shared + at, " u%d", n);
  if (p->nr == SYS_flock || p->nr == SYS_fcntl) {
    struct flock met = { .l_type = F_WRLCK };
    int other = open("f", O_RDWR);
    if (flock(other, LOCK_EX | LOCK_NB)) at += sprintf(shared + at, " lF");
    if (fcntl(other, F_OFD_GETLK, &met) == 0 && met.l_type != F_UNLCK)
      at += sprintf(shared + at, " l%d%ld-%ld", met.l_type, (long)met.l_start, (long)met.l_len);
  }
}
/* 'T' and the like, read from /proc. */
static char stateOf(pid_t pid) {
  char path[32], stat[256] = "";
  sprintf(path, "/proc/%d/stat", pid);
  int fd = open(path, O_RDONLY);
  if (read(fd, stat, sizeof stat - 1) <= 0) return '?';
  close(fd);
  char *end = strrchr(stat, ')');
  return end ? end[2] : '?';
}
/* Waits for the probe: to its end, until it stops, or sleeps where it has slept a while ago. */
static void await(pid_t child) {
  int status = 0, ended = syscall(SYS_pidfd_open, child, 0);
  struct pollfd p = { ended, POLLIN, 0 };
  for (int round = 0; poll(&p, 1, 60) == 0; round++) {
    char state = stateOf(child);
    if (waitpid(child, &status, WNOHANG | WUNTRACED) == child) {
      if (!WIFSTOPPED(status)) goto over;
      sprintf(shared, "stop%d", WSTOPSIG(status));
    } else if (state != 'S') {
      if (round < 16) continue;
      strcpy(shared, "R");
    }
    kill(child, SIGKILL);
    waitpid(child, 0, 0);
    close(ended);
    return;
  }
  waitpid(child, &status, 0);
over:
  close(ended);
  if (WIFSIGNALED(status)) sprintf(shared, "X%d", WTERMSIG(status));
}
static int removeOne(const char *path, const struct stat *s, int flag, struct FTW *f) { (void)s; (void)flag; (void)f;
  return remove(path) * 0; }

int main(void) {
  shared = mmap(0, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  char *area = mmap((void *)0x20000000, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  bufA = area; bufB = area + 2 * PAGE; unmapped = area + 5 * PAGE; edge = unmapped - 4; readonly = area + 8 * PAGE;
  munmap(unmapped, PAGE); munmap(area + PAGE, PAGE);
  mprotect(readonly, PAGE, PROT_READ);
  memset(bufA, FILL, PAGE);
  umask(022);
  if (mount("tmpfs", "/tmp", "tmpfs", 0, "mode=1777") || chdir("/tmp")) return 1;
  char line[512];
  for (long i = 0; fgets(line, sizeof line, stdin); i++) {
    struct probe p = { 0 };
    int at = 0, used;
    if (sscanf(line, "%ld%n", &p.nr, &at) != 1) continue;
    for (int k = 0; k < 6; k++) {
      p.kind[k] = 'n';
      if (sscanf(line + at, " %c%ld%n", &p.kind[k], &p.n[k], &used) == 2) at += used;
    }
    strcpy(shared, "?");
    if (mkdir("w", 0755) || chdir("w")) return 2;
    pid_t child = fork();
    if (child == 0) {
      int null = open("/dev/null", O_RDONLY);
      dup2(null, 0);
      close(null);
      for (int s = 1; s < 65; s++) signal(s, SIG_DFL);
      run(&p);
      _exit(0);
    }
    await(child);
    if (chdir("/tmp")) return 3;
    nftw("w", removeOne, 16, FTW_DEPTH | FTW_PHYS);
    rmdir("w");
    printf("=%s\n", shared);
    fflush(stdout);
  }
  fflush(stdout);
  return 0;
}
