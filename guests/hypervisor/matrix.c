/*
 * Tries every register and every privileged instruction in every mode. The expectation is computed from the rule in chapter 21
 * ("HS-qualified"), not listed. @spec priv 2.1, 21.6.1
 */
#include "hyp.h"

enum { ALLOWED, ILLEGAL_, VIRTUAL_ };
static const char *const names[] = { "allowed", "illegal", "virtual" };
static const u8 all_modes[] = { HS, U, VS, VU };

static int outcome(void) {
  if (completed()) return ALLOWED;
  return last.to == M && last.cause == ILLEGAL ? ILLEGAL_ : last.to == M && last.cause == VIRTUAL ? VIRTUAL_ : -1;
}

/* ---- registers ---- */
static const struct { const char *name; u16 number; u64 value; } registers[] = {
  { "sstatus", sstatus, MSTATUS_FS }, { "sie", sie, 0 }, { "stvec", stvec, HS_VECTOR }, { "scounteren", scounteren, 0 },
  { "senvcfg", senvcfg, 0 },
  { "sscratch", sscratch, 0 }, { "sepc", sepc, 0 }, { "scause", scause, 0 }, { "stval", stval, 0 }, { "sip", sip, 0 }, { "satp", satp, 0 },
  { "vsstatus", vsstatus, MSTATUS_FS }, { "vsie", vsie, 0 }, { "vstvec", vstvec, VS_VECTOR }, { "vsscratch", vsscratch, 0 },
  { "vsepc", vsepc, 0 },
  { "vscause", vscause, 0 }, { "vstval", vstval, 0 }, { "vsip", vsip, 0 }, { "vsatp", vsatp, 0 },
  { "hstatus", hstatus, 0 }, { "hedeleg", hedeleg, 0 }, { "hideleg", hideleg, 0 }, { "hie", hie, 0 }, { "htimedelta", htimedelta, 0 },
  { "hcounteren", hcounteren, 0 }, { "hgeie", hgeie, 0 }, { "henvcfg", henvcfg, 0 }, { "htval", htval, 0 }, { "hip", hip, 0 },
  { "hvip", hvip, 0 },
  { "htinst", htinst, 0 }, { "hgatp", hgatp, 0 }, { "hgeip", hgeip, 0 },
  { "mstatus", mstatus, 0 }, { "mtval2", mtval2, 0 }, { "mtinst", mtinst, 0 }, { "medeleg", medeleg, 0 }, { "mideleg", mideleg, 0 },
  { "hedelegh (RV32)", 0x612, 0 }, { "htimedeltah (RV32)", 0x615, 0 }, { "henvcfgh (RV32)", 0x61a, 0 }, { "unassigned 0x2ff", 0x2ff, 0 },
  { "unassigned 0x6ff", 0x6ff, 0 },
};

static int exists(int number) {
  return number != 0x612 && number != 0x615 && number != 0x61a && (number & 0xff) != 0xff;
}

static int expected_register(int number, int mode, int write) {
  int level = number >> 8 & 3;
  if (!exists(number) || level == 3 || (write && number >> 10 == 3)) return ILLEGAL_;
  if (mode == HS) return ALLOWED;
  if (mode == U) return ILLEGAL_;
  return mode == VS && level == 1 ? ALLOWED : VIRTUAL_;
}

static void register_matrix(void) {
  for (unsigned i = 0; i < COUNT(registers); i++) for (unsigned m = 0; m < COUNT(all_modes); m++) {
    int mode = all_modes[m];
    for (int write = 0; write < 2; write++) {
      reset();
      run_insn(mode, csr_insn(registers[i].number, write), registers[i].value, 0);
      int want = expected_register(registers[i].number, mode, write);
      check(outcome() == want && (completed() || last.tval == 0 || last.tval == csr_insn(registers[i].number, write)),
            "%s %s in %s: %s", write ? "write" : "read", registers[i].name, mode_names[mode], names[want]);
    }
  }
  reset();
}

