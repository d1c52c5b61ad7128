/* Permission bits of both stages, against a model of the rules (SUM, MXR); Svnapot, Svpbmt, PMP. @spec priv 12.1.1.2, 12.3.1, 13, 21.5 */
#include "hyp.h"

/* What accesses do: bit 0 load, 1 store, 2 fetch. */
static int tried(int mode, u64 va, int page) {
  static const u8 pages[] = { LOAD_PAGE, STORE_PAGE, FETCH_PAGE }, guests[] = { LOAD_GUEST, STORE_GUEST, FETCH_GUEST };
  int done = 0;
  for (int kind = LOAD; kind <= FETCH; kind++) {
    u64 at = kind == FETCH ? va : va + 8;
    access(mode, kind, at);
    if (completed()) done |= 1 << kind;
    else if (!took(M, page ? pages[kind] : guests[kind], at)) return -1;
  }
  return done;
}

/* Rights of a leaf: user says that the access counts as one of user mode. */
static int rights(u64 pte, int user, int sum, int mxr) {
  if (!(pte & R_) && (pte & (W_ | X_)) != X_) return 0; /* reserved, or a pointer */
  int done = (pte & R_ ? 1 : 0) | (pte & W_ ? 2 : 0) | (pte & X_ ? 4 : 0);
  if (mxr && pte & X_) done |= 1;
  if (user) return pte & U_ ? done : 0;
  return pte & U_ ? (sum ? done & 3 : 0) : done;
}

static void vs_stage(void) {
  for (u64 bits = 0; bits < 16; bits++) for (int mode = VU; mode <= VS; mode++) for (int set = 0; set < 8; set++) {
    int sum = set & 1, mxr = set >> 1 & 1, outer = set >> 2;
    *test_pte = (*test_pte & ~30ul) | bits << 1;
    csr_set(vsstatus, MSTATUS_FS | (sum ? MSTATUS_SUM : 0) | (mxr ? MSTATUS_MXR : 0));
    /* HS-level SUM must not matter, HS-level MXR must. */
    CSR_WRITE(mstatus, MSTATUS_FS | (sum ? 0 : MSTATUS_SUM) | (outer ? MSTATUS_MXR : 0));
    fence();
    int want = rights(bits << 1, mode == VU, sum, mxr || outer);
    check(tried(mode, TEST_VA, 1) == want, "VS-stage %s%s%s%s in %s, SUM %d MXR %d HS-level MXR %d: %s%s%s", bits & 1 ? "R" : "-",
      bits & 2 ? "W" : "-",
          bits & 4 ? "X" : "-", bits & 8 ? "U" : "-", mode_names[mode], sum, mxr, outer, want & 1 ? "load " : "",
            want & 2 ? "store " : "", want & 4 ? "fetch" : "");
  }
}

static void g_stage(void) {
  for (u64 bits = 0; bits < 16; bits++) for (int mode = VU; mode <= VS; mode++) for (int set = 0; set < 4; set++) {
    int mxr = set & 1, outer = set >> 1;
    *test_pte = PTE(TEST_GPA, RWXAD | (mode == VU ? U_ : 0));
    *test_gpte = (*test_gpte & ~30ul) | bits << 1;
    csr_set(vsstatus, MSTATUS_FS | MSTATUS_SUM | (mxr ? MSTATUS_MXR : 0));
    CSR_WRITE(mstatus, MSTATUS_FS | MSTATUS_SUM | (outer ? MSTATUS_MXR : 0));
    fence();
    int want = rights(bits << 1, 1, 0, outer);
    check(tried(mode, TEST_VA, 0) == want, "G-stage %s%s%s%s in %s, MXR %d HS-level MXR %d: %s%s%s", bits & 1 ? "R" : "-",
      bits & 2 ? "W" : "-",
          bits & 4 ? "X" : "-", bits & 8 ? "U" : "-", mode_names[mode], mxr, outer, want & 1 ? "load " : "", want & 2 ? "store " : "",
            want & 4 ? "fetch" : "");
  }
}

