/* Exceptions at every level, by delegation, with what they leave behind; and the ways back. 
 * @spec priv 3.1.8, 3.3.2, 21.2.1, 21.2.2, 21.4.1, 21.6.2, 21.6.4
 */
#include "hyp.h"

#define NOWHERE 0x4000000000ul

/* How each exception is made, in spaces(SV39, SV39); V = only under virtualization. */
enum { INSN = 1, AT_LOAD, AT_STORE, AT_FETCH };
static const struct exception {
  const char *name;
  int cause, how;
  u32 insn;
  u8 modes[4];
  u8 count;
} exceptions[] = {
  { "illegal instruction", ILLEGAL, INSN, 0x30002573, { U, HS, VU, VS }, 4 },
  { "breakpoint", BREAKPOINT, INSN, 0x00100073, { U, HS, VU, VS }, 4 },
  { "ecall from U", ECALL_U, INSN, 0x73, { U, VU }, 2 },
  { "ecall from VS", ECALL_VS, INSN, 0x73, { VS }, 1 },
  { "virtual instruction", VIRTUAL, INSN, 0x60002573, { VU, VS }, 2 },
  { "misaligned amo", STORE_MISALIGNED, AT_STORE, 0x00a5a52f, { VU, VS, U, HS }, 4 },
  { "fetch access", FETCH_ACCESS, AT_FETCH, 0, { VU, VS }, 2 },
  { "load access", LOAD_ACCESS, AT_LOAD, 0, { VU, VS, HS }, 3 },
  { "store access", STORE_ACCESS, AT_STORE, 0, { VU, VS, HS }, 3 },
  { "fetch page", FETCH_PAGE, AT_FETCH, 0, { VU, VS }, 2 },
  { "load page", LOAD_PAGE, AT_LOAD, 0, { VU, VS }, 2 },
  { "store page", STORE_PAGE, AT_STORE, 0, { VU, VS }, 2 },
  { "fetch guest page", FETCH_GUEST, AT_FETCH, 0, { VU, VS }, 2 },
  { "load guest page", LOAD_GUEST, AT_LOAD, 0, { VU, VS }, 2 },
  { "store guest page", STORE_GUEST, AT_STORE, 0, { VU, VS }, 2 },
};

static u64 pc_of(int mode) { return mode == VU ? CODE + USER_ALIAS : CODE; }

/* Makes it; answers the trap value wanted (~0 = the pc or zero, ~1 = the instruction or zero). */
static u64 make(const struct exception *e, int mode) {
  u64 va = mode >= VU ? TEST_VA : NOWHERE;
  if (e->cause == LOAD_ACCESS || e->cause == STORE_ACCESS || e->cause == FETCH_ACCESS) *test_gpte = PTE(NOWHERE, RWXAD | U_);
  if (e->cause == LOAD_PAGE || e->cause == STORE_PAGE || e->cause == FETCH_PAGE) *test_pte = 0;
  else *test_pte |= mode == VU ? U_ : 0;
  if (e->cause >= FETCH_GUEST && e->how != INSN) *test_gpte = 0;
  fence();
  if (e->insn != 0 && e->how != INSN) {
    va = mode >= VU ? TEST_VA + 0x7ff : DATA + 0x7ff;
    run_insn(mode, e->insn, 0, va);
    return va;
  }
  if (e->how == INSN) {
    run_insn(mode, e->insn, 0, 0);
    return e->cause == BREAKPOINT ? ~0ul : e->cause == ILLEGAL || e->cause == VIRTUAL ? ~1ul : 0;
  }
  access(mode, e->how == AT_LOAD ? LOAD : e->how == AT_STORE ? STORE : FETCH, va);
  return va;
}

static int value_fits(u64 want, const struct exception *e, int mode) {
  if (want == ~0ul) return last.tval == 0 || last.tval == pc_of(mode);
  if (want == ~1ul) return last.tval == 0 || last.tval == e->insn;
  return last.tval == want;
}

/* Does this trap write a guest virtual address? */
static int guest_address(const struct exception *e, int mode) {
  if (mode < VU) return 0;
  return e->cause == BREAKPOINT ? last.tval != 0 : e->how != INSN;
}

