/* Output: one line per case, in the manner of TAP, over the 16550; what a failed case got and wanted. */
#include <stdarg.h>
#include "hyp.h"

const char *const mode_names[8] = { "U", "HS", "?", "M", "VU", "VS", "?", "?" };
static int cases, failures, skips;
static const char *current = "";
static char line[200];

static void put(char c) {
  volatile u8 *uart = (volatile u8 *)0x10000000;
  while ((uart[5] & 0x20) == 0) {}
  uart[0] = (u8)c;
}

static void put_text(const char *s) {
  while (*s) put(*s++);
}

static char *number(char *at, u64 value, int base) {
  char digits[24];
  int n = 0;
  do digits[n++] = "0123456789abcdef"[value % (u64)base];
  while ((value /= (u64)base) != 0);
  while (n > 0) *at++ = digits[--n];
  return at;
}

/* %s %d %u %x %lx %lu %c */
static void format_line(const char *f, va_list args) {
  char *at = line;
  for (; *f && at < line + sizeof line - 24; f++) {
    if (*f != '%') { *at++ = *f; continue; }
    int wide = *++f == 'l';
    if (wide) f++;
    if (*f == 's') for (const char *s = va_arg(args, const char *); *s && at < line + sizeof line - 24;) *at++ = *s++;
    else if (*f == 'c') *at++ = (char)va_arg(args, int);
    else {
      u64 value = wide ? va_arg(args, u64) : *f == 'd' ? (u64)(long)va_arg(args, int) : va_arg(args, u32);
      if (*f == 'd' && (long)value < 0) { *at++ = '-'; value = -value; }
      at = number(at, value, *f == 'x' ? 16 : 10);
    }
  }
  *at = 0;
}

static void print(const char *f, ...) {
  va_list args;
  va_start(args, f);
  format_line(f, args);
  va_end(args);
  put_text(line);
}

void group(const char *name) { current = name; }

void note(const char *f, ...) {
  va_list args;
  va_start(args, f);
  format_line(f, args);
  va_end(args);
  put_text("# ");
  put_text(line);
  put('\n');
}

static int verdict(int ok, const char *f, va_list args) {
  cases++;
  if (!ok) failures++;
  print("%s %d - %s: ", ok ? "ok" : "not ok", cases, current);
  format_line(f, args);
  put_text(line);
  put('\n');
  return ok;
}

int check(int ok, const char *f, ...) {
  va_list args;
  va_start(args, f);
  verdict(ok, f, args);
  va_end(args);
  if (ok) return ok;
  const char *by = last.to == 0 ? "no trap" : mode_names[last.to];
  note("  got: %s cause %lx epc %lx tval %lx tval2 %lx tinst %lx status %lx", by, last.cause, last.epc, last.tval, last.tval2, last.tinst,
    last.status);
  note("       a0 %lx a1 %lx entry %d", last.a[0], last.a[1], last.entry);
  return ok;
}

int check_value(u64 got, u64 want, const char *f, ...) {
  va_list args;
  va_start(args, f);
  verdict(got == want, f, args);
  va_end(args);
  if (got != want) note("  got %lx, want %lx", got, want);
  return got == want;
}

void skip(const char *what, const char *why) {
  cases++;
  skips++;
  print("ok %d - %s: %s # SKIP ", cases, current, what);
  print("%s\n", why);
}

void lost_trap(void) {
  print("Bail out! the suite itself trapped after %s: ", current);
  print("mcause %lx mepc %lx mtval %lx\n", CSR_READ(mcause), CSR_READ(mepc), CSR_READ(mtval));
}

/* The plan at the end, as TAP allows; answers the exit status. */
int summary(void) {
  print("1..%d\n", cases);
  print("# %d passed, %d failed, %d skipped\n", cases - failures - skips, failures, skips);
  return failures > 250 ? 250 : failures;
}
