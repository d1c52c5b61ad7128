/*
 * The microkernel's binary interface for programs in C: microkernel/abi/ in another language. One system call:
 *
 *   ecall with a7 = 0x4c34, a0 = flags, a1 = capability selector, a2 = time-out in ns (-1: never); answers a0 = status, a1 = badge.
 *   The message stands in the UTCB, one page that thread and kernel share.
 *
 * A program starts with a0 = its information page (struct info) and sp = the end of its stack (64 KiB).
 */
#pragma once
typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long u64;
typedef long i64;

enum { IPC = 0x4c34 };
enum { SEND = 1, RECEIVE = 2, CALL = 4, REPLY = 8 };
enum { OK = 0, BAD_CAP = 1, TIMEOUT = 8, DEAD = 10 };
enum { MAX_WORDS = 64 };

/* The UTCB. tag: words in bits 0–6, items in bits 8–12, label in bits 32–63. */
struct item { u64 flexpage, destination, flags; };
struct utcb { u64 tag, badge, window, cap_window, mtd, unused[3], words[MAX_WORDS]; struct item items[16]; };

/* The information page: who this is, and the capabilities that it was given, by name. */
struct info {
  char name[32];
  struct utcb *utcb;
  void *heap;
  u64 heap_bytes, cap_count;
  struct { char name[24]; u64 selector; } caps[];
};
static inline const char *arguments(const struct info *info) { return (const char *)info + 0x800; } /* JSON of the scenario */

/* Selectors that every task has, and operations of kernel objects (label, then the words). */
enum { OWN_TASK = 1, OWN_THREAD = 2, OWN_FACTORY = 3, FIRST_FREE = 256 };
enum {
  FACTORY_CREATE_THREAD = 0x101, /* sel task flags utcb hart */
  FACTORY_CREATE_PORTAL = 0x102, /* sel thread label mtd */
  FACTORY_CREATE_SCHED_CONTEXT = 0x104, /* sel priority budget period */
  THREAD_START = 0x300,          /* pc sp arg */
  THREAD_BIND = 0x304,           /* context */
};
/* Requests to roottask. */
enum { LOG_LINE = 0x1030 /* length bytes… */, LIFE_EXIT = 0x1050 /* status length bytes… */, LIFE_REPORT = 0x1051 /* length bytes… */ };

struct answer { u64 status, badge; };

static inline struct answer ipc(u64 flags, u64 cap, u64 timeout) {
  register u64 a0 __asm__("a0") = flags;
  register u64 a1 __asm__("a1") = cap;
  register u64 a2 __asm__("a2") = timeout;
  register u64 a7 __asm__("a7") = IPC;
  __asm__ volatile("ecall" : "+r"(a0), "+r"(a1) : "r"(a2), "r"(a7) : "memory");
  return (struct answer){a0, a1};
}
static inline void set_tag(struct utcb *u, u64 label, u64 words) { u->tag = label << 32 | words; }
static inline u64 label_of(const struct utcb *u) { return u->tag >> 32; }

/* Sends the message in the UTCB and waits for the reply. */
static inline u64 call(struct utcb *u, u64 cap, u64 label, u64 words) {
  set_tag(u, label, words);
  return ipc(SEND | CALL | RECEIVE, cap, -1ul).status;
}
/* Invokes a kernel object with up to five words. */
static inline u64 invoke(struct utcb *u, u64 cap, u64 label, u64 a, u64 b, u64 c, u64 d, u64 e) {
  u->words[0] = a, u->words[1] = b, u->words[2] = c, u->words[3] = d, u->words[4] = e;
  return call(u, cap, label, 5);
}
static inline u64 now(void) { u64 t; __asm__ volatile("rdtime %0" : "=r"(t)); return t; }