/* ---- instructions ---- */
enum { SFENCE_LIKE, HFENCE_V, HFENCE_G, GUEST_ACCESS, SRET, MRET, WFI, INVAL_ORDER };
static const struct { const char *name; u32 insn; int kind; } instructions[] = {
  { "sfence.vma", 0x12000073, SFENCE_LIKE }, { "sinval.vma", 0x16000073, SFENCE_LIKE },
  { "sfence.w.inval", 0x18000073, INVAL_ORDER }, { "sfence.inval.ir", 0x18100073, INVAL_ORDER },
  { "hfence.vvma", 0x22000073, HFENCE_V }, { "hinval.vvma", 0x26000073, HFENCE_V },
  { "hfence.gvma", 0x62000073, HFENCE_G }, { "hinval.gvma", 0x66000073, HFENCE_G },
  { "hlv.b", 0x6005c573, GUEST_ACCESS }, { "hlvx.hu", 0x6435c573, GUEST_ACCESS }, { "hlv.d", 0x6c05c573, GUEST_ACCESS },
  { "hsv.d", 0x6ea5c073, GUEST_ACCESS },
  { "sret", 0x10200073, SRET }, { "mret", 0x30200073, MRET }, { "wfi", 0x10500073, WFI },
};

struct knobs { const char *name; u64 m, h; };
static const struct knobs settings[] = {
  { "plain", 0, 0 }, { "TVM", MSTATUS_TVM, 0 }, { "TW", MSTATUS_TW, 0 }, { "TSR", MSTATUS_TSR, 0 }, { "VTVM", 0, HSTATUS_VTVM },
  { "VTW", 0, HSTATUS_VTW },
  { "VTSR", 0, HSTATUS_VTSR }, { "HU", 0, HSTATUS_HU }, { "TW VTW", MSTATUS_TW, HSTATUS_VTW },
};

static int expected_instruction(int kind, int mode, const struct knobs *k) {
  int virtual_ = mode == VS || mode == VU, user = mode == U || mode == VU;
  int refused = virtual_ ? VIRTUAL_ : ILLEGAL_;
  switch (kind) {
    case SFENCE_LIKE: if (user) return refused;
      return mode == HS ? (k->m & MSTATUS_TVM ? ILLEGAL_ : ALLOWED) : (k->h & HSTATUS_VTVM ? VIRTUAL_ : ALLOWED);
    case INVAL_ORDER: return user ? refused : ALLOWED;
    case HFENCE_V: return mode == HS ? ALLOWED : refused;
    case HFENCE_G: return mode == HS ? (k->m & MSTATUS_TVM ? ILLEGAL_ : ALLOWED) : refused;
    case GUEST_ACCESS: return mode == HS || (mode == U && k->h & HSTATUS_HU) ? ALLOWED : refused;
    case SRET: if (user) return refused;
      return mode == HS ? (k->m & MSTATUS_TSR ? ILLEGAL_ : ALLOWED) : (k->h & HSTATUS_VTSR ? VIRTUAL_ : ALLOWED);
    case MRET: return ILLEGAL_;
    default: /* WFI: an interrupt is pending, so that it may also just complete */
      if (k->m & MSTATUS_TW) return ILLEGAL_;
      if (user) return refused;
      return virtual_ && k->h & HSTATUS_VTW ? VIRTUAL_ : ALLOWED;
  }
}

static void instruction_case(unsigned i, int mode, const struct knobs *k) {
  int kind = instructions[i].kind;
  reset();
  CSR_WRITE(mstatus, CSR_READ(mstatus) | k->m);
  CSR_WRITE(hstatus, k->h | (mode == VS || mode == VU ? HSTATUS_SPV : 0));
  if (kind == SRET) { /* returns to the ecall behind it */
    CSR_WRITE(sepc, CODE + 4);
    CSR_WRITE(vsepc, CODE + 4);
    CSR_WRITE(hstatus, k->h);
    CSR_WRITE(mstatus, CSR_READ(mstatus) | MSTATUS_SPP);
    CSR_WRITE(vsstatus, CSR_READ(vsstatus) | MSTATUS_SPP);
  }
  if (kind == WFI) { /* pending and enabled, but not delegated to where it could be taken */
    CSR_WRITE(mideleg, 0x222);
    CSR_WRITE(mie, 2);
    CSR_WRITE(mip, mode == HS ? 2 : 0);
    if (mode == VS) { CSR_WRITE(hideleg, 4); CSR_WRITE(hie, 4); CSR_WRITE(hvip, 4); }
  }
  run_insn(mode, instructions[i].insn, 0, DATA);
  int want = expected_instruction(kind, mode, k);
  check(outcome() == want && (completed() || last.tval == 0 || last.tval == instructions[i].insn), "%s in %s, %s: %s",
        instructions[i].name, mode_names[mode], k->name, names[want]);
}

