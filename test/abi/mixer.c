// Sequences of calls drawn from a seed, one kind each: what they answer is the same on every Linux.
//   mixer options SEED COUNT   socket options are set and read back
//   mixer messages SEED COUNT  descriptors and credentials beside data, with short buffers and looks ahead
//   mixer inotify SEED COUNT   what watches are told of file operations
// A line an operation: its name, what it answered, what can be seen afterwards. No process number, no time, no address.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

static uint64_t state;
static unsigned draw(unsigned below) {
  state = state * 6364136223846793005u + 1442695040888963407u;
  return (state >> 33) % below;
}
#define ONE_OF(list) list[draw(sizeof list / sizeof *list)]
static const char *outcome(long r) {
  static char text[2][32];
  static int turn;
  char *t = text[turn ^= 1];
  if (r < 0) return strerrorname_np(errno);
  snprintf(t, sizeof *text, "%ld", r);
  return t;
}

// ── options ──────────────────────────────────────────────────────────────────────────────────────────────────────────────
static const int kinds[][3] = { { AF_UNIX, SOCK_STREAM, 0 }, { AF_UNIX, SOCK_DGRAM, 0 }, { AF_UNIX, SOCK_SEQPACKET, 0 },
  { AF_INET, SOCK_STREAM, 0 }, { AF_INET, SOCK_DGRAM, 0 }, { AF_INET6, SOCK_STREAM, 0 }, { AF_INET6, SOCK_DGRAM, 0 } };
static const int levels[] = { SOL_SOCKET, SOL_SOCKET, IPPROTO_IP, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_IPV6 };
static const int values[] = { 0, 1, 1, 2, 3, 5, 64, 100, 255, 256, 1000, 4096, 32767, 32768, 65535, 65536, 1000000, -1, -2, 0x7fffffff };
static const int lengths[] = { 4, 4, 4, 4, 4, 0, 1, 2, 3, 8, 16 };
// What another configuration of the kernel answers differently: filters, busy polling, memory, marks of security, netfilter's numbers, TLS.
static int leftOut(int level, int name) {
  static const int socket[] = { 7, 8, 16, 17, 26, 27, 28, 31, 32, 33, 34, 46, 47, 48, 50, 51, 52, 53, 55, 56, 57, 59, 60, 61, 62, 63, 67,
    70, 71, 72, 73, 74, 76, 77, 78, 79, 80, 81, 82, 83 };
  if (level == SOL_SOCKET) for (unsigned i = 0; i < sizeof socket / sizeof *socket; i++) if (socket[i] == name) return 1;
  if (level == IPPROTO_TCP) return name == 11 || name == 13 || name == 14 || name == 31 || name > 37 || name == 2 || name == 33
    || name == 35 || name == 34 || name == 24 || name == 19;
  if (level == IPPROTO_IP) return name == 4 || name == 9 || (name >= 16 && name <= 19) || (name >= 32 && name != 49 && name != 50);
  if (level == IPPROTO_IPV6) return (name >= 2 && name <= 15) || name == 17 || name == 20 || name == 21 || (name >= 27 && name <= 32)
    || (name >= 34 && name <= 48) || name == 50 || (name >= 52 && name <= 61 && name != 53 && name != 56 && name != 58)
    || (name >= 63 && name <= 65) || name == 68 || name == 69 || name == 71 || name == 72 || name > 73;
  return 0;
}
static void options(int count) {
  int fd = -1, kind = 0;
  for (int i = 0; i < count; i++) {
    if (fd < 0 || draw(12) == 0) {
      if (fd >= 0) close(fd);
      kind = draw(sizeof kinds / sizeof *kinds);
      fd = socket(kinds[kind][0], kinds[kind][1], kinds[kind][2]);
    }
    int level = ONE_OF(levels), name = draw(level == SOL_SOCKET ? 84 : level == IPPROTO_IPV6 ? 82 : 64), length = ONE_OF(lengths),
      room = ONE_OF(lengths);
    if (leftOut(level, name)) continue;
    int value[4] = { ONE_OF(values), draw(3), 0, 0 };
    printf("%d/%d %d.%d=%d:%d", kinds[kind][0], kinds[kind][1], level, name, value[0], length);
    printf(" %s", outcome(setsockopt(fd, level, name, value, length)));
    unsigned char seen[16];
    memset(seen, 0xee, sizeof seen);
    socklen_t n = room;
    int r = getsockopt(fd, level, name, seen, &n);
    printf(" %s", outcome(r));
    if (r == 0) { printf(" %d:", n); for (unsigned j = 0; j < sizeof seen && j < (unsigned)room; j++) printf("%02x", seen[j]); }
    puts("");
  }
}

