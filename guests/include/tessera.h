/*
 * What a program in C needs to live on the microkernel: the kernel's calls (tessera-abi.h), the information page, requests to roottask.
 *
 * A program starts with a0 = its information page (struct info) and sp = the end of its stack (64 KiB).
 */
#pragma once
#include "tessera-abi.h"

enum { FIRST_FREE = 256 }; /* selectors of one's own begin here */

/* The information page: the program's name, and its capabilities by name. */
struct info {
  char name[32];
  struct utcb *utcb;
  void *heap;
  u64 heap_bytes, cap_count;
  struct { char name[24]; u64 selector; } caps[];
};
static inline const char *arguments(const struct info *info) { return (const char *)info + 0x800; } /* JSON of the scenario */

/* Requests to roottask. */
enum {
  MEMORY_CREATE = 0x1000 /* size align selector flags → skew */, DATASPACE_ATTACH = 0x1010 /* va offset size rights → mapped */,
  LOG_LINE = 0x1030 /* length bytes… */, LIFE_EXIT = 0x1050 /* status length bytes… */, LIFE_REPORT = 0x1051 /* length bytes… */
};

/* What the functions below use; `begin` fills it. A thread of its own has a UTCB of its own: these are for the first thread. */
static struct { const struct info *info; struct utcb *utcb; u64 log, life, memory, next_selector; } self;

static inline u64 length_of(const char *text) { u64 n = 0; while (text[n]) n++; return n; }
static inline int same(const char *a, const char *b) { while (*a && *a == *b) a++, b++; return *a == *b; }

/* The selector of a capability by its name in the scenario; 0: it was not given. */
static inline u64 find(const char *name) {
  for (u64 i = 0; i < self.info->cap_count; i++) if (same(self.info->caps[i].name, name)) return self.info->caps[i].selector;
  return 0;
}
/* main calls this first, with the page that it got. */
static inline void begin(const struct info *info) {
  self.info = info, self.utcb = info->utcb, self.next_selector = FIRST_FREE;
  self.log = find("log"), self.life = find("life"), self.memory = find("memory");
}
/* A selector that nobody has used yet. */
static inline u64 new_selector(void) { return self.next_selector++; }

/* Invokes a kernel object with up to five words. */
static inline u64 invoke(struct utcb *u, u64 cap, u64 label, u64 a, u64 b, u64 c, u64 d, u64 e) {
  u->words[0] = a, u->words[1] = b, u->words[2] = c, u->words[3] = d, u->words[4] = e;
  return call(u, cap, label, 5);
}
static inline u64 now(void) { u64 t; __asm__ volatile("rdtime %0" : "=r"(t)); return t; }

/* Text in a message: its length in word `at`, then its bytes. Answers the number of words up to there. 400 bytes at most. */
static inline u64 put_bytes(u64 at, const char *bytes, u64 n) {
  u8 *to = (u8 *)&self.utcb->words[at + 1];
  if (n > 400) n = 400;
  for (u64 i = 0; i < n; i++) to[i] = bytes[i];
  self.utcb->words[at] = n;
  return at + 1 + (n + 7) / 8;
}
static inline u64 put_text(u64 at, const char *text) { return put_bytes(at, text, length_of(text)); }

/* Text into the log; a line ends with '\n', and may come in pieces. */
static inline void print(const char *text) {
  for (u64 n = length_of(text), piece; n > 0; n -= piece, text += piece) {
    piece = n < 400 ? n : 400;
    call(self.utcb, self.log, LOG_LINE, put_bytes(0, text, piece));
  }
}
/* A number in decimal or, with base 16, in hexadecimal. */
static inline void print_number(u64 n, u64 base) {
  char digits[24], *d = digits + 23;
  *d = 0;
  do *--d = "0123456789abcdef"[n % base]; while (n /= base);
  if (base == 16) print("0x");
  print(d);
}
/* Says something about the program's state in the table at the end. */
static inline void report(const char *text) { call(self.utcb, self.life, LIFE_REPORT, put_text(0, text)); }
/* The program ends with this status (0: well), and says why. */
static inline void end(u64 status, const char *why) {
  self.utcb->words[0] = status;
  call(self.utcb, self.life, LIFE_EXIT, put_text(1, why));
  for (;;) ipc(RECEIVE, 0, -1ul);
}
/* Ends the program with an error. */
static inline void die(const char *why) { print(why); print("\n"); report(why); end(1, why); }
/* Ends the program unless a call has succeeded. */
static inline void must(u64 status, const char *what) { if (status != OK) die(what); }

/* Fresh memory, zeroed, mapped readable and writable at `va` (both multiples of 4096). Answers a status. */
static inline u64 allocate(u64 va, u64 size) {
  struct utcb *u = self.utcb;
  u64 dataspace = new_selector(), status;
  u->words[0] = size, u->words[1] = 4096, u->words[2] = dataspace, u->words[3] = 0;
  u->cap_window = cap_page(0, 20, CAP_ALL);
  status = call(u, self.memory, MEMORY_CREATE, 4);
  if (status == OK) status = label_of(u);
  u->cap_window = 0;
  for (u64 done = 0; status == OK && done < size;) {
    u->words[0] = va + done, u->words[1] = done, u->words[2] = size - done, u->words[3] = RIGHT_RW;
    u->window = memory_page(0, 38, RIGHT_RWX);
    status = call(u, dataspace, DATASPACE_ATTACH, 4);
    if (status == OK) status = label_of(u);
    u->window = 0;
    if (status == OK && u->words[0] == 0) status = BAD_ARGUMENT;
    done += u->words[0];
  }
  return status;
}

/*
 * A thread in this task: its stack and UTCB (a page where nothing is) are the caller's; it runs body(arg). Answers its selector; its
 * context is the next one.
 */
static inline u64 new_thread(void (*body)(struct utcb *), void *stack_end, u64 utcb, u64 priority) {
  struct utcb *u = self.utcb;
  u64 thread = new_selector(), context = new_selector();
  must(factory_create_thread(u, OWN_FACTORY, thread, OWN_TASK, 0, utcb, 0), "no thread");
  must(factory_create_sched_context(u, OWN_FACTORY, context, priority, 0, 0), "no scheduling context");
  must(thread_bind(u, thread, context), "no binding");
  must(thread_start(u, thread, (u64)body, (u64)stack_end, utcb), "no start");
  return thread;
}
