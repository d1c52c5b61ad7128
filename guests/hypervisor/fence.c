/*
 * Fences make changes of tables visible; identifiers separate spaces; bits of status take effect at once.
 * @spec priv 12.2.1, 15, 21.3.2, 21.5.3
 */
#include "hyp.h"

#define OTHER (DATA + 0x10000)

static void two_pages(void) {
  *(u64 *)(DATA + 8) = 0x1111;
  *(u64 *)(OTHER + 8) = 0x2222;
}

static void mode_ids(u64 asid, u64 vmid) {
  CSR_WRITE(vsatp, (CSR_READ(vsatp) & ~(0xfffful << 44)) | asid << 44);
  CSR_WRITE(hgatp, (CSR_READ(hgatp) & ~(0x3ffful << 44)) | vmid << 44);
  fence();
}

/* rs1 = a0, rs2 = a1, where the form has them. */
static const struct { const char *name; u32 insn; int mode, stage; } fences[] = {
  { "sfence.vma", 0x12000073, VS, 0 }, { "sfence.vma va", 0x12050073, VS, 0 }, { "sfence.vma asid", 0x12b00073, VS, 0 },
  { "sfence.vma va, asid", 0x12b50073, VS, 0 },
  { "sinval.vma", 0x16000073, VS, 0 }, { "sinval.vma va, asid", 0x16b50073, VS, 0 },
  { "hfence.vvma", 0x22000073, HS, 0 }, { "hfence.vvma va", 0x22050073, HS, 0 }, { "hfence.vvma asid", 0x22b00073, HS, 0 },
  { "hfence.vvma va, asid", 0x22b50073, HS, 0 }, { "hinval.vvma", 0x26000073, HS, 0 }, { "hinval.vvma va, asid", 0x26b50073, HS, 0 },
  { "hfence.vvma in M", 0x22b50073, M, 0 },
  { "hfence.gvma", 0x62000073, HS, 1 }, { "hfence.gvma gpa", 0x62050073, HS, 1 }, { "hfence.gvma vmid", 0x62b00073, HS, 1 },
  { "hfence.gvma gpa, vmid", 0x62b50073, HS, 1 }, { "hinval.gvma", 0x66000073, HS, 1 }, { "hinval.gvma gpa, vmid", 0x66b50073, HS, 1 },
  { "hfence.gvma in M", 0x62b50073, M, 1 },
};

static void changes(void) {
  for (unsigned i = 0; i < COUNT(fences); i++) for (int what = 0; what < 3; what++) {
    if (!has.svinval && (fences[i].insn >> 25 & 3) == 3) continue;
    static const char *const names[] = { "another page", "no page", "no right to write" };
    reset();
    spaces(SV39, SV39);
    mode_ids(5, 7);
    two_pages();
    map_g(TEST_GPA + 0x10000, OTHER, 0, RWXAD | U_);
    fence();
    access(VS, STORE, TEST_VA + 0x800); /* translations for both kinds of access are there */
    access(VS, LOAD, TEST_VA + 8);
    u64 *pte = fences[i].stage ? test_gpte : test_pte;
    if (what == 0) *pte = PTE(fences[i].stage ? OTHER : TEST_GPA + 0x10000, RWXAD | U_ * (u64)fences[i].stage);
    if (what == 1) *pte = 0;
    if (what == 2) *pte &= ~(u64)W_;
    run_insn(fences[i].mode, fences[i].insn, fences[i].stage ? TEST_GPA >> 2 : TEST_VA, fences[i].stage ? 7 : 5);
    int fenced = completed();
    access(VS, what == 2 ? STORE : LOAD, TEST_VA + 8);
    u64 cause = fences[i].stage ? (what == 2 ? STORE_GUEST : LOAD_GUEST) : what == 2 ? STORE_PAGE : LOAD_PAGE;
    check(fenced && (what == 0 ? completed() && last.a[0] == 0x2222 : took(M, cause, TEST_VA + 8)), "%s: %s is seen", fences[i].name,
      names[what]);
  }
  reset();
}