// ── messages ─────────────────────────────────────────────────────────────────────────────────────────────────────────────
static int files(void) { // open descriptors
  int n = 0;
  for (int fd = 0; fd < 200; fd++) if (fcntl(fd, F_GETFD) >= 0) n++;
  return n;
}
static int pair[2] = { -1, -1 };
#define END (fd == pair[1] ? "B" : "A")
static void sendOne(int fd, int number) {
  char data[64], control[256] = { 0 };
  memset(data, 'a' + number % 26, sizeof data);
  struct iovec parts[2] = { { data, draw(20) }, { data, draw(10) } };
  struct msghdr m = { .msg_iov = parts, .msg_iovlen = 1 + draw(2), .msg_control = control };
  int sent[4], nfiles = draw(3) ? draw(4) : 0, withCredentials = draw(4) == 0, twice = draw(12) == 0, bad = draw(25) == 0;
  for (int i = 0; i < nfiles; i++) sent[i] = open("/dev/null", O_RDONLY);
  if (bad && nfiles) { close(sent[0]); sent[0] = 999; }
  struct cmsghdr *c = (void *)control;
  size_t used = 0;
  for (int k = 0; k < 1 + twice && nfiles; k++) {
    c->cmsg_level = SOL_SOCKET; c->cmsg_type = SCM_RIGHTS; c->cmsg_len = CMSG_LEN(4 * nfiles);
    memcpy(CMSG_DATA(c), sent, 4 * nfiles);
    used += CMSG_SPACE(4 * nfiles);
    c = (void *)(control + used);
  }
  if (withCredentials) {
    struct ucred u = { getpid(), getuid(), draw(8) ? getgid() : 12345 };
    c->cmsg_level = SOL_SOCKET; c->cmsg_type = SCM_CREDENTIALS; c->cmsg_len = CMSG_LEN(sizeof u);
    memcpy(CMSG_DATA(c), &u, sizeof u);
    used += CMSG_SPACE(sizeof u);
  }
  m.msg_controllen = used;
  if (used == 0) m.msg_control = 0;
  printf("%s sends %c %zu+%zu files %d%s%s%s: %s\n", END, data[0], parts[0].iov_len, m.msg_iovlen > 1 ? parts[1].iov_len : 0, nfiles,
    twice ? " twice" : "", bad ? " bad" : "",
    withCredentials ? " credentials" : "", outcome(sendmsg(fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL)));
  for (int i = 0; i < nfiles; i++) if (sent[i] != 999) close(sent[i]);
}
static void showControl(struct msghdr *m) {
  for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
    printf(" [%d len %d", c->cmsg_type, (int)c->cmsg_len);
    if (c->cmsg_type == SCM_RIGHTS) {
      int n = (c->cmsg_len - CMSG_LEN(0)) / 4, *fds = (int *)CMSG_DATA(c);
      for (int i = 0; i < n; i++) { printf(" %s", fcntl(fds[i], F_GETFD) & FD_CLOEXEC ? "x" : "f"); close(fds[i]); }
    } else if (c->cmsg_type == SCM_CREDENTIALS && c->cmsg_len >= CMSG_LEN(sizeof(struct ucred))) {
      struct ucred *u = (void *)CMSG_DATA(c);
      printf(" %s %d %d", u->pid == getpid() ? "me" : u->pid == 0 ? "0" : "other", u->uid, u->gid);
    }
    printf("]");
  }
}
static void receiveOne(int fd) {
  static const int rooms[] = { 256, 256, 256, 0, 8, 15, 16, 17, 20, 23, 24, 25, 28, 31, 32, 33, 40, 44, 48, 64 };
  char data[64], control[256];
  memset(control, 0, sizeof control);
  struct iovec parts[2] = { { data, draw(24) }, { data + 32, draw(12) } };
  struct msghdr m = { .msg_iov = parts, .msg_iovlen = 1 + draw(2), .msg_control = control, .msg_controllen = ONE_OF(rooms) };
  int flags = MSG_DONTWAIT | (draw(3) == 0 ? MSG_PEEK : 0) | (draw(4) == 0 ? MSG_TRUNC : 0) | (draw(4) == 0 ? MSG_CMSG_CLOEXEC : 0)
    | (draw(8) == 0 ? MSG_WAITALL : 0);
  int room = m.msg_controllen, way = draw(6);
  if (way == 0) { printf("%s reads %zu: ", END, parts[0].iov_len); printf("%s\n", outcome(read(fd, data, parts[0].iov_len))); return; }
  printf("%s receives %zu+%zu room %d flags %x: ", END, parts[0].iov_len, m.msg_iovlen > 1 ? parts[1].iov_len : 0, room,
    flags & ~MSG_DONTWAIT);
  long r = recvmsg(fd, &m, flags);
  printf("%s", outcome(r));
  if (r >= 0) {
    printf(" %.1s flags %x control %d", r && parts[0].iov_len ? data : "-", m.msg_flags, (int)m.msg_controllen);
    showControl(&m);
  }
  puts("");
}
static void messages(int count) {
  static const int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };
  for (int i = 0; i < count; i++) {
    if (pair[0] < 0 || draw(40) == 0) {
      if (pair[0] >= 0) { close(pair[0]); close(pair[1]); }
      int type = ONE_OF(types);
      socketpair(AF_UNIX, type | SOCK_NONBLOCK, 0, pair);
      printf("pair of %d, %d files\n", type, files());
    }
    int what = draw(20);
    if (what < 8) sendOne(pair[draw(5) == 0], i);
    else if (what < 18) receiveOne(pair[draw(5) != 0]);
    else if (what == 18) { int on = draw(2), end = draw(2);
      printf("passcred %d of %d: %s\n", on, end, outcome(setsockopt(pair[end], SOL_SOCKET, SO_PASSCRED, &on, 4))); }
    else {
      struct pollfd p = { pair[1], POLLIN | POLLOUT | POLLRDHUP, 0 };
      int n = 0;
      poll(&p, 1, 0);
      ioctl(pair[1], 0x541b, &n);
      printf("poll %x, %d there, %d files\n", p.revents, n, files());
    }
  }
}

