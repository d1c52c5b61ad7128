/*
 * A guest that examines and changes its own code. It executes privileged instructions and reads them: it must read what the assembler
 * wrote, whatever a monitor has put in their place. It sums its whole text before and after. Then it writes instructions and runs them,
 * 10,000 times in a separate page and 1,000 times in the page that contains the writing code. It prints one digest of all results, the
 * same however the guest runs.
 */
#define LINE 256
#include "say.h"

enum { SITES = 8, ROUNDS = 10000, OWN_ROUNDS = 1000 };
extern const u32 *const sites[SITES];
extern const u32 words[SITES];
extern char text_start[], text_end[];
void privileged(void);
u64 fill_and_call(u64 argument, u32 instruction);

static u64 mixed(u64 digest, u64 what) {
  for (int i = 0; i < 64; i += 8) digest = (digest ^ (what >> i & 255)) * 0x100000001b3;
  return digest;
}
enum { BEGIN = 0x811c9dc5 };
static u64 sum_of_text(void) {
  u64 sum = BEGIN;
  for (const u64 *p = (const u64 *)text_start; p < (const u64 *)text_end; p++) sum = mixed(sum, *p);
  return sum;
}

static u64 state = 2463534242;
static u32 below(u32 n) { state = state * 6364136223846793005 + 1442695040888963407; return (u32)(state >> 33) % n; }

/* One instruction with a0 as source and target: innocuous or sensitive. */
static u32 instruction(void) {
  u32 n = below(4096);
  switch (below(6)) {
    case 0: return n << 20 | 0x50513;         /* addi a0, a0, n */
    case 1: return n << 20 | 0x54513;         /* xori a0, a0, n */
    case 2: return (n & 63) << 20 | 0x51513;  /* slli a0, a0, n */
    case 3: return 0x14051573;                /* csrrw a0, sscratch, a0 */
    case 4: return 0x10002573;                /* csrr a0, sstatus */
    default: return 0x14052573;               /* csrrs a0, sscratch, a0 */
  }
}

static u32 apart[1024] __attribute__((aligned(4096)));
static u64 write_and_run(u64 argument) {
  u32 at = 2 * below(512);
  apart[at] = instruction();
  apart[at + 1] = 0x8067; /* ret */
  __asm__ volatile("fence.i" ::: "memory");
  return ((u64 (*)(u64))(apart + at))(argument);
}

void selfcheck(void) {
  u64 before = sum_of_text(), digest = BEGIN, value = 1;
  int same = 0;
  for (int i = 0; i < 100; i++) privileged();
  for (int i = 0; i < SITES; i++) same += *sites[i] == words[i];
  text("selfcheck: of 8 privileged instructions ");
  digits(same, 10);
  text(" read as they were written; the text ");
  text(sum_of_text() == before ? "is as it was" : "has changed");
  say();
  for (int i = 0; i < ROUNDS; i++) digest = mixed(digest, value = write_and_run(value));
  text("selfcheck: 10000 instructions written and run, digest ");
  digits(digest, 16);
  say();
  for (int i = 0; i < OWN_ROUNDS; i++) digest = mixed(digest, value = fill_and_call(value, instruction()));
  text("selfcheck: 1000 more in the page that writes them, digest ");
  digits(digest, 16);
  say();
  call(SRST, 0, 0, 0, 0);
}