/* Two guests with the same addresses, two address spaces in one: no fence on a switch between identifiers. */
static void identifiers(void) {
  reset();
  spaces(SV39, SV39);
  two_pages();
  map_g(TEST_GPA + 0x10000, OTHER, 0, RWXAD | U_);
  u64 first = CSR_READ(vsatp) | 1ul << 44;
  u64 *root = at_vs(0, 2); /* a second table: a copy of the root with the test's slot replaced */
  u64 *copy_root = (u64 *)(DATA + 0x20000), *copy_middle = copy_root + 512, *copy_last = copy_root + 1024;
  for (int i = 0; i < 512; i++) copy_root[i] = root[i], copy_middle[i] = copy_last[i] = 0;
  copy_root[TEST_VA >> 30] = PTE(vs_table_gpa(copy_middle), V_);
  copy_middle[0] = PTE(vs_table_gpa(copy_last), V_);
  copy_last[0] = PTE(TEST_GPA + 0x10000, RWXAD);
  u64 second = (u64)SV39 << 60 | 2ul << 44 | vs_table_gpa(copy_root) >> 12;
  fence();
  for (int turn = 0; turn < 3; turn++) for (int which = 0; which < 2; which++) {
    CSR_WRITE(vsatp, which ? second : first);
    access(VS, LOAD, TEST_VA + 8);
    check(completed() && last.a[0] == (which ? 0x2222 : 0x1111), "address space %d of one guest, turn %d", which + 1, turn);
  }
  reset();
  spaces(SV39, SV39);
  two_pages();
  u64 guest_one = CSR_READ(hgatp) | 1ul << 44, *groot = at_g(0, 2);
  u64 *copy_g = (u64 *)(DATA + 0x40000), *g_middle = copy_g + 2048, *g_last = g_middle + 512;
  for (int i = 0; i < 2048; i++) copy_g[i] = groot[i];
  for (int i = 0; i < 512; i++) g_middle[i] = g_last[i] = 0;
  copy_g[TEST_GPA >> 30] = PTE(g_middle, V_);
  g_middle[0] = PTE(g_last, V_);
  g_last[0] = PTE(OTHER, RWXAD | U_);
  u64 guest_two = (u64)SV39 << 60 | 2ul << 44 | (u64)copy_g >> 12;
  fence();
  for (int turn = 0; turn < 3; turn++) for (int which = 0; which < 2; which++) {
    CSR_WRITE(hgatp, which ? guest_two : guest_one);
    access(VS, LOAD, TEST_VA + 8);
    check(completed() && last.a[0] == (which ? 0x2222 : 0x1111), "guest %d, turn %d", which + 1, turn);
  }
  reset();
}

/* Host and guest use the same address for different pages; U and S of the guest see the same page with other rights. */
static void contexts(void) {
  spaces(SV39, SV39);
  hs_space(SV39);
  two_pages();
  map_hs(TEST_VA, OTHER, 0, RWXAD);
  fence();
  for (int turn = 0; turn < 3; turn++) {
    access(VS, LOAD, TEST_VA + 8);
    check(completed() && last.a[0] == 0x1111, "guest's page, turn %d", turn);
    access(HS, LOAD, TEST_VA + 8);
    check(completed() && last.a[0] == 0x2222, "host's page at the same address, turn %d", turn);
    access(VU, LOAD, TEST_VA + 8);
    check(took(M, LOAD_PAGE, TEST_VA + 8), "the guest's user mode may not, turn %d", turn);
  }
  reset();
}

/* SUM, MXR, SPVP and switching to Bare need no fence. */
static void at_once(void) {
  spaces(SV39, SV39);
  two_pages();
  *test_pte |= U_;
  fence();
  for (int turn = 0; turn < 2; turn++) for (int sum = 0; sum < 2; sum++) {
    CSR_WRITE(vsstatus, MSTATUS_FS | (sum ? MSTATUS_SUM : 0));
    access(VS, LOAD, TEST_VA + 8);
    check(sum ? completed() : took(M, LOAD_PAGE, TEST_VA + 8), "vsstatus.SUM %d counts at once, turn %d", sum, turn);
  }
  *test_pte = PTE(TEST_GPA, V_ | X_ | A_ | D_);
  fence();
  for (int turn = 0; turn < 2; turn++) for (int mxr = 0; mxr < 3; mxr++) {
    CSR_WRITE(vsstatus, MSTATUS_FS | (mxr == 1 ? MSTATUS_MXR : 0));
    CSR_WRITE(mstatus, MSTATUS_FS | (mxr == 2 ? MSTATUS_MXR : 0));
    access(VS, LOAD, TEST_VA + 8);
    check(mxr ? completed() : took(M, LOAD_PAGE, TEST_VA + 8), "%s counts at once, turn %d",
      mxr == 0 ? "no MXR" : mxr == 1 ? "vsstatus.MXR" : "HS-level MXR", turn);
  }
  reset();
  spaces(SV39, SV39);
  u64 tables = CSR_READ(vsatp);
  for (int turn = 0; turn < 2; turn++) {
    CSR_WRITE(vsatp, tables);
    access(VS, LOAD, TEST_VA + 8);
    check(completed() && last.a[0] == 0x1111, "vsatp Sv39, turn %d", turn);
    CSR_WRITE(vsatp, 0);
    vs_mode = BARE;
    access(VS, LOAD, TEST_GPA + 8);
    check(completed() && last.a[0] == 0x1111, "vsatp Bare, turn %d", turn);
    access(VS, LOAD, TEST_VA + 8);
    check(took(M, LOAD_GUEST, TEST_VA + 8), "vsatp Bare: the virtual address is a guest address now, turn %d", turn);
    vs_mode = SV39;
  }
  reset();
}

void fence_cases(void) {
  changes();
  identifiers();
  contexts();
  at_once();
}
