/*
 * What a program in C needs to live on the microkernel: the kernel's calls (tessera-abi.h), the information page, requests to roottask.
 *
 * A program starts with a0 = its information page (struct info) and sp = the end of its stack (64 KiB).
 */
#pragma once
#include "tessera-abi.h"

enum { FIRST_FREE = 256 }; /* selectors of one's own begin here */

/* The information page: who this is, and the capabilities that it was given, by name. */
struct info {
  char name[32];
  struct utcb *utcb;
  void *heap;
  u64 heap_bytes, cap_count;
  struct { char name[24]; u64 selector; } caps[];
};
static inline const char *arguments(const struct info *info) { return (const char *)info + 0x800; } /* JSON of the scenario */

/* Requests to roottask. */
enum { LOG_LINE = 0x1030 /* length bytes… */, LIFE_EXIT = 0x1050 /* status length bytes… */, LIFE_REPORT = 0x1051 /* length bytes… */ };

/* Invokes a kernel object with up to five words. */
static inline u64 invoke(struct utcb *u, u64 cap, u64 label, u64 a, u64 b, u64 c, u64 d, u64 e) {
  u->words[0] = a, u->words[1] = b, u->words[2] = c, u->words[3] = d, u->words[4] = e;
  return call(u, cap, label, 5);
}
static inline u64 now(void) { u64 t; __asm__ volatile("rdtime %0" : "=r"(t)); return t; }
