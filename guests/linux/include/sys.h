/*
 * System calls of riscv64 Linux, made directly: number in a7, arguments in a0 … a5, result in a0,
 * -errno on failure. The wrappers give the raw result; nothing sets a global errno.
 */
#pragma once

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long u64;
typedef long i64;
typedef unsigned long size_t;

enum {
  SYS_getcwd = 17, SYS_dup = 23, SYS_dup3 = 24, SYS_fcntl = 25, SYS_ioctl = 29, SYS_mkdirat = 34, SYS_unlinkat = 35,
  SYS_chdir = 49, SYS_openat = 56, SYS_close = 57, SYS_pipe2 = 59, SYS_getdents64 = 61, SYS_lseek = 62, SYS_read = 63,
  SYS_write = 64, SYS_newfstatat = 79, SYS_fstat = 80, SYS_exit_group = 94, SYS_nanosleep = 101, SYS_clock_gettime = 113,
  SYS_sched_yield = 124, SYS_kill = 129, SYS_rt_sigaction = 134, SYS_rt_sigprocmask = 135, SYS_times = 153, SYS_setpgid = 154,
  SYS_setsid = 157, SYS_uname = 160, SYS_getpid = 172, SYS_getppid = 173, SYS_brk = 214, SYS_munmap = 215,
  SYS_clone = 220, SYS_execve = 221, SYS_mmap = 222, SYS_mprotect = 226, SYS_wait4 = 260, SYS_getrandom = 278,
};

enum { EPERM = 1, ENOENT = 2, ESRCH = 3, EINTR = 4, EBADF = 9, ECHILD = 10, EAGAIN = 11, ENOMEM = 12, EACCES = 13, EPIPE = 32,
  ENOSYS = 38 };
enum { AT_FDCWD = -100, AT_REMOVEDIR = 0x200, AT_SYMLINK_NOFOLLOW = 0x100 };
enum { O_RDONLY = 0, O_WRONLY = 1, O_RDWR = 2, O_CREAT = 0100, O_TRUNC = 01000, O_APPEND = 02000, O_DIRECTORY = 0200000,
  O_CLOEXEC = 02000000 };
enum { SIGHUP = 1, SIGINT = 2, SIGQUIT = 3, SIGILL = 4, SIGABRT = 6, SIGKILL = 9, SIGUSR1 = 10, SIGSEGV = 11, SIGUSR2 = 12, SIGPIPE = 13,
  SIGALRM = 14, SIGTERM = 15, SIGCHLD = 17 };
enum { SIG_BLOCK = 0, SIG_UNBLOCK = 1, SIG_SETMASK = 2, WNOHANG = 1 };
enum { PROT_READ = 1, PROT_WRITE = 2, MAP_SHARED = 1, MAP_PRIVATE = 2, MAP_ANONYMOUS = 0x20 };

struct timespec { i64 sec, nsec; };
struct stat {
  u64 dev, ino; u32 mode, nlink, uid, gid; u64 rdev, pad1; i64 size; u32 blksize, pad2; i64 blocks;
  struct timespec atime, mtime, ctime; u32 unused[2];
};
struct dirent { u64 ino; i64 off; u16 reclen; u8 type; char name[]; };
struct utsname { char sysname[65], nodename[65], release[65], version[65], machine[65], domainname[65]; };
struct sigaction { void (*handler)(int); u64 flags; u64 mask; };
#define SIG_DFL ((void (*)(int))0)
#define SIG_IGN ((void (*)(int))1)

static inline i64 syscall6(i64 n, i64 a, i64 b, i64 c, i64 d, i64 e, i64 f) {
  register i64 a7 __asm__("a7") = n;
  register i64 a0 __asm__("a0") = a;
  register i64 a1 __asm__("a1") = b;
  register i64 a2 __asm__("a2") = c;
  register i64 a3 __asm__("a3") = d;
  register i64 a4 __asm__("a4") = e;
  register i64 a5 __asm__("a5") = f;
  __asm__ volatile("ecall" : "+r"(a0) : "r"(a7), "r"(a1), "r"(a2), "r"(a3), "r"(a4), "r"(a5) : "memory");
  return a0;
}
#define CALL(n, a, b, c, d, e, f) syscall6(n, (i64)(a), (i64)(b), (i64)(c), (i64)(d), (i64)(e), (i64)(f))
#define CALL4(n, a, b, c, d) CALL(n, a, b, c, d, 0, 0)
#define CALL3(n, a, b, c) CALL(n, a, b, c, 0, 0, 0)
#define CALL2(n, a, b) CALL(n, a, b, 0, 0, 0, 0)
#define CALL1(n, a) CALL(n, a, 0, 0, 0, 0, 0)
#define CALL0(n) CALL(n, 0, 0, 0, 0, 0, 0)

static inline i64 sys_read(int fd, void *to, size_t n) { return CALL3(SYS_read, fd, to, n); }
static inline i64 sys_write(int fd, const void *from, size_t n) { return CALL3(SYS_write, fd, from, n); }
static inline int sys_open(const char *path, int flags, int mode) { return CALL4(SYS_openat, AT_FDCWD, path, flags, mode); }
static inline int sys_close(int fd) { return CALL1(SYS_close, fd); }
static inline int sys_dup2(int from, int to) { return from == to ? to : CALL3(SYS_dup3, from, to, 0); }
static inline int sys_pipe(int fds[2]) { return CALL2(SYS_pipe2, fds, 0); }
static inline i64 sys_lseek(int fd, i64 offset, int whence) { return CALL3(SYS_lseek, fd, offset, whence); }
static inline int sys_fstat(int fd, struct stat *st) { return CALL2(SYS_fstat, fd, st); }
static inline int sys_stat(const char *path, struct stat *st, int flags) { return CALL4(SYS_newfstatat, AT_FDCWD, path, st, flags); }
static inline i64 sys_getdents(int fd, void *to, size_t n) { return CALL3(SYS_getdents64, fd, to, n); }
static inline int sys_getpid(void) { return CALL0(SYS_getpid); }
static inline int sys_getppid(void) { return CALL0(SYS_getppid); }
static inline int sys_fork(void) { return CALL(SYS_clone, SIGCHLD, 0, 0, 0, 0, 0); }
static inline int sys_execve(const char *path, char **argv, char **envp) { return CALL3(SYS_execve, path, argv, envp); }
static inline int sys_wait4(int pid, int *status, int options) { return CALL4(SYS_wait4, pid, status, options, 0); }
static inline int sys_kill(int pid, int signal) { return CALL2(SYS_kill, pid, signal); }
static inline int sys_yield(void) { return CALL0(SYS_sched_yield); }
static inline int sys_sigaction(int signal, const struct sigaction *new, struct sigaction *old) {
  return CALL4(SYS_rt_sigaction, signal, new, old, 8); }
static inline int sys_sigprocmask(int how, const u64 *new, u64 *old) { return CALL4(SYS_rt_sigprocmask, how, new, old, 8); }
static inline int sys_nanosleep(i64 sec, i64 nsec) { struct timespec t = {sec, nsec}; return CALL2(SYS_nanosleep, &t, 0); }
static inline void *sys_mmap(void *at, size_t n, int prot, int flags, int fd, i64 offset) {
  return (void *)CALL(SYS_mmap, at, n, prot, flags, fd, offset); }
