/*
 * Two ways to ask the Unix server without a trap: a message to a portal (SOSP '97's trampoline), and reading the time from a shared page.
 * The portal exists if the server has `stubs`, for threads that have asked for a gate (gate.h).
 */
#pragma once
#include "std.h"
#include "gate.h"

enum { FAST_PORTALS = 0x200, FAST_TRAP = 1 };
/* getpid and its like: no trap, but a message with the call's number as label; where the server wants a trap instead, that. */
static inline i64 fast_call(struct utcb *u, u64 portal, u64 nr, u64 a) {
  u->words[0] = a;
  u64 status = call(u, portal, nr, 1);
  return status == OK && label_of(u) != FAST_TRAP ? (i64)u->words[0] : CALL1(nr, a);
}
/* clock_gettime in the shared object that every process has (guests/vdso): found by its name, as a C library finds it. */
typedef int (*fast_clock)(int clock, struct timespec *to);
static inline fast_clock clock_of_page(void) {
  enum { AT_SYSINFO_EHDR = 33, PT_DYNAMIC = 2, DT_HASH = 4, DT_STRTAB = 5, DT_SYMTAB = 6 };
  const u64 *aux = (const u64 *)environ;
  while (*aux++) {}
  for (; aux[0] != AT_SYSINFO_EHDR; aux += 2) if (!aux[0]) return 0;
  const char *base = (const char *)aux[1], *names = 0;
  struct header { u32 type, flags; u64 offset, address, pa, file_size, memory_size, align; };
  const struct { u32 name; u8 info, other; u16 section; u64 value, size; } *symbols = 0;
  const struct header *p = (const struct header *)(base + *(const u64 *)(base + 32));
  const u32 *hash = 0;
  while (p->type != PT_DYNAMIC) p++;
  for (const u64 *d = (const u64 *)(base + p->address); d[0]; d += 2) {
    if (d[0] == DT_HASH) hash = (const u32 *)(base + d[1]);
    if (d[0] == DT_STRTAB) names = base + d[1];
    if (d[0] == DT_SYMTAB) symbols = (const void *)(base + d[1]);
  }
  for (u32 i = 0; i < hash[1]; i++)
    if (strcmp(names + symbols[i].name, "__vdso_clock_gettime") == 0) return (fast_clock)(base + symbols[i].value);
  return 0;
}
