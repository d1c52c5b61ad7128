/* hlv, hlvx, hsv, and M mode's MPRV: accesses made as the guest would make them. @spec priv 3.1.6.4, 21.3.1, 21.4.1 */
#include "hyp.h"

#define VALUE 0x8182838485868788ul

static const struct { const char *name; u32 insn; u64 value; } loads[] = {
  { "hlv.b", 0x6005c573, 0xffffffffffffff88ul }, { "hlv.bu", 0x6015c573, 0x88 }, { "hlv.h", 0x6405c573, 0xffffffffffff8788ul },
  { "hlv.hu", 0x6415c573, 0x8788 },
  { "hlv.w", 0x6805c573, 0xffffffff85868788ul }, { "hlv.wu", 0x6815c573, 0x85868788ul }, { "hlv.d", 0x6c05c573, VALUE },
  { "hlvx.hu", 0x6435c573, 0x8788 }, { "hlvx.wu", 0x6835c573, 0x85868788ul },
};
static const struct { const char *name; u32 insn; u64 mask; } stores[] = {
  { "hsv.b", 0x62a5c073, 0xff }, { "hsv.h", 0x66a5c073, 0xffff }, { "hsv.w", 0x6aa5c073, 0xffffffff }, { "hsv.d", 0x6ea5c073, -1ul },
};
static const u8 from[] = { HS, M, U };

static void values(void) {
  spaces(SV39, SV39);
  CSR_WRITE(hstatus, HSTATUS_SPVP | HSTATUS_HU);
  for (unsigned f = 0; f < COUNT(from); f++) for (u64 at = 0; at <= has.misaligned; at++) {
    u64 *word = (u64 *)(DATA + 0x40);
    for (unsigned i = 0; i < COUNT(loads); i++) {
      memcpy((u8 *)word + at, &(u64){ VALUE }, 8);
      run_insn(from[f], loads[i].insn, 0, TEST_VA + 0x40 + at);
      check(completed() && last.a[0] == loads[i].value, "%s from %s, offset %lu", loads[i].name, mode_names[from[f]], at);
    }
    for (unsigned i = 0; i < COUNT(stores); i++) {
      word[0] = word[1] = 0;
      run_insn(from[f], stores[i].insn, VALUE, TEST_VA + 0x40 + at);
      check(completed() && word[0] == (VALUE & stores[i].mask) << (8 * at), "%s from %s, offset %lu", stores[i].name, mode_names[from[f]],
        at);
    }
  }
  reset();
}

/* Every pair of modes, with HS mode's own translation on as well: it must not matter. */
static void through_modes(void) {
  static const u8 modes[] = { BARE, SV39, SV48, SV57 };
  for (unsigned i = 0; i < COUNT(modes); i++) for (unsigned j = 0; j < COUNT(modes); j++) for (unsigned k = 0; k < 2; k++) {
    if ((modes[i] == SV48 || modes[j] == SV48) && !has.sv48) continue;
    if ((modes[i] == SV57 || modes[j] == SV57) && !has.sv57) continue;
    reset();
    spaces(modes[i], modes[j]);
    hs_space(k ? SV39 : BARE);
    if (k) map_hs(TEST_VA, DATA + 0x3000, 0, RWXAD);
    fence();
    CSR_WRITE(hstatus, HSTATUS_SPVP);
    u64 va = (modes[i] != BARE ? TEST_VA : modes[j] != BARE ? TEST_GPA : DATA) + 0x80;
    *(u64 *)(DATA + 0x80) = VALUE + i * 4 + j;
    *(u64 *)(DATA + 0x3080) = 0;
    access(HS, HLV, va);
    check(completed() && last.a[0] == VALUE + i * 4 + j, "hlv through modes %d and %d, HS mode %s", modes[i], modes[j],
      k ? "Sv39" : "Bare");
    access(HS, HSV, va);
    check(completed() && *(u64 *)(DATA + 0x80) == 0x1122334455667788ul, "hsv through modes %d and %d, HS mode %s", modes[i], modes[j],
      k ? "Sv39" : "Bare");
    if (k) {
      access(HS, LOAD, TEST_VA + 0x80);
      check(completed() && last.a[0] == 0, "a plain load of HS goes its own way (modes %d and %d)", modes[i], modes[j]);
    }
  }
  reset();
}

/* Rights of an access: SPVP says whose, vsstatus.SUM and both MXR apply, HS-level SUM does not; hlvx wants X in both stages. */
static int may(int kind, u64 pte, int user, int sum, int mxr) {
  if (user ? !(pte & U_) : pte & U_ && !sum) return 0;
  if (kind == HLVX) return (pte & X_) != 0;
  if (kind == HSV) return (pte & W_) != 0;
  return pte & R_ || (mxr && pte & X_);
}

