/*
 * A guest that tries everything: it reads each of the 4,096 CSRs, writes ones to those that it can read and looks which bits stay, and
 * accesses addresses where nothing is. Each attempt succeeds or traps into the guest's own handler; nothing else may happen. The guest
 * prints one digest of all results: it is the same however the guest runs.
 */
#define LINE 512
#include "say.h"

enum { NONE = -1, RAM = 0x80000000, FS_INITIAL = 0x2000 };
enum { TIME_CSR = 0xc01, CYCLE = 0xc00, INSTRET = 0xc02, SIP = 0x144, STIMECMP = 0x14d };
extern volatile u64 trap_cause[2];
extern char handler[];

/* FNV-1a over 64-bit words: what has happened so far. */
static u64 digest = 0xcbf29ce484222325;
static void happened(u64 what) { for (int i = 0; i < 64; i += 8) digest = (digest ^ (what >> i & 255)) * 0x100000001b3; }

/* One instruction and a return, written and executed. */
static u32 code[2] __attribute__((aligned(8)));
static u64 execute(u32 instruction, u64 argument) {
  code[0] = instruction;
  code[1] = 0x8067; /* ret */
  trap_cause[0] = NONE;
  __asm__ volatile("fence.i" ::: "memory");
  return ((u64 (*)(u64))code)(argument);
}
static u64 read_csr(u32 n) { return execute(n << 20 | 0x2573, 0); }  /* csrrs a0, n, zero */
static u64 write_csr(u32 n, u64 v) { return execute(n << 20 | 0x51573, v); } /* csrrw a0, n, a0 */
static int trapped(void) { return trap_cause[0] != (u64)NONE; }

static void range(u32 from, u32 to) {
  text(" ");
  digits(from, 16);
  if (to != from) { text("-"); digits(to, 16); }
}

/* Values of counters and of pending interrupts depend on time: only whether they can be read counts. */
/*
 * Registers of extensions that no device tree here promises. A processor that has them shows them to its guest; the guest names them and
 * leaves them out of the digest.
 */
static int promised(u32 n) { return n != 0x10c && n != 0xda0 && !(n >= 0xc03 && n < 0xc20); }
static int moves(u32 n) { return n == TIME_CSR || n == CYCLE || n == INSTRET || n == SIP || n == STIMECMP; }

static void registers(void) {
  int readable = 0, written = 0, first = -1;
  text("control: readable registers");
  for (u32 n = 0; n <= 4096; n++) {
    u64 old = n < 4096 ? read_csr(n) : 0;
    int can = n < 4096 && !trapped();
    if (n < 4096 && promised(n)) happened(can ? n : trap_cause[0]);
    if (can && first < 0) first = n;
    if (!can && first >= 0) { range(first, n - 1); first = -1; }
    if (!can) continue;
    readable++;
    write_csr(n, ~0ul);
    if (trapped()) { if (promised(n)) happened(trap_cause[0]); continue; }
    written++;
    u64 kept = read_csr(n);
    write_csr(n, old);
    if (promised(n) && !moves(n)) happened(kept);
  }
  say();
  text("control: of 4096 registers ");
  digits(readable, 10);
  text(" can be read, ");
  digits(written, 10);
  text(" written, the others trap");
  say();
}

static void holes(void) {
  int loads = 0, stores = 0, tried = 0;
  for (int bit = 12; bit < 64; bit++) for (int side = 0; side < 2; side++) {
    u64 at = (1ul << bit) - (side ? 8 : 0);
    if (at >= 0x100000 - 8 && at < RAM + 0x40000000ul) continue; /* devices and memory */
    tried++;
    execute(0x53503, at); /* ld a0, (a0) */
    loads += trapped();
    happened(trap_cause[0]);
    execute(0xa53023, at); /* sd a0, (a0) */
    stores += trapped();
    happened(trap_cause[0]);
  }
  text("control: of ");
  digits(tried, 10);
  text(" addresses where nothing is, ");
  digits(loads, 10);
  text(" loads and ");
  digits(stores, 10);
  text(" stores trap");
  say();
}

void control(void) {
  __asm__ volatile("csrw stvec, %0; csrw sie, zero; csrs sstatus, %1" : : "r"(handler), "r"(FS_INITIAL) : "memory");
  registers();
  holes();
  text("control: digest ");
  digits(digest, 16);
  say();
  call(SRST, 0, 0, 0, 0);
}
