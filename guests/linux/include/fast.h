/*
 * Two ways into the Unix server beside the trap: a message to a portal (SOSP '97's trampoline), and none at all, for the time.
 * The portal is there where the server has `stubs`, for threads that have asked for a gate (gate.h).
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
/* clock_gettime in the page that all programs share (l4guest/kernel/timepage.ts). */
typedef i64 (*fast_clock)(int clock, struct timespec *to);
static inline fast_clock clock_of_page(void) { return (fast_clock)0x3fffffe040ul; }