static const u64 leaf_bits[] = { R_, R_ | W_, X_, R_ | X_, R_ | W_ | X_ };
static const char *const leaf_names[] = { "R", "RW", "X", "RX", "RWX" };

static void rights(void) {
  static const char *const names[] = { "hlv", "hsv", "hlvx" };
  for (unsigned v = 0; v < COUNT(leaf_bits); v++) for (unsigned g = 0; g < COUNT(leaf_bits); g++) for (int set = 0; set < 32; set++) {
    int user_page = set & 1, spvp = set >> 1 & 1, sum = set >> 2 & 1, mxr = set >> 3 & 1, outer = set >> 4;
    if (v != g && set % 3 != 0 && v != 2 && g != 2) continue; /* only a sample of less important cases */
    spaces(SV39, SV39);
    *test_pte = PTE(TEST_GPA, V_ | A_ | D_ | leaf_bits[v] | (user_page ? U_ : 0));
    *test_gpte = PTE(DATA, V_ | A_ | D_ | U_ | leaf_bits[g]);
    fence();
    CSR_WRITE(hstatus, spvp ? HSTATUS_SPVP : 0);
    CSR_WRITE(vsstatus, MSTATUS_FS | (sum ? MSTATUS_SUM : 0) | (mxr ? MSTATUS_MXR : 0));
    CSR_WRITE(mstatus, MSTATUS_FS | (sum ? 0 : MSTATUS_SUM) | (outer ? MSTATUS_MXR : 0));
    int right = 1;
    for (int kind = HLV; kind <= HLVX && right; kind++) {
      access(HS, kind, TEST_VA + 8);
      int first = may(kind, *test_pte, !spvp, sum, mxr || outer), second = may(kind, *test_gpte, 1, 0, outer);
      if (!first) right = took(M, kind == HSV ? STORE_PAGE : LOAD_PAGE, TEST_VA + 8);
      else if (!second) right = took(M, kind == HSV ? STORE_GUEST : LOAD_GUEST, TEST_VA + 8);
      else right = completed();
      if (!right) note("%s: wrong", names[kind - HLV]);
    }
    check(right, "%s%s over %s, SPVP %d SUM %d MXR %d HS-level MXR %d", leaf_names[v], user_page ? "U" : "", leaf_names[g], spvp, sum,
      mxr, outer);
  }
  reset();
}

/* A fault of hlv in HS or U: SPV says V was 0, GVA that the address is a guest's, and hedeleg is not asked. */
static void faults(void) {
  for (int kind = HLV; kind <= HLVX; kind++) for (int stage = 0; stage < 2; stage++) for (int user = 0; user < 2; user++)
    for (int to_hs = 0; to_hs < 2; to_hs++) {
    reset();
    spaces(SV39, SV39);
    *(stage ? test_gpte : test_pte) = 0;
    fence();
    u64 cause = kind == HSV ? (stage ? STORE_GUEST : STORE_PAGE) : stage ? LOAD_GUEST : LOAD_PAGE;
    csr_set(medeleg, to_hs ? BIT(cause) : 0);
    csr_set(hedeleg, -1ul);
    CSR_WRITE(hstatus, HSTATUS_SPVP | HSTATUS_HU);
    access(user ? U : HS, kind, TEST_VA + 8);
    u64 h = CSR_READ(hstatus);
    int state = to_hs ? h & HSTATUS_GVA && !(h & HSTATUS_SPV) && h & HSTATUS_SPVP && !!(CSR_READ(sstatus) & MSTATUS_SPP) == !user
      : last.status & MSTATUS_GVA && !(last.status & MSTATUS_MPV);
    check(took(to_hs ? HS : M, cause, TEST_VA + 8) && last.tval2 == (stage ? (TEST_GPA + 8) >> 2 : 0) && state,
      "%s of %s without %s stage, to %s",
          kind == HLV ? "hlv" : kind == HSV ? "hsv" : "hlvx", user ? "U" : "HS", stage ? "G" : "VS", to_hs ? "HS" : "M");
  }
  reset();
}

/* hlvx of a device faults, because a device cannot be executed. */
static void devices(void) {
  reset();
  CSR_WRITE(hstatus, HSTATUS_SPVP);
  run_insn(HS, 0x6005c573, 0, 0x10000005); /* hlv.b of the UART's line status */
  check(completed() && last.a[0] & 0x20, "hlv.b of a device");
  run_insn(HS, 0x6835c573, 0, 0x10000000);
  check(took(M, LOAD_ACCESS, 0x10000000) && last.status & MSTATUS_GVA, "hlvx of a device: load access fault, since it cannot be executed");
  reset();
}

