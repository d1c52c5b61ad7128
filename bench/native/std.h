/* guests/linux/include/std.h for the host: the same few functions on the C library, so that the benchmark sources build natively too. */
#pragma once
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <stdarg.h>
#include <time.h>
typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef unsigned long u64;
typedef long i64;
static inline i64 number(const char *s) { return strtol(s, 0, 10); }
static inline void *allocate(size_t n) { void *p = calloc(1, n); if (!p) exit(1); return p; }
static inline u64 now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return (u64)t.tv_sec * 1000000000ul + (u64)t.tv_nsec; }
static inline void print(const char *format, ...) { /* our %d is 64 bits wide */
  char wide[256], *to = wide;
  for (const char *p = format; *p && to < wide + 250; p++) { *to++ = *p;
    if (*p == '%' && (p[1] == 'd' || p[1] == 'u' || p[1] == 'x')) *to++ = 'l'; }
  *to = 0;
  va_list list;
  va_start(list, format);
  vprintf(wide, list);
  va_end(list);
}