static int state_fits(const struct exception *e, int mode, int sie, int guest_sie, int spvp) {
  u64 host = CSR_READ(mstatus), guest = CSR_READ(vsstatus), h = CSR_READ(hstatus);
  int super = mode & 1, virtual_ = mode >= VU;
  if (last.to == M) return (last.status >> 11 & 3) == (u64)(mode & 3) && !!(last.status & MSTATUS_MPV) == virtual_
    && !!(last.status & MSTATUS_GVA) == guest_address(e, mode)
    && !(last.status & MSTATUS_MIE) && !!(host & MSTATUS_SIE) == sie && !!(guest & MSTATUS_SIE) == guest_sie
      && !!(h & HSTATUS_SPVP) == spvp && !(h & HSTATUS_SPV);
  if (last.to == HS) return !!(host & MSTATUS_SPP) == super && !!(host & MSTATUS_SPIE) == sie && !(host & MSTATUS_SIE)
    && !!(h & HSTATUS_SPV) == virtual_
    && !!(h & HSTATUS_SPVP) == (virtual_ ? super : spvp) && !!(h & HSTATUS_GVA) == guest_address(e, mode)
      && !!(guest & MSTATUS_SIE) == guest_sie;
  return !!(guest & MSTATUS_SPP) == super && !!(guest & MSTATUS_SPIE) == guest_sie && !(guest & MSTATUS_SIE)
    && !!(host & MSTATUS_SIE) == sie
    && !(h & (HSTATUS_SPV | HSTATUS_GVA)) && !!(h & HSTATUS_SPVP) == spvp;
}

static void delegation(void) {
  for (unsigned i = 0; i < COUNT(exceptions); i++) for (unsigned m = 0; m < exceptions[i].count; m++)
    for (int depth = 0; depth < 3; depth++) {
    const struct exception *e = &exceptions[i];
    int mode = e->modes[m];
    u64 bit = BIT(e->cause);
    int further = (0xb1ff & bit) != 0; /* what hedeleg must be able to pass on */
    int to = depth == 0 ? M : depth == 2 && further && mode >= VU ? VS : HS;
    for (int set = 0; set < 2; set++) {
      reset();
      spaces(SV39, SV39);
      csr_set(medeleg, depth > 0 ? bit : 0);
      csr_set(hedeleg, depth == 2 ? bit : 0);
      CSR_WRITE(mstatus, MSTATUS_FS | (set ? MSTATUS_SIE : 0));
      CSR_WRITE(vsstatus, MSTATUS_FS | (set ? 0 : MSTATUS_SIE));
      CSR_WRITE(hstatus, set ? HSTATUS_SPVP : 0);
      u64 want = make(e, mode);
      check(last.to == to && last.cause == (u64)e->cause && value_fits(want, e, mode) && state_fits(e, mode, set, !set, set),
            "%s in %s, medeleg %d hedeleg %d, SIE %d: to %s", e->name, mode_names[mode], depth > 0, depth == 2, set, mode_names[to]);
    }
  }
  reset();
}

/* A guest's fault inside the guest: the guest's page fault goes to it, the second stage's never. */
static void nested(void) {
  spaces(SV39, SV39);
  csr_set(medeleg, -1ul);
  csr_set(hedeleg, -1ul);
  csr_set(medeleg, csr_get(medeleg) & ~BIT(ECALL_HS) & ~BIT(ECALL_VS));
  access(VS, LOAD, TEST_VA + 0x1000);
  check(took(VS, LOAD_PAGE, TEST_VA + 0x1000), "all delegated: the guest's page fault goes to the guest");
  *test_gpte = 0;
  fence();
  access(VS, LOAD, TEST_VA);
  check(took(HS, LOAD_GUEST, TEST_VA), "all delegated: the guest page fault goes to HS");
  CSR_WRITE(vstvec, TEST_VA); /* the guest's own vector is not mapped in the second stage */
  run_insn(VS, 0x30002573, 0, 0);
  check(last.to == HS && last.cause == FETCH_GUEST && last.epc == TEST_VA && CSR_READ(vscause) == ILLEGAL && CSR_READ(vsepc) == CODE
    && CSR_READ(hstatus) & HSTATUS_SPVP,
        "a fault at the guest's vector: HS sees it, the guest's own trap is complete");
  reset();
  spaces(SV39, SV39);
  CSR_WRITE(vstvec, 0x7000); /* a page fault at the vector, for ever: the guest's own business until something ends it */
  csr_set(medeleg, BIT(FETCH_PAGE) | BIT(ILLEGAL));
  csr_set(hedeleg, BIT(ILLEGAL));
  run_insn(VS, 0x30002573, 0, 0);
  check(last.to == HS && last.cause == FETCH_PAGE && last.epc == 0x7000 && last.tval == 0x7000,
    "a page fault at the guest's vector, not passed on: HS");
  reset();
}

