/* The protocol of the scenarios' counter (scenarios/counter.ts): labels of its messages, and functions for them. */
#pragma once
#include "gate.h"

enum { COUNTER_ADD = 0x2200 /* n → total */, COUNTER_READ = 0x2201 /* → total */, COUNTER_RESET = 0x2202,
  COUNTER_WAIT = 0x2203 /* never answered */ };

static inline i64 counter_add(struct gate *g, u64 n) { return gate_call(g, COUNTER_ADD, 1, n); }
static inline i64 counter_read(struct gate *g) { return gate_call(g, COUNTER_READ, 0); }
static inline i64 counter_reset(struct gate *g) { return gate_call(g, COUNTER_RESET, 0); }