static void instruction_matrix(void) {
  for (unsigned i = 0; i < COUNT(instructions); i++) for (unsigned s = 0; s < COUNT(settings); s++)
    for (unsigned m = 0; m < COUNT(all_modes); m++) {
    if (!has.svinval && (instructions[i].insn >> 25 & 3) == 3) continue;
    if (!has.svinval && instructions[i].kind == INVAL_ORDER) continue;
    instruction_case(i, all_modes[m], &settings[s]);
  }
  reset();
}

/* satp and hgatp under TVM and VTVM. */
static void translation_registers(void) {
  static const struct { const char *name; u16 number; u8 mode; u64 m, h; int want; } rows[] = {
    { "satp in HS, TVM", satp, HS, MSTATUS_TVM, 0, ILLEGAL_ }, { "satp in HS, VTVM", satp, HS, 0, HSTATUS_VTVM, ALLOWED },
    { "satp in VS, TVM", satp, VS, MSTATUS_TVM, 0, ALLOWED }, { "satp in VS, VTVM", satp, VS, 0, HSTATUS_VTVM, VIRTUAL_ },
    { "satp in VU, VTVM", satp, VU, 0, HSTATUS_VTVM, VIRTUAL_ }, { "satp in VU, TVM", satp, VU, MSTATUS_TVM, 0, VIRTUAL_ },
    { "hgatp in HS, TVM", hgatp, HS, MSTATUS_TVM, 0, ILLEGAL_ }, { "hgatp in HS, VTVM", hgatp, HS, 0, HSTATUS_VTVM, ALLOWED },
    { "hgatp in VS, TVM", hgatp, VS, MSTATUS_TVM, 0, VIRTUAL_ }, { "hgatp in VU, TVM", hgatp, VU, MSTATUS_TVM, 0, VIRTUAL_ },
    { "vsatp in HS, TVM", vsatp, HS, MSTATUS_TVM, 0, ALLOWED }, { "vsatp in VS, TVM", vsatp, VS, MSTATUS_TVM, 0, VIRTUAL_ },
  };
  for (unsigned i = 0; i < COUNT(rows); i++) for (int write = 0; write < 2; write++) {
    reset();
    CSR_WRITE(mstatus, CSR_READ(mstatus) | rows[i].m);
    CSR_WRITE(hstatus, rows[i].h);
    run_insn(rows[i].mode, csr_insn(rows[i].number, write), 0, 0);
    check(outcome() == rows[i].want, "%s %s: %s", write ? "write" : "read", rows[i].name, names[rows[i].want]);
  }
  reset();
}

/* Cache-block operations: menvcfg decides about "illegal", henvcfg and senvcfg about "virtual". @spec priv 21.2.5; unpriv 19.5 */
static void cache_blocks(void) {
  static const struct { const char *name; u32 insn; u64 bits; } rows[] = {
    { "cbo.zero", 0x0045a00f, 0x80 }, { "cbo.clean", 0x0015a00f, 0x40 }, { "cbo.flush", 0x0025a00f, 0x40 },
    { "cbo.inval", 0x0005a00f, 0x30 },
  };
  static const u8 modes[] = { HS, VS, U, VU };
  if (!has.cbo) { skip("cbo", "no Zicboz"); return; }
  for (unsigned i = 0; i < COUNT(rows); i++) for (int on = 0; on < 8; on++) for (unsigned m = 0; m < COUNT(modes); m++) {
    reset();
    csr_set(menvcfg, on & 1 ? rows[i].bits : 0);
    csr_set(henvcfg, on & 2 ? rows[i].bits : 0);
    csr_set(senvcfg, on & 4 ? rows[i].bits : 0);
    int mode = modes[m];
    int want = !(on & 1) ? ILLEGAL_ : mode >= VU && !(on & 2) ? VIRTUAL_ : !(mode & 1)
      && !(on & 4) ? (mode == VU ? VIRTUAL_ : ILLEGAL_) : ALLOWED;
    run_insn(mode, rows[i].insn, 0, DATA + 0x100);
    check(outcome() == want, "%s in %s, menvcfg %d henvcfg %d senvcfg %d: %s", rows[i].name, mode_names[mode], on & 1, on >> 1 & 1,
      on >> 2, names[want]);
  }
  reset();
}

void matrix_cases(void) {
  register_matrix();
  instruction_matrix();
  translation_registers();
  cache_blocks();
}
