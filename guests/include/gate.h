/*
 * Calls of the microkernel through a capability, for Linux programs (hybrid ones, guests/linux) and for native programs alike. The same
 * code uses both:
 *
 *   struct gate counter;
 *   gate_open(&counter, "counter");              a Linux program: /dev/l4/counter of its Unix server
 *   gate_of(&counter, self.utcb, find("counter"));   a native program: a capability of its own
 *   gate_call(&counter, COUNTER_ADD, 1, 5);      words[0] … of counter.utcb then hold the answer
 *
 * Answers are statuses of the kernel (0 and up), and -errno where the Unix server has refused the call.
 */
#pragma once
#include "tessera-abi.h"

struct gate { struct utcb *utcb; u64 selector; int fd; };

static inline void gate_of(struct gate *g, struct utcb *utcb, u64 selector) { g->utcb = utcb, g->selector = selector, g->fd = -1; }

/* One message with up to four words; waits for the answer. The reply's label is the server's own status: gate_label. */
static inline i64 gate_call(struct gate *g, u64 label, u64 words, ...) {
  __builtin_va_list list;
  __builtin_va_start(list, words);
  for (u64 i = 0; i < words && i < 4; i++) g->utcb->words[i] = __builtin_va_arg(list, u64);
  __builtin_va_end(list);
  return (i64)call(g->utcb, g->selector, label, words);
}
static inline u64 gate_label(const struct gate *g) { return label_of(g->utcb); }
static inline u64 gate_word(const struct gate *g, u64 i) { return g->utcb->words[i]; }

/* The kernel calls of Linux that opening a gate needs, so that this header goes with any C library. */
static inline i64 gate_linux(i64 number, i64 a, i64 b, i64 c, i64 d) {
  register i64 a7 __asm__("a7") = number;
  register i64 a0 __asm__("a0") = a;
  register i64 a1 __asm__("a1") = b;
  register i64 a2 __asm__("a2") = c;
  register i64 a3 __asm__("a3") = d;
  __asm__ volatile("ecall" : "+r"(a0) : "r"(a7), "r"(a1), "r"(a2), "r"(a3) : "memory");
  return a0;
}
enum { GATE_OPENAT = 56, GATE_CLOSE = 57, GATE_IOCTL = 29, GATE_AT_CWD = -100, GATE_ASK = 0x80103401 };

/* Opens /dev/l4/NAME and asks for its capability and a message buffer for this thread. 0, or -errno. */
static inline i64 gate_open(struct gate *g, const char *name) {
  char path[64] = "/dev/l4/";
  u64 n = 8;
  while (*name && n < sizeof path - 1) path[n++] = *name++;
  path[n] = 0;
  i64 fd = gate_linux(GATE_OPENAT, GATE_AT_CWD, (i64)path, 2, 0), failed;
  if (fd < 0) return fd;
  struct { u64 selector, utcb; } got;
  failed = gate_linux(GATE_IOCTL, fd, (i64)GATE_ASK, (i64)&got, 0);
  if (failed) { gate_linux(GATE_CLOSE, fd, 0, 0, 0); return failed; }
  g->utcb = (struct utcb *)got.utcb, g->selector = got.selector, g->fd = (int)fd;
  return 0;
}
/* The capability goes with the last descriptor that stands for it. */
static inline void gate_close(struct gate *g) { gate_linux(GATE_CLOSE, g->fd, 0, 0, 0); g->utcb = 0; }
