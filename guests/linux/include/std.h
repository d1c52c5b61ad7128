/* The little that programs share: strings, numbers, buffered output, memory. Linked only as far as used. */
#pragma once
#include "sys.h"

size_t strlen(const char *s);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
char *strchr(const char *s, int c);
char *strstr(const char *s, const char *part);
void *memcpy(void *to, const void *from, size_t n);
void *memmove(void *to, const void *from, size_t n);
void *memset(void *to, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
i64 number(const char *s);               /* decimal, sign allowed; stops at the first other character */

/* Standard output is buffered; `flush` writes it, `quit` and `fork` flush first. */
void put(const char *bytes, size_t n);
void print(const char *format, ...);     /* %s %d %u %x %c %%, widths, '-' and '0'; all integers are 64 bits */
void complain(const char *format, ...);  /* to standard error, at once */
void flush(void);
void quit(int status) __attribute__((noreturn));
int fork(void);
i64 write_all(int fd, const void *from, size_t n);

void *allocate(size_t n);                /* zeroed, never fails: the program ends when memory does */
i64 read_line(int fd, char *to, size_t n); /* without newline; -1 at the end; reads one byte at a time */
u64 now(void);                           /* nanoseconds of CLOCK_MONOTONIC */
const char *why(i64 error);              /* words for -errno */
char *env(const char *name);
extern char **environ;

