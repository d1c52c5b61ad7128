/*
 * Shared by small guests without an operating system: a call of the firmware, and lines that are composed piece by piece and then printed
 * through it. LINE: the longest line, if 128 bytes are not enough.
 */
#ifndef SAY_H
#define SAY_H
#include "sbi.h"
#ifndef LINE
#define LINE 128
#endif
#define MAY_BE_UNUSED __attribute__((unused)) static

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long u64;

enum { BASE = 0x10, DBCN = 0x4442434e, TIME = 0x54494d45, SRST = 0x53525354 };

MAY_BE_UNUSED u64 call(u64 extension, u64 function, u64 a, u64 b, u64 c) { return sbi_call(extension, function, a, b, c).error; }
MAY_BE_UNUSED u64 cycle(void) { u64 n; __asm__ volatile("rdcycle %0" : "=r"(n)); return n; }
MAY_BE_UNUSED u64 ticks(void) { u64 n; __asm__ volatile("rdtime %0" : "=r"(n)); return n; }
MAY_BE_UNUSED u64 instructions(void) { u64 n; __asm__ volatile("rdinstret %0" : "=r"(n)); return n; }

static char line[LINE];
static int length;
MAY_BE_UNUSED void text(const char *s) { while (*s) line[length++] = *s++; }
MAY_BE_UNUSED void number(u64 n) {
  char digits[20];
  int i = 0;
  do digits[i++] = '0' + n % 10; while (n /= 10);
  while (i) line[length++] = digits[--i];
}
MAY_BE_UNUSED void digits(u64 n, int base) {
  char d[20];
  int i = 0;
  do d[i++] = "0123456789abcdef"[n % base]; while (n /= base);
  while (i) line[length++] = d[--i];
}
MAY_BE_UNUSED void say(void) { line[length++] = '\n'; call(DBCN, 0, length, (u64)line, 0); length = 0; }
#endif
