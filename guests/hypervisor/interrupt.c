/* Interrupts: injection, delegation, order, codes, vectors. The expectation is a model of the rules. @spec priv 3.1.9, 21.2.2, 21.2.3 */
#include "hyp.h"

#define MSIP (*(volatile u32 *)0x2000000)
#define MTIMECMP (*(volatile u64 *)0x2004000)
#define NOP 0x00000013u

static const u8 order[] = { 11, 3, 7, 9, 1, 5, 12, 10, 2, 6 };
static const u8 modes[] = { U, HS, VU, VS };

static void quiet(void) {
  MSIP = 0;
  MTIMECMP = -1ul;
  CSR_WRITE(mip, 0);
  CSR_WRITE(hvip, 0);
}

/* Pending bits: 3 and 7 come from the timer and software-interrupt unit, 1, 5, 9 from mip, 2, 6, 10 from hvip. */
static void pend(u64 bits) {
  MSIP = bits >> 3 & 1;
  MTIMECMP = bits >> 7 & 1 ? 0 : -1ul;
  CSR_WRITE(mip, bits & 0x222);
  CSR_WRITE(hvip, bits & 0x444);
  while ((CSR_READ(mip) ^ bits) & 0x88) {}
}

/* `sie`: HS-level SIE; in M mode MIE. */
struct situation { u64 pending, enabled, delegated, further; int mode, sie, guest_sie; };
static int target, code;

static void highest(u64 bits, int level) {
  for (unsigned i = 0; i < COUNT(order) && target == 0; i++) if (bits >> order[i] & 1) {
    target = level;
    code = level == VS ? order[i] - 1 : order[i];
  }
}

static void expect(const struct situation *s) {
  u64 ready = s->pending & s->enabled, delegated = s->delegated | 0x444;
  target = 0;
  if (s->mode != M || s->sie) highest(ready & ~delegated, M);
  if (s->mode == M) return;
  if (s->mode != HS || s->sie) highest(ready & delegated & ~s->further, HS);
  if (s->mode == VU || (s->mode == VS && s->guest_sie)) highest(ready & delegated & s->further, VS);
}

static void set(const struct situation *s) {
  CSR_WRITE(mie, s->enabled);
  CSR_WRITE(mideleg, s->delegated);
  CSR_WRITE(hideleg, s->further);
  CSR_WRITE(mstatus, MSTATUS_FS | (s->sie ? s->mode == M ? MSTATUS_MPIE : MSTATUS_SIE : 0));
  CSR_WRITE(vsstatus, MSTATUS_FS | (s->guest_sie ? MSTATUS_SIE : 0));
  pend(s->pending);
}

static int as_expected(void) {
  if (target == 0) return completed();
  return last.to == target && last.cause == (INTERRUPT | (u64)code) && last.epc == CODE && last.tval == 0 && last.tval2 == 0
    && last.tinst == 0;
}

static void situation(const struct situation *s, const char *why) {
  set(s);
  expect(s);
  run_insn(s->mode, NOP, 0, 0);
  check(as_expected(), "%s: pending %lx enabled %lx mideleg %lx hideleg %lx in %s, SIE %d vsSIE %d: %s %d", why, s->pending, s->enabled,
    s->delegated, s->further,
        mode_names[s->mode], s->sie, s->guest_sie, target == 0 ? "none" : mode_names[target], target == 0 ? 0 : code);
}

static void each_alone(void) {
  static const u8 bits[] = { 2, 6, 10 };
  for (unsigned b = 0; b < COUNT(bits); b++) for (unsigned m = 0; m < COUNT(modes); m++) for (int set_ = 0; set_ < 16; set_++) {
    u64 bit = BIT(bits[b]);
    struct situation s = { bit, set_ & 1 ? bit : 0, 0x222, set_ & 2 ? bit : 0, modes[m], set_ >> 2 & 1, set_ >> 3 };
    situation(&s, "one");
  }
}

static void many(void) {
  u64 seed = 0x9e3779b97f4a7c15ul;
  for (int i = 0; i < 200; i++) {
    seed = seed * 6364136223846793005ul + 1442695040888963407ul;
    u64 r = seed >> 13;
    struct situation s = { r & 0x6ee, r >> 11 & 0x6ee, r >> 22 & 0x222, r >> 33 & 0x444, modes[r >> 44 & 3], (int)(r >> 46 & 1),
      (int)(r >> 47 & 1) };
    if (r >> 48 & 1) s.enabled = 0xeee;
    situation(&s, "many");
  }
}

/* M mode takes no delegated interrupt, and never a VS interrupt. */
static void in_machine_mode(void) {
  for (int mie_ = 0; mie_ < 2; mie_++) for (u64 delegated = 0; delegated <= 0x222; delegated += 0x222) {
    struct situation s = { 0x444, 0x444, delegated, 0, M, mie_, 1 };
    situation(&s, "VS only");
    struct situation t = { 0x666, 0x666, delegated, 0x444, M, mie_, 1 };
    situation(&t, "VS and S");
    struct situation u = { 0x6ee, 0xeee, delegated, 0x404, M, mie_, 0 };
    situation(&u, "all");
  }
}

/* All that a guest can be given at once, in order: external, software, timer. */
static void injected_in_order(void) {
  for (u64 three = 1; three < 8; three++) {
    u64 bits = (three & 1) << 2 | (three & 2) << 5 | (three & 4) << 8;
    struct situation s = { bits, 0x444, 0x222, 0x444, VS, 0, 1 };
    situation(&s, "guest");
    struct situation t = { bits, 0x444, 0x222, 0, VS, 0, 1 };
    situation(&t, "host");
  }
}