/* MPRV: as though V were MPV and the mode MPP. The probe sets mstatus itself. */
static void modified_privilege(void) {
  static const u32 load[] = { 0x30051073, 0x0005b583 }; /* csrw mstatus, a0; ld a1, 0(a1) */
  static const struct { const char *name; u64 status; int user_page; u64 vs; u64 leaf, gleaf; int ok, cause; } rows[] = {
    { "VS, supervisor page", MSTATUS_MPV | 1 << 11, 0, 0, R_, R_, 1, 0 },
    { "VU, supervisor page", MSTATUS_MPV, 0, 0, R_, R_, 0, LOAD_PAGE },
    { "VS, user page", MSTATUS_MPV | 1 << 11, 1, 0, R_, R_, 0, LOAD_PAGE }, { "VU, user page", MSTATUS_MPV, 1, 0, R_, R_, 1, 0 },
    { "VS, user page, vsstatus.SUM", MSTATUS_MPV | 1 << 11, 1, MSTATUS_SUM, R_, R_, 1, 0 },
    { "VS, user page, HS-level SUM", MSTATUS_MPV | 1 << 11 | MSTATUS_SUM, 1, 0, R_, R_, 0, LOAD_PAGE },
    { "VS, X over R, vsstatus.MXR", MSTATUS_MPV | 1 << 11, 0, MSTATUS_MXR, X_, R_, 1, 0 },
    { "VS, X over R", MSTATUS_MPV | 1 << 11, 0, 0, X_, R_, 0, LOAD_PAGE },
    { "VS, R over X, vsstatus.MXR", MSTATUS_MPV | 1 << 11, 0, MSTATUS_MXR, R_, X_, 0, LOAD_GUEST },
    { "VS, R over X, HS-level MXR", MSTATUS_MPV | 1 << 11 | MSTATUS_MXR, 0, 0, R_, X_, 1, 0 },
    { "VS, X over X, HS-level MXR", MSTATUS_MPV | 1 << 11 | MSTATUS_MXR, 0, 0, X_, X_, 1, 0 },
  };
  for (unsigned i = 0; i < COUNT(rows); i++) {
    reset();
    spaces(SV39, SV39);
    *test_pte = PTE(TEST_GPA, V_ | A_ | D_ | rows[i].leaf | (rows[i].user_page ? U_ : 0));
    *test_gpte = PTE(DATA, V_ | A_ | D_ | U_ | rows[i].gleaf);
    fence();
    CSR_WRITE(vsstatus, MSTATUS_FS | rows[i].vs);
    *(u64 *)(DATA + 8) = VALUE;
    run_code(M, load, 2, MSTATUS_FS | MSTATUS_MPRV | rows[i].status, TEST_VA + 8, 0, 0);
    check(rows[i].ok ? completed() && last.a[1] == VALUE : took(M, (u64)rows[i].cause, TEST_VA + 8) && last.status & MSTATUS_GVA
      && !(last.status & MSTATUS_MPV),
          "MPRV as %s: %s", rows[i].name, rows[i].ok ? "loaded" : "fault");
  }
  spaces(SV39, SV39);
  run_code(M, load, 2, MSTATUS_FS | MSTATUS_MPRV | MSTATUS_MPV | 3ul << 11, DATA + 8, 0, 0);
  check(completed() && last.a[1] == VALUE, "MPRV with MPP = M: no translation, whatever MPV says");
  run_code(M, load, 2, MSTATUS_FS | MSTATUS_MPRV | 1ul << 11, DATA + 8, 0, 0);
  check(completed() && last.a[1] == VALUE, "MPRV as HS: satp's translation (Bare)");
  static const u32 misaligned[] = { 0x30051073, 0x00a5a52f }; /* csrw mstatus, a0; amoadd.w a0, a0, (a1) */
  run_code(M, misaligned, 2, MSTATUS_FS | MSTATUS_MPRV | MSTATUS_MPV | 1ul << 11, TEST_VA + 2, 0, 0);
  if (last.cause == STORE_MISALIGNED) check(took(M, STORE_MISALIGNED, TEST_VA + 2) && last.status & MSTATUS_GVA,
    "MPRV as VS, misaligned amo: GVA");
  else skip("misaligned amo under MPRV", "done in hardware, or an access fault");
  /* hlv overrides MPRV. */
  static const u32 guest[] = { 0x30051073, 0x6c05c5f3 }; /* csrw mstatus, a0; hlv.d a1, (a1) */
  CSR_WRITE(hstatus, HSTATUS_SPVP);
  run_code(M, guest, 2, MSTATUS_FS | MSTATUS_MPRV | 1ul << 11, TEST_VA + 8, 0, 0);
  check(completed() && last.a[1] == VALUE, "hlv in M mode is not changed by MPRV");
  reset();
}

void guest_access_cases(void) {
  values();
  through_modes();
  rights();
  faults();
  devices();
  modified_privilege();
}
