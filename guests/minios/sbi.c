/* Services of the firmware: console, timer, harts, power. */
#include "minios.h"
#include "sbi.h"
#include <stdarg.h>

enum { EXT_BASE = 0x10, EXT_TIME = 0x54494d45, EXT_HSM = 0x48534d, EXT_SRST = 0x53525354, EXT_DBCN = 0x4442434e };
enum { LEGACY_PUTCHAR = 1, LEGACY_SHUTDOWN = 8 };
static int have(u64 extension) { struct sbi_result r = sbi_call(EXT_BASE, 3, extension, 0, 0); return r.error == 0 && r.value != 0; }

void put(const char *bytes, u64 n) {
  static int console; /* 0 unknown, 1 debug console, 2 the old call */
  if (!console) console = have(EXT_DBCN) ? 1 : 2;
  while (n && console == 1) {
    struct sbi_result r = sbi_call(EXT_DBCN, 0, n, (u64)bytes, 0);
    if (r.error) return;
    bytes += r.value, n -= r.value;
  }
  for (; n; n--) sbi_call(LEGACY_PUTCHAR, 0, (u8)*bytes++, 0, 0);
}

void set_timer(u64 when) {
  if (has_sstc) __asm__ volatile("csrw 0x14d, %0" ::"r"(when)); /* stimecmp */
  else sbi_call(EXT_TIME, 0, when, 0, 0);
}
void power_off(int failed) {
  sbi_call(EXT_SRST, 0, 0, failed, 0);
  sbi_call(LEGACY_SHUTDOWN, 0, 0, 0, 0);
  for (;;) __asm__ volatile("wfi");
}
int start_hart(u64 hart, void *entry, u64 argument) { return sbi_call(EXT_HSM, 0, hart, (u64)entry, argument).error == 0; }
void stop_hart(void) { sbi_call(EXT_HSM, 1, 0, 0, 0); for (;;) __asm__ volatile("wfi"); }
void panic(const char *why) { print("minios: panic: %s\n", why); power_off(1); }

/* A line is put together first, so that lines of several harts do not mix. */
static u64 number(char *end, u64 value, u64 base) {
  u64 n = 0;
  do end[-(i64)++n] = "0123456789abcdef"[value % base]; while (value /= base);
  return n;
}
void print(const char *f, ...) {
  char line[256], text[24];
  u64 used = 0;
  va_list args;
  va_start(args, f);
  for (; *f && used < sizeof line - 1; f++) {
    const char *from = f;
    u64 n = 1;
    if (*f == '%') {
      char kind = *++f;
      if (kind == 's') for (from = va_arg(args, const char *), n = 0; from[n];) n++;
      else n = number(text + sizeof text, va_arg(args, u64), kind == 'x' ? 16 : 10), from = text + sizeof text - n;
    }
    for (; n && used < sizeof line; n--) line[used++] = *from++;
  }
  va_end(args);
  put(line, used);
}
