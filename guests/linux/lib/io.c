/* Output, input by lines, memory, time, environment. */
#include "std.h"
#include <stdarg.h>

char **environ;
static char buffer[4096];
static size_t held;

i64 write_all(int fd, const void *from, size_t n) {
  size_t done = 0;
  while (done < n) {
    i64 got = sys_write(fd, (const char *)from + done, n - done);
    if (got == -EINTR) continue;
    if (got < 0) return got;
    done += got;
  }
  return done;
}

void flush(void) { size_t n = held; held = 0; if (n) write_all(1, buffer, n); }

void put(const char *bytes, size_t n) {
  while (n) {
    size_t part = sizeof buffer - held;
    if (part > n) part = n;
    memcpy(buffer + held, bytes, part);
    held += part, bytes += part, n -= part;
    if (held == sizeof buffer) flush();
  }
}

void quit(int status) { flush(); for (;;) CALL1(SYS_exit_group, status); }
int fork(void) { flush(); return sys_fork(); }

typedef void sink(const char *bytes, size_t n);

static int digits(char *end, u64 value, u64 base) {
  int n = 0;
  do end[-++n] = "0123456789abcdef"[value % base]; while (value /= base);
  return n;
}

static void pad(sink *to, int n, char with) { while (n-- > 0) to(&with, 1); }

static void format_to(sink *to, const char *f, va_list args) {
  for (; *f; f++) {
    const char *start = f;
    while (*f && *f != '%') f++;
    if (f > start) to(start, f - start);
    if (!*f) return;
    int left = 0, width = 0;
    char fill = ' ', text[24], *from = text, sign = 0;
    for (f++; *f == '-' || *f == '0'; f++) *f == '-' ? (left = 1) : (fill = '0');
    while (*f >= '0' && *f <= '9') width = width * 10 + *f++ - '0';
    size_t n = 1;
    if (*f == 's') from = va_arg(args, char *), n = strlen(from);
    else if (*f == 'c') text[0] = va_arg(args, int);
    else if (*f == '%') text[0] = '%';
    else {
      i64 value = va_arg(args, i64);
      if (*f == 'd' && value < 0) sign = '-', value = -value;
      n = digits(text + sizeof text, value, *f == 'x' ? 16 : 10);
      from = text + sizeof text - n;
      if (sign && fill == ' ') *--from = '-', n++;
      else if (sign) to("-", 1), width--;
    }
    if (!left) pad(to, width - (int)n, fill);
    to(from, n);
    if (left) pad(to, width - (int)n, ' ');
  }
}

static void to_stderr(const char *bytes, size_t n) { write_all(2, bytes, n); }

void print(const char *f, ...) { va_list args; va_start(args, f); format_to(put, f, args); va_end(args); }
void complain(const char *f, ...) { flush(); va_list args; va_start(args, f); format_to(to_stderr, f, args); va_end(args); }

i64 read_line(int fd, char *to, size_t n) {
  size_t have = 0;
  char c;
  for (;;) {
    i64 got = sys_read(fd, &c, 1);
    if (got == -EINTR) continue;
    if (got <= 0) { if (!have) return -1; break; }
    if (c == '\n') break;
    if (have + 1 < n) to[have++] = c;
  }
  to[have] = 0;
  return have;
}

void *allocate(size_t n) {
  static char *next, *end;
  if (!next) next = end = (char *)CALL1(SYS_brk, 0);
  n = (n + 15) & ~15ul;
  if (next + n > end) {
    char *want = (char *)(((u64)next + n + 65535) & ~65535ul);
    if ((char *)CALL1(SYS_brk, want) != want) { complain("out of memory\n"); quit(1); }
    end = want;
  }
  char *at = next;
  next += n;
  return at;
}

u64 now(void) { struct timespec t; CALL2(SYS_clock_gettime, 1, &t); return t.sec * 1000000000ul + t.nsec; }

const char *why(i64 error) {
  switch (-error) {
    case EPERM: return "Operation not permitted";
    case ENOENT: return "No such file or directory";
    case ESRCH: return "No such process";
    case EBADF: return "Bad file descriptor";
    case ECHILD: return "No child processes";
    case EAGAIN: return "Try again";
    case ENOMEM: return "Out of memory";
    case EACCES: return "Permission denied";
    case 8: return "Exec format error";
    case 17: return "File exists";
    case 20: return "Not a directory";
    case 21: return "Is a directory";
    case 22: return "Invalid argument";
    case EPIPE: return "Broken pipe";
    case 39: return "Directory not empty";
    case ENOSYS: return "Function not implemented";
  }
  static char text[24] = "error ";
  u64 n = -error;
  int at = 6;
  if (n >= 100) text[at++] = '0' + n / 100 % 10;
  if (n >= 10) text[at++] = '0' + n / 10 % 10;
  text[at++] = '0' + n % 10;
  text[at] = 0;
  return text;
}

char *env(const char *name) {
  size_t n = strlen(name);
  for (char **e = environ; *e; e++) if (!strncmp(*e, name, n) && (*e)[n] == '=') return *e + n + 1;
  return 0;
}