static void vectored(void) {
  for (unsigned b = 2; b <= 10; b += 4) {
    struct situation s = { BIT(b), BIT(b), 0x222, BIT(b), VS, 0, 1 };
    set(&s);
    CSR_WRITE(vstvec, VS_VECTOR | 1);
    run_insn(VS, NOP, 0, 0);
    check(last.to == VS && last.entry == 4 * (int)(b - 1), "vstvec vectored: interrupt %d enters at 4 times its own number for the guest",
      b);
    CSR_WRITE(vstvec, VS_VECTOR);
    CSR_WRITE(hideleg, 0);
    CSR_WRITE(stvec, HS_VECTOR | 1);
    run_insn(VS, NOP, 0, 0);
    check(last.to == HS && last.entry == 4 * (int)b, "stvec vectored: interrupt %d enters at 4 times its number", b);
    CSR_WRITE(stvec, HS_VECTOR);
  }
  quiet();
  CSR_WRITE(vstvec, VS_VECTOR | 1);
  csr_set(medeleg, BIT(ILLEGAL));
  csr_set(hedeleg, BIT(ILLEGAL));
  run_insn(VS, 0x30002573, 0, 0);
  check(last.to == VS && last.entry == 0, "vstvec vectored: exceptions enter at the base");
  reset();
}

/* What a trap saves in the guest's and in the host's registers. */
static void saved(void) {
  for (int mode = VU; mode <= VS; mode++) for (int sie = 0; sie < 2; sie++) {
    struct situation s = { 4, 4, 0x222, 4, mode, sie, 1 };
    CSR_WRITE(hstatus, HSTATUS_SPVP);
    set(&s);
    run_insn(mode, NOP, 0, 0);
    u64 guest = CSR_READ(vsstatus), host = CSR_READ(mstatus);
    check(last.to == VS && !!(guest & MSTATUS_SPP) == (mode == VS) && guest & MSTATUS_SPIE && !(guest & MSTATUS_SIE),
      "into VS from %s: vsstatus", mode_names[mode]);
    check(CSR_READ(hstatus) << 32 == HSTATUS_SPVP << 32 && !!(host & MSTATUS_SIE) == sie,
      "into VS from %s: hstatus and sstatus are not touched", mode_names[mode]);
    CSR_WRITE(hideleg, 0);
    CSR_WRITE(hstatus, 0);
    set(&s);
    CSR_WRITE(hideleg, 0);
    run_insn(mode, NOP, 0, 0);
    host = CSR_READ(mstatus);
    u64 h = CSR_READ(hstatus);
    check(last.to == HS && !!(host & MSTATUS_SPP) == (mode == VS) && !!(host & MSTATUS_SPIE) == sie && !(host & MSTATUS_SIE),
      "into HS from %s: sstatus", mode_names[mode]);
    check(h & HSTATUS_SPV && !!(h & HSTATUS_SPVP) == (mode == VS) && !(h & HSTATUS_GVA), "into HS from %s: hstatus", mode_names[mode]);
  }
  quiet();
  reset();
}

/* The guest enables the interrupt itself, by sie, by sstatus, by sret; the supervisor does so by entering the guest. */
static void let_in(void) {
  struct situation s = { 4, 4, 0x222, 4, VS, 0, 0 };
  static const struct { const char *name; u32 code[2]; } ways[] = {
    { "sstatus.SIE set", { 0x10016073, NOP } }, /* csrsi sstatus, 2 */
    { "sret with SPIE", { 0x10200073, NOP } },
  };
  for (unsigned i = 0; i < COUNT(ways); i++) {
    set(&s);
    CSR_WRITE(vsstatus, MSTATUS_FS | MSTATUS_SPP | MSTATUS_SPIE);
    CSR_WRITE(vsepc, CODE + 4);
    run_code(VS, ways[i].code, 2, 0, 0, 0, 0);
    check(last.to == VS && last.cause == (INTERRUPT | 1) && last.epc == CODE + 4,
      "pending in the guest, %s: taken at the next instruction", ways[i].name);
  }
  set(&s);
  CSR_WRITE(hie, 0);
  CSR_WRITE(vsstatus, MSTATUS_FS | MSTATUS_SIE);
  static const u32 enable[] = { 0x10416073, NOP }; /* csrsi sie, 2 */
  run_code(VS, enable, 2, 0, 0, 0, 0);
  check(last.to == VS && last.cause == (INTERRUPT | 1) && last.epc == CODE + 4,
    "pending in the guest, sie.SSIE set: taken at the next instruction");
  set(&s);
  CSR_WRITE(hvip, 0);
  CSR_WRITE(vsstatus, MSTATUS_FS | MSTATUS_SIE);
  static const u32 self[] = { 0x14416073, NOP }; /* csrsi sip, 2 */
  run_code(VS, self, 2, 0, 0, 0, 0);
  check(last.to == VS && last.cause == (INTERRUPT | 1) && last.epc == CODE + 4, "the guest pends a software interrupt of its own");
  /* A pending and enabled interrupt ends a wait, whether it can be taken or not. */
  set(&s);
  run_insn(VS, 0x10500073, 0, 0);
  check(completed(), "wfi in VS ends with a pending interrupt that is globally off");
  struct situation h = { 2, 2, 0x222, 0, HS, 0, 0 };
  set(&h);
  run_insn(HS, 0x10500073, 0, 0);
  check(completed(), "wfi in HS ends with a pending interrupt that is globally off");
  quiet();
  reset();
}

void interrupt_cases(void) {
  each_alone();
  injected_in_order();
  in_machine_mode();
  many();
  quiet();
  reset();
  vectored();
  saved();
  let_in();
}