// ── inotify ──────────────────────────────────────────────────────────────────────────────────────────────────────────────
static const char *names[] = { "d", "e", "d/a", "d/b", "e/a", "d/s", "e/s", "d/s/x", "f", "g" };
static int watches[16], nwatches, watcher;
static void tell(void) {
  char buffer[4096];
  for (;;) {
    long n = read(watcher, buffer, sizeof buffer);
    if (n <= 0) break;
    for (char *p = buffer; p < buffer + n;) {
      struct inotify_event *e = (void *)p;
      static unsigned cookies[4];
      int which = -1;
      for (int i = 0; i < 4; i++) if (e->cookie && cookies[i] == e->cookie) which = i;
      if (e->cookie && which < 0) { static int next; which = next = (next + 1) % 4; cookies[which] = e->cookie; }
      printf(" %d:%x%s%s%s", e->wd, e->mask, e->cookie ? "c" : "", e->len ? "/" : "", e->len ? e->name[0] == '#' ? "#" : e->name : "");
      p += sizeof *e + e->len;
    }
  }
  puts("");
}
static int held[8];
static void operate(void) {
  const char *a = ONE_OF(names), *b = ONE_OF(names);
  static const unsigned masks[] = { IN_ALL_EVENTS, IN_ALL_EVENTS, IN_MODIFY | IN_ATTRIB, IN_CREATE | IN_DELETE | IN_MOVE,
    IN_OPEN | IN_CLOSE, IN_ALL_EVENTS | IN_ONESHOT, IN_ALL_EVENTS | IN_EXCL_UNLINK, IN_DELETE_SELF | IN_MOVE_SELF,
    IN_ACCESS | IN_MASK_ADD, IN_ALL_EVENTS | IN_ONLYDIR, IN_ALL_EVENTS | IN_MASK_CREATE, 0 };
  char text[64];
  int which = draw(8), *h = &held[which], fd;
  switch (draw(32)) {
    case 0: case 1: case 2: { unsigned mask = ONE_OF(masks);
      printf("watch %s %x: %s", a, mask, outcome(inotify_add_watch(watcher, a, mask))); break; }
    case 3: { int wd = 1 + draw(12); printf("unwatch %d: %s", wd, outcome(inotify_rm_watch(watcher, wd))); break; }
    case 4: case 5: { int flags[] = { O_RDONLY, O_WRONLY, O_RDWR, O_RDWR | O_CREAT, O_WRONLY | O_CREAT | O_TRUNC,
      O_RDWR | O_CREAT | O_EXCL, O_PATH, O_RDONLY | O_DIRECTORY, O_WRONLY | O_APPEND | O_CREAT };
      int f = ONE_OF(flags);
      if (*h > 0) close(*h);
      *h = open(a, f | O_NONBLOCK, 0644);
      printf("%d: open %s %x: %s", which, a, f, *h < 0 ? strerrorname_np(errno) : "ok"); break; }
    case 6: printf("%d: close: %s", which, outcome(*h > 0 ? close(*h) : 0)); *h = 0; break;
    case 7: printf("%d: write: %s", which, outcome(write(*h, "text", draw(5)))); break;
    case 8: printf("%d: read: %s", which, outcome(pread(*h, text, draw(9), 0))); break;
    case 9: printf("truncate %s: %s", a, outcome(truncate(a, draw(9)))); break;
    case 10: printf("%d: ftruncate: %s", which, outcome(ftruncate(*h, draw(9)))); break;
    case 11: printf("%d: fallocate: %s", which, outcome(fallocate(*h, 0, 0, 1 + draw(9)))); break;
    case 12: printf("mkdir %s: %s", a, outcome(mkdir(a, 0755))); break;
    case 13: printf("rmdir %s: %s", a, outcome(rmdir(a))); break;
    case 14: printf("unlink %s: %s", a, outcome(unlink(a))); break;
    case 15: case 16: case 17: printf("rename %s %s: %s", a, b, outcome(rename(a, b))); break;
    case 18: printf("exchange %s %s: %s", a, b, outcome(renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE))); break;
    case 19: printf("link %s %s: %s", a, b, outcome(link(a, b))); break;
    case 20: printf("symlink %s %s: %s", a, b, outcome(symlink("a", b))); break;
    case 21: printf("chmod %s: %s", a, outcome(chmod(a, 0700 + draw(8)))); break;
    case 22: printf("%d: fchown: %s", which, outcome(fchown(*h, draw(3), draw(3)))); break;
    case 23: { struct timespec t[2] = { { 5, draw(2) ? UTIME_OMIT : 1 }, { 6, draw(2) ? UTIME_OMIT : 2 } };
      printf("utimens %s: %s", a, outcome(utimensat(AT_FDCWD, a, t, 0))); break; }
    case 24: printf("setxattr %s: %s", a, outcome(setxattr(a, "trusted.x", "v", 1, 0))); break;
    case 25: printf("removexattr %s: %s", a, outcome(removexattr(a, "trusted.x"))); break;
    case 26: {
      fd = open(a, O_RDONLY | O_DIRECTORY);
      char names[512];
      long n = fd < 0 ? -1 : syscall(61, fd, names, sizeof names);
      printf("list %s: %s", a, n < 0 ? strerrorname_np(errno) : "ok");
      if (fd >= 0) close(fd);
      break;
    }
    case 27: printf("mknod %s: %s", a, outcome(mknod(a, draw(2) ? S_IFIFO | 0600 : S_IFREG | 0600, 0))); break;
    case 28: { fd = open("f", O_RDONLY | O_NONBLOCK); int to = open("g", O_WRONLY | O_CREAT | O_NONBLOCK, 0600);
      printf("copy: %s", outcome(copy_file_range(fd, 0, to, 0, 4, 0))); close(fd); close(to); break; }
    case 29: fd = open(a, O_TMPFILE | O_RDWR, 0600); printf("tmpfile %s: %s", a, fd < 0 ? strerrorname_np(errno) : "ok");
      if (fd >= 0) {
        sprintf(text, "/proc/self/fd/%d", fd);
        printf(" %s", outcome(linkat(AT_FDCWD, text, AT_FDCWD, b, AT_SYMLINK_FOLLOW)));
        close(fd);
      }
      break;
    case 30: { int to = dup(*h); printf("%d: dup and close: %s", which, to < 0 ? strerrorname_np(errno) : "ok");
      if (to >= 0) close(to);
      break; }
    default: { struct stat s; printf("stat %s: %s", a, outcome(lstat(a, &s))); }
  }
}
static void inotify(int count) {
  char folder[] = "/tmp/mixerXXXXXX";
  mkdtemp(folder);
  chdir(folder);
  mkdir("d", 0755); mkdir("e", 0755);
  watcher = inotify_init1(IN_NONBLOCK);
  for (int i = 0; i < count; i++) { operate(); printf(" |"); tell(); }
}

int main(int argc, char **argv) {
  setvbuf(stdout, 0, _IOFBF, 1 << 16);
  if (argc < 4) return 2;
  state = strtoull(argv[2], 0, 0) * 2654435761u + 12345;
  int count = atoi(argv[3]);
  if (!strcmp(argv[1], "options")) options(count);
  else if (!strcmp(argv[1], "messages")) messages(count);
  else if (!strcmp(argv[1], "inotify")) inotify(count);
  else return 2;
  fflush(stdout);
  return 0;
}