/* sret in HS: V from SPV, privilege from SPP. The target is an ecall, whose cause tells the mode. */
static void returns_from_hs(void) {
  for (int from = HS; from <= M; from += 2) for (int set = 0; set < 16; set++) {
    int spp = set & 1, spv = set >> 1 & 1, spie = set >> 2 & 1, spvp = set >> 3;
    reset();
    CSR_WRITE(mstatus, MSTATUS_FS | (spp ? MSTATUS_SPP : 0) | (spie ? MSTATUS_SPIE : 0));
    CSR_WRITE(hstatus, (spv ? HSTATUS_SPV : 0) | (spvp ? HSTATUS_SPVP : 0));
    CSR_WRITE(sepc, CODE + 4);
    run_insn(from, 0x10200073, 0, 0);
    u64 cause = !spp ? ECALL_U : spv ? ECALL_VS : ECALL_HS, host = CSR_READ(mstatus), h = CSR_READ(hstatus);
    check(completed() && last.cause == cause && !!(last.status & MSTATUS_MPV) == spv, "sret in %s, SPV %d SPP %d: mode", mode_names[from],
      spv, spp);
    check(!(host & MSTATUS_SPP) && host & MSTATUS_SPIE && !!(host & MSTATUS_SIE) == spie && !(h & HSTATUS_SPV)
      && !!(h & HSTATUS_SPVP) == spvp,
          "sret in %s, SPV %d SPP %d SPIE %d SPVP %d: what is left", mode_names[from], spv, spp, spie, spvp);
  }
}

static void returns_from_vs(void) {
  for (int set = 0; set < 8; set++) {
    int spp = set & 1, spie = set >> 1 & 1, outer = set >> 2;
    reset();
    CSR_WRITE(vsstatus, MSTATUS_FS | (spp ? MSTATUS_SPP : 0) | (spie ? MSTATUS_SPIE : 0));
    CSR_WRITE(mstatus, MSTATUS_FS | (outer ? MSTATUS_SPP | MSTATUS_SPIE : 0));
    CSR_WRITE(hstatus, HSTATUS_SPVP);
    CSR_WRITE(vsepc, CODE + 4);
    CSR_WRITE(sepc, CODE + 0x100);
    run_insn(VS, 0x10200073, 0, 0);
    u64 guest = CSR_READ(vsstatus), host = CSR_READ(mstatus), h = CSR_READ(hstatus);
    check(completed() && last.cause == (spp ? ECALL_VS : ECALL_U) && last.status & MSTATUS_MPV, "sret in VS, SPP %d: stays in the guest",
      spp);
    check(!(guest & MSTATUS_SPP) && guest & MSTATUS_SPIE && !!(guest & MSTATUS_SIE) == spie, "sret in VS, SPP %d SPIE %d: vsstatus", spp,
      spie);
    check(!!(host & MSTATUS_SPP) == outer && !!(host & MSTATUS_SPIE) == outer && (h & (HSTATUS_SPVP | HSTATUS_SPV)) == HSTATUS_SPVP,
          "sret in VS: sstatus and hstatus are not touched (%d)", outer);
  }
}

static void returns_from_m(void) {
  static const u32 code[] = { 0x30051073, 0x34159073, 0x30200073 }; /* csrw mstatus, a0; csrw mepc, a1; mret */
  static const u8 privs[] = { 0, 1, 3 };
  for (unsigned p = 0; p < COUNT(privs); p++) for (int mpv = 0; mpv < 2; mpv++) for (int mprv = 0; mprv < 2; mprv++) {
    reset();
    u64 status = MSTATUS_FS | (u64)privs[p] << 11 | (mpv ? MSTATUS_MPV : 0) | (mprv && privs[p] != 3 ? MSTATUS_MPRV : 0);
    run_code(M, code, 3, status, CODE + 12, 0, 0);
    u64 cause = privs[p] == 3 ? ECALL_M : privs[p] == 0 ? ECALL_U : mpv ? ECALL_VS : ECALL_HS;
    check(completed() && last.cause == cause && !!(last.status & MSTATUS_MPV) == (mpv && privs[p] != 3), "mret, MPP %d MPV %d: mode",
      privs[p], mpv);
    check(privs[p] == 3 || !(last.status & MSTATUS_MPRV), "mret, MPP %d MPV %d MPRV %d: MPRV ends", privs[p], mpv, mprv);
  }
  reset();
}

void trap_cases(void) {
  delegation();
  nested();
  returns_from_hs();
  returns_from_vs();
  returns_from_m();
}
