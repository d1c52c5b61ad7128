/* Strings and memory. Compiled without builtin replacement, or the compiler would turn the loops into calls of themselves. */
#include "std.h"

size_t strlen(const char *s) { size_t n = 0; while (s[n]) n++; return n; }
int strcmp(const char *a, const char *b) { while (*a && *a == *b) a++, b++; return (u8)*a - (u8)*b; }
int strncmp(const char *a, const char *b, size_t n) {
  for (; n; n--, a++, b++) if (*a != *b || !*a) return (u8)*a - (u8)*b;
  return 0;
}
char *strchr(const char *s, int c) { for (;; s++) { if (*s == (char)c) return (char *)s; if (!*s) return 0; } }
char *strstr(const char *s, const char *part) {
  size_t n = strlen(part);
  for (;; s++) { if (!strncmp(s, part, n)) return (char *)s; if (!*s) return 0; }
}
void *memcpy(void *to, const void *from, size_t n) {
  u8 *t = to; const u8 *f = from;
  if ((((u64)t | (u64)f) & 7) == 0) for (; n >= 8; n -= 8, t += 8, f += 8) *(u64 *)t = *(const u64 *)f;
  while (n--) *t++ = *f++;
  return to;
}
void *memmove(void *to, const void *from, size_t n) {
  u8 *t = to; const u8 *f = from;
  if (t <= f) return memcpy(to, from, n);
  while (n--) t[n] = f[n];
  return to;
}
void *memset(void *to, int c, size_t n) { u8 *t = to; while (n--) *t++ = c; return to; }
int memcmp(const void *a, const void *b, size_t n) {
  for (const u8 *x = a, *y = b; n; n--, x++, y++) if (*x != *y) return *x - *y;
  return 0;
}
i64 number(const char *s) {
  i64 n = 0, sign = 1;
  if (*s == '-') sign = -1, s++;
  while (*s >= '0' && *s <= '9') n = n * 10 + *s++ - '0';
  return n * sign;
}