/* The guest's tables in the second stage: read is needed (execute is not enough, whatever MXR says), and user. */
static void table_rights(void) {
  static const struct { const char *name; u64 flags; int ok; } rows[] = {
    { "RU", V_ | R_ | U_ | A_ | D_, 1 }, { "RWU", V_ | R_ | W_ | U_ | A_ | D_, 1 }, { "XU", V_ | X_ | U_ | A_ | D_, 0 },
    { "RWX", RWXAD, 0 },
    { "RXU", V_ | R_ | X_ | U_ | A_ | D_, 1 },
  };
  for (unsigned i = 0; i < COUNT(rows); i++) for (int mxr = 0; mxr < 2; mxr++) for (int kind = HLV; kind <= HLVX; kind++) {
    spaces(SV39, SV39);
    *table_gpte = PTE(RAM, rows[i].flags);
    CSR_WRITE(hstatus, HSTATUS_SPVP);
    CSR_WRITE(mstatus, MSTATUS_FS | (mxr ? MSTATUS_MXR : 0));
    fence();
    access(HS, kind, TEST_VA + 8);
    int right = rows[i].ok ? completed() : took(M, kind == HSV ? STORE_GUEST : LOAD_GUEST, TEST_VA + 8) && last.tinst == 0x3000;
    check(right, "tables mapped %s, HS-level MXR %d: %s", rows[i].name, mxr, rows[i].ok ? "read" : "not read");
  }
  reset();
}

/* Svnapot: 64 KiB in either stage; the page number's low four bits must be 1000. */
static void napot(void) {
  if (!has.svnapot) { skip("napot", "no Svnapot"); return; }
  for (int stage = 0; stage < 2; stage++) for (int low = 0; low < 16; low++) for (int page = 0; page < 16; page += 5) {
    spaces(SV39, SV39);
    for (u64 i = 0; i < 16; i++) {
      map_vs(TEST_VA + i * 4096, stage ? TEST_GPA + i * 4096 : TEST_GPA + (u64)low * 4096, 0, RWXAD | (stage ? 0 : PTE_N));
      map_g(TEST_GPA + i * 4096, stage ? DATA + (u64)low * 4096 : DATA + i * 4096, 0, RWXAD | U_ | (stage ? PTE_N : 0));
      *(u64 *)(DATA + i * 4096 + 8) = 0x5000 + i;
    }
    fence();
    u64 va = TEST_VA + (u64)page * 4096 + 8;
    access(VS, LOAD, va);
    int right = low == 8 ? completed() && last.a[0] == 0x5000 + (u64)page : took(M, stage ? LOAD_GUEST : LOAD_PAGE, va);
    check(right, "%s-stage N with low bits %d, page %d", stage ? "G" : "VS", low, page);
  }
  for (int stage = 0; stage < 2; stage++) {
    spaces(SV39, SV39);
    u64 *pte = stage ? map_g(0x180000000, DATA, 1, RWXAD | U_ | PTE_N) : map_vs(0x180000000, DATA, 1, RWXAD | PTE_N);
    *pte |= 8ul << 10;
    if (stage) map_vs(TEST_VA, 0x180000000, 0, RWXAD);
    fence();
    access(VS, LOAD, stage ? TEST_VA : 0x180000000);
    check(last.to == M && last.cause == (stage ? LOAD_GUEST : LOAD_PAGE), "%s-stage N in a large page is reserved", stage ? "G" : "VS");
  }
  reset();
}

