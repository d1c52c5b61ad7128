/*
 * Accessed and dirty bits: faults (Svade) or hardware updates (Svadu), per stage, and what the update itself needs.
 * @spec priv 16, 21.2.5, 21.5.1
 */
#include "hyp.h"

static const char *const kinds[] = { "load", "store", "fetch", "?", "hlv", "hsv", "hlvx" };
static const u8 pages[] = { LOAD_PAGE, STORE_PAGE, FETCH_PAGE }, guests[] = { LOAD_GUEST, STORE_GUEST, FETCH_GUEST };

/* `hardware`: 0 = neither, 1 = menvcfg.ADUE (G-stage), 3 = henvcfg.ADUE as well (VS-stage). */
static void enable(int hardware) {
  csr_set(menvcfg, hardware & 1 ? ENV_ADUE : 0);
  csr_set(henvcfg, hardware & 2 ? ENV_ADUE : 0);
}

static void leaves(void) {
  static const u8 settings[] = { 0, 1, 3 };
  for (unsigned s = 0; s < COUNT(settings); s++) for (int stage = 0; stage < 2; stage++) for (u64 bits = 0; bits < 4; bits++)
    for (int kind = LOAD; kind <= FETCH; kind++) {
    if (settings[s] && !has.svadu) continue;
    spaces(SV39, SV39);
    enable(settings[s]);
    u64 *pte = stage ? test_gpte : test_pte;
    *pte = (*pte & ~(u64)(A_ | D_)) | bits << 6;
    fence();
    u64 va = kind == FETCH ? TEST_VA : TEST_VA + 8;
    access(VS, kind, va);
    u64 need = kind == STORE ? 3 : 1;
    int hardware = settings[s] & (stage ? 1 : 2);
    int faults = (bits & need) != need && !hardware;
    u64 after = faults || !hardware ? bits : bits | need;
    check((faults ? took(M, stage ? guests[kind] : pages[kind], va) : completed()) && (*pte >> 6 & 3) == after,
          "%s, %s-stage A %d D %d, menvcfg.ADUE %d henvcfg.ADUE %d: %s", kinds[kind], stage ? "G" : "VS", (int)bits & 1, (int)bits >> 1,
            settings[s] & 1, settings[s] >> 1,
          faults ? "fault" : after != bits ? "updated" : "done");
  }
  reset();
}

/* The tables themselves in the second stage: reading an entry needs A there, updating one needs W (and D). */
static void table_pages(void) {
  spaces(SV39, SV39);
  *table_gpte &= ~(u64)A_;
  CSR_WRITE(hstatus, HSTATUS_SPVP);
  fence();
  for (int kind = HLV; kind <= HLVX; kind++) {
    access(HS, kind, TEST_VA + 8);
    check(took(M, kind == HSV ? STORE_GUEST : LOAD_GUEST, TEST_VA + 8) && last.tinst == 0x3000,
      "%s, tables without A in the G-stage: implicit read faults", kinds[kind]);
  }
  *table_gpte |= A_;
  *table_gpte &= ~(u64)D_;
  fence();
  for (int kind = HLV; kind <= HLVX; kind++) {
    access(HS, kind, TEST_VA + 8);
    check(completed(), "%s, tables without D in the G-stage: reading them is enough", kinds[kind]);
  }
  reset();
  if (!has.svadu) { skip("table updates", "no Svadu"); return; }
  static const struct { const char *name; u64 table, leaf; int kind, faults; } rows[] = {
    { "hlv sets A, tables read-only", R_ | A_ | D_, 0, HLV, 1 }, { "hsv sets A and D, tables read-only", R_ | A_ | D_, 0, HSV, 1 },
    { "hsv sets D, tables read-only", R_ | A_ | D_, A_, HSV, 1 }, { "hlvx sets A, tables read-only", R_ | A_ | D_, 0, HLVX, 1 },
    { "hlv has nothing to set, tables read-only", R_ | A_ | D_, A_, HLV, 0 },
    { "hsv has nothing to set, tables read-only", R_ | A_ | D_, A_ | D_, HSV, 0 },
    { "hlv sets A, tables writable", R_ | W_ | A_ | D_, 0, HLV, 0 }, { "hsv sets D, tables writable", R_ | W_ | A_ | D_, A_, HSV, 0 },
    { "hsv sets D, tables writable, not yet dirty", R_ | W_, A_, HSV, 0 },
    { "hlv sets A, tables writable, not yet accessed", R_ | W_, 0, HLV, 0 },
  };
  for (unsigned i = 0; i < COUNT(rows); i++) {
    reset();
    spaces(SV39, SV39);
    enable(3);
    CSR_WRITE(hstatus, HSTATUS_SPVP);
    *table_gpte = PTE(RAM, V_ | U_ | rows[i].table);
    *test_pte = PTE(TEST_GPA, V_ | R_ | W_ | X_ | rows[i].leaf);
    u64 before = *test_pte;
    fence();
    access(HS, rows[i].kind, TEST_VA + 8);
    u64 need = rows[i].kind == HSV ? A_ | D_ : A_;
    if (rows[i].faults) {
      check(took(M, rows[i].kind == HSV ? STORE_GUEST : LOAD_GUEST, TEST_VA + 8) && last.tval2 == vs_table_gpa(test_pte) >> 2
        && last.tinst == 0x3020 && *test_pte == before,
            "%s: guest page fault of an implicit write", rows[i].name);
    } else {
      check(completed() && (*test_pte & need) == need, "%s: done", rows[i].name);
      check(!(before != *test_pte) || (*table_gpte & (A_ | D_)) == (A_ | D_), "%s: the table's own page is dirty", rows[i].name);
    }
  }
  /* An access that the permissions refuse sets nothing. */
  reset();
  spaces(SV39, SV39);
  enable(3);
  *test_pte = PTE(TEST_GPA, V_ | R_);
  fence();
  access(VS, STORE, TEST_VA + 8);
  check(took(M, STORE_PAGE, TEST_VA + 8) && (*test_pte & (A_ | D_)) == 0, "a refused store sets neither A nor D");
  *test_pte = PTE(TEST_GPA, V_ | R_ | W_);
  *test_gpte = PTE(DATA, V_ | R_ | U_);
  fence();
  access(VS, STORE, TEST_VA + 8);
  check(took(M, STORE_GUEST, TEST_VA + 8) && (*test_gpte & (A_ | D_)) == 0, "a store that the G-stage refuses sets nothing there");
  reset();
}

/* henvcfg.ADUE was set, then menvcfg.ADUE cleared: the guest's is zero with it. @spec priv 3.1.18 */
static void withheld(void) {
  if (!has.svadu) { skip("withheld", "no Svadu"); return; }
  spaces(SV39, SV39);
  enable(3);
  csr_set(menvcfg, 0);
  *test_pte &= ~(u64)(A_ | D_);
  fence();
  access(VS, LOAD, TEST_VA + 8);
  check(took(M, LOAD_PAGE, TEST_VA + 8), "without menvcfg.ADUE henvcfg.ADUE has no effect");
  csr_set(menvcfg, ENV_ADUE);
  reset();
}

void update_cases(void) {
  leaves();
  table_pages();
  withheld();
}
