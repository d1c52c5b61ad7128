/* Floating-point state with its two owners, reservations, cache-block zero through both stages. @spec priv 3.1.6.7, 21.2.11 */
#include "hyp.h"

static const struct { const char *name; u32 insn; int writes; } touches[] = {
  { "fadd.d", 0x02007053, 1 }, { "fmv.x.d", 0xe2000553, 0 }, { "flw", 0x0005a007, 1 }, { "csrr fcsr", 0x00302573, 0 },
  { "csrw fflags", 0x00151073, 1 },
};

static void floating_point(void) {
  if (!has.fp) { skip("floating point", "no D"); return; }
  static const u8 modes[] = { VS, VU, HS, U };
  for (unsigned i = 0; i < COUNT(touches); i++) for (int host = 0; host < 4; host++) for (int guest = 0; guest < 4; guest++)
    for (unsigned m = 0; m < COUNT(modes); m++) {
    if (m >= 2 && guest % 3 != 0) continue;
    reset();
    CSR_WRITE(mstatus, (u64)host << 13);
    CSR_WRITE(vsstatus, (u64)guest << 13);
    run_insn(modes[m], touches[i].insn, 0, DATA);
    int there = host != 0 && (modes[m] < VU || guest != 0);
    int host_after = (int)(CSR_READ(mstatus) >> 13 & 3), guest_after = (int)(CSR_READ(vsstatus) >> 13 & 3);
    int right;
    if (!there) right = last.to == M && last.cause == ILLEGAL && host_after == host && guest_after == guest;
    else if (!touches[i].writes) right = completed() && (host_after == host || host_after == 3)
      && (guest_after == guest || (modes[m] >= VU && guest_after == 3));
    else right = completed() && host_after == 3 && guest_after == (modes[m] >= VU ? 3 : guest);
    check(right, "%s in %s, HS-level FS %d, vsstatus.FS %d: %s", touches[i].name, mode_names[modes[m]], host, guest,
      there ? "done" : "illegal");
    if (!right) note("  after: %d %d", host_after, guest_after);
  }
  reset();
  CSR_WRITE(vsstatus, MSTATUS_FS);
  CSR_WRITE(mstatus, 1ul << 13);
  check(CSR_READ(vsstatus) >> 63 == 1 && CSR_READ(sstatus) >> 63 == 0, "SD of vsstatus is of its own FS");
  reset();
}

/* lr and sc in the guest, through two addresses of one page. */
static void reservations(void) {
  static const u32 pair[] = { 0x1005b52f, 0x18c5b6af }; /* lr.d a0, (a1); sc.d a3, a2, (a1) */
  for (int mode = VU; mode <= VS; mode++) {
    spaces(SV39, SV39);
    if (mode == VU) *test_pte |= U_;
    fence();
    *(u64 *)(DATA + 0x60) = 0x77;
    int tries = 0;
    do run_code(mode, pair, 2, 0, TEST_VA + 0x60, 0x99, 1);
    while (completed() && last.a[3] != 0 && ++tries < 10);
    check(completed() && last.a[0] == 0x77 && last.a[3] == 0 && *(u64 *)(DATA + 0x60) == 0x99, "lr and sc in %s", mode_names[mode]);
  }
  static const u32 alone[] = { 0x18c5b6af };
  run_code(VS, alone, 1, 0, TEST_VA + 0x60, 0x11, 7);
  check(completed() && last.a[3] != 0 && *(u64 *)(DATA + 0x60) == 0x99, "sc without a reservation fails");
  reset();
}

static void zero_block(void) {
  if (!has.cbo) { skip("cbo.zero", "no Zicboz"); return; }
  spaces(SV39, SV39);
  csr_set(menvcfg, BIT(7));
  csr_set(henvcfg, BIT(7));
  for (u64 i = 0; i < 32; i++) ((u64 *)(DATA + 0x100))[i] = ~0ul;
  run_insn(VS, 0x0045a00f, 0, TEST_VA + 0x14c);
  int zeros = 0;
  for (u64 i = 0; i < 32; i++) zeros += ((u64 *)(DATA + 0x100))[i] == 0;
  check(completed() && zeros == 8 && *(u64 *)(DATA + 0x140) == 0, "cbo.zero in VS clears its block");
  *test_gpte = PTE(DATA, V_ | R_ | U_ | A_);
  fence();
  run_insn(VS, 0x0045a00f, 0, TEST_VA + 0x1c0);
  check(last.to == M && last.cause == STORE_GUEST && last.tval - TEST_VA >= 0x1c0 && last.tval - TEST_VA < 0x200,
    "cbo.zero where the G-stage forbids writing");
  csr_set(menvcfg, 0);
  reset();
}

void state_cases(void) {
  floating_point();
  reservations();
  zero_block();
}