/* Svpbmt: the VS-stage asks henvcfg, the G-stage menvcfg; 3 is reserved. @spec priv 14, 21.2.5 */
static void memory_types(void) {
  if (!has.svpbmt) { skip("pbmt", "no Svpbmt"); return; }
  for (int stage = 0; stage < 2; stage++) for (int type = 1; type < 4; type++) for (int on = 0; on < 4; on++) {
    spaces(SV39, SV39);
    csr_set(menvcfg, ENV_PBMTE);
    csr_set(henvcfg, on & 2 ? ENV_PBMTE : 0);
    csr_set(menvcfg, on & 1 ? ENV_PBMTE : 0);
    *(stage ? test_gpte : test_pte) |= PTE_PBMT(type);
    fence();
    access(VS, LOAD, TEST_VA + 8);
    int ok = type != 3 && (stage ? on & 1 : on == 3);
    check(ok ? completed() : took(M, stage ? LOAD_GUEST : LOAD_PAGE, TEST_VA + 8), "%s-stage memory type %d, menvcfg %d henvcfg %d: %s",
      stage ? "G" : "VS", type,
          on & 1, on >> 1, ok ? "taken" : "fault");
    csr_set(menvcfg, 0);
  }
  reset();
}

/*
 * PMP applies to supervisor physical addresses: data, tables of both stages, and HLVX needs execute as well as read.
 * @spec priv 3.7.2, 21.3.1
 */
static void protection(void) {
  static const struct { const char *name; u64 at; u64 pmp; int kind, cause; } rows[] = {
    { "load, page without R", DATA, 0, LOAD, LOAD_ACCESS }, { "store, page without W", DATA, 1, STORE, STORE_ACCESS },
    { "load, page with R", DATA, 1, LOAD, 0 }, { "fetch, page without X", DATA, 3, FETCH, FETCH_ACCESS },
    { "fetch, page with X only", DATA, 4, FETCH, 0 },
    { "hlv, page without X", DATA, 3, HLV, 0 }, { "hlvx, page without X", DATA, 3, HLVX, LOAD_ACCESS },
    { "hlvx, page with X only", DATA, 4, HLVX, LOAD_ACCESS },
    { "hlvx, page with R and X", DATA, 5, HLVX, 0 }, { "hsv, page without W", DATA, 5, HSV, STORE_ACCESS },
  };
  for (unsigned i = 0; i < COUNT(rows); i++) {
    reset();
    spaces(SV39, SV39);
    int mode = rows[i].kind >= HLV ? HS : VS;
    csr_set(pmpaddr0, rows[i].at >> 2 | 0x1ff);
    csr_set(pmpaddr0 + 1, -1ul);
    csr_set(pmpcfg0, 0x1f18 | rows[i].pmp);
    CSR_WRITE(hstatus, HSTATUS_SPVP);
    fence();
    access(mode, rows[i].kind, TEST_VA);
    check(rows[i].cause == 0 ? completed() : took(M, (u64)rows[i].cause, TEST_VA) && last.status & MSTATUS_GVA, "PMP: %s", rows[i].name);
    csr_set(pmpcfg0, 0x1f);
    csr_set(pmpaddr0, -1ul);
    *(u64 *)DATA = 0x8899aabb00000073ul;
  }
  for (int stage = 0; stage < 2; stage++) for (int kind = HLV; kind <= HLVX; kind++) {
    reset();
    spaces(SV39, SV39);
    u64 table = (u64)(stage ? test_gpte : test_pte) & ~0xffful;
    csr_set(pmpaddr0, table >> 2 | 0x1ff);
    csr_set(pmpaddr0 + 1, -1ul);
    csr_set(pmpcfg0, 0x1f18);
    CSR_WRITE(hstatus, HSTATUS_SPVP);
    fence();
    access(HS, kind, TEST_VA);
    check(took(M, kind == HSV ? STORE_ACCESS : LOAD_ACCESS, TEST_VA) && last.status & MSTATUS_GVA,
      "PMP: a %s-stage table that cannot be read", stage ? "G" : "VS");
    csr_set(pmpcfg0, 0x1f);
    csr_set(pmpaddr0, -1ul);
  }
  reset();
}

void permission_cases(void) {
  spaces(SV39, SV39);
  vs_stage();
  spaces(SV39, SV39);
  g_stage();
  reset();
  table_rights();
  napot();
  memory_types();
  protection();
}
