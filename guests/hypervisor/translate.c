/*
 * Translation in two stages: all combinations of modes, page sizes, addresses that are too wide, and where each fault is reported.
 * @spec priv 12.4.1, 12.5.1, 12.6.1, 21.5.1, 21.5.2
 */
#include "hyp.h"

static const u8 modes[] = { BARE, SV39, SV48, SV57 };
static const char *const mode_text[] = { "Bare", "Sv39", "Sv48", "Sv57" };
static const char *name_of(int mode) { return mode_text[mode == BARE ? 0 : mode - 7]; }
static const char *const kinds[] = { "load", "store", "fetch", "?", "hlv", "hsv", "hlvx" };
static const u8 page_fault[] = { LOAD_PAGE, STORE_PAGE, FETCH_PAGE, 0, LOAD_PAGE, STORE_PAGE, LOAD_PAGE };
static const u8 guest_fault[] = { LOAD_GUEST, STORE_GUEST, FETCH_GUEST, 0, LOAD_GUEST, STORE_GUEST, LOAD_GUEST };

static int there(int mode) { return mode == BARE || mode == SV39 || (mode == SV48 ? has.sv48 : has.sv57); }

/* The address that leads to DATA in the spaces as they are, and its guest physical one. */
static u64 test_va(void) { return vs_mode != BARE ? TEST_VA : g_mode != BARE ? TEST_GPA : DATA; }
static u64 test_gpa(void) { return g_mode != BARE ? TEST_GPA : DATA; }

/* A trap to M by page fault, or by guest page fault at a guest address. */
static int page_faulted(int kind, u64 va) { return took(M, page_fault[kind], va) && last.tval2 == 0; }
static int guest_faulted(int kind, u64 va, u64 gpa) { return took(M, guest_fault[kind], va) && last.tval2 == gpa >> 2; }
/* Fields of mstatus that a fault sets: GVA, and the mode it came from. */
static int came_from(int mode) {
  return (last.status & MSTATUS_GVA) && (last.status >> 11 & 3) == (u64)(mode & 3) && !!(last.status & MSTATUS_MPV) == (mode >= VU);
}

static void both_work(const char *vs, const char *g) {
  u64 va = test_va();
  for (int user = 0; user < 2; user++) {
    int mode = user ? VU : VS;
    if (user && test_pte) *test_pte |= U_;
    fence();
    *(u64 *)(DATA + 8) = 0xfeedface12345678ul;
    check(access(mode, LOAD, va + 8)->a[0] == 0xfeedface12345678ul && completed(), "%s over %s: load in %s", vs, g, mode_names[mode]);
    access(mode, STORE, va + 8);
    check(completed() && *(u64 *)(DATA + 8) == 0x1122334455667788ul, "%s over %s: store in %s", vs, g, mode_names[mode]);
    access(mode, FETCH, va);
    check(completed(), "%s over %s: fetch in %s", vs, g, mode_names[mode]);
  }
}

/* An entry on the way is invalid: at every level of both stages. */
static void holes(const char *vs, const char *g) {
  u64 va = test_va(), gpa = test_gpa();
  for (int kind = LOAD; kind <= FETCH; kind++) {
    for (int level = vs_mode == BARE ? -1 : levels(vs_mode) - 1; level >= 0; level--) {
      if (level >= 3) continue; /* the code's own way */
      spaces(vs_mode, g_mode);
      *at_vs(va, level) = 0;
      fence();
      access(VS, kind, va + 8);
      check(page_faulted(kind, va + 8) && came_from(VS), "%s over %s: %s, no VS-stage entry at level %d", vs, g, kinds[kind], level);
    }
    for (int level = g_mode == BARE ? -1 : levels(g_mode) - 1; level >= 0; level--) {
      if (level >= 3) continue;
      spaces(vs_mode, g_mode);
      *at_g(gpa, level) = 0;
      fence();
      access(VS, kind, va + 8);
      check(guest_faulted(kind, va + 8, gpa + 8) && came_from(VS), "%s over %s: %s, no G-stage entry at level %d", vs, g, kinds[kind],
        level);
    }
  }
}

/* The guest's own tables are not mapped in the second stage: reported as the original access, with the pseudo-instruction of a read. */
static void hidden_tables(const char *vs, const char *g) {
  if (vs_mode == BARE || g_mode == BARE) return;
  spaces(vs_mode, g_mode);
  u64 root = vs_table_gpa(at_vs(TEST_VA, levels(vs_mode) - 1));
  u64 code_root = vs_table_gpa(at_vs(CODE, levels(vs_mode) - 1));
  *table_gpte = 0;
  fence();
  CSR_WRITE(hstatus, HSTATUS_SPVP);
  for (int kind = HLV; kind <= HLVX; kind++) {
    access(HS, kind, TEST_VA);
    check(guest_faulted(kind, TEST_VA, root) && last.tinst == 0x3000 && (last.status & MSTATUS_GVA) && !(last.status & MSTATUS_MPV),
          "%s over %s: %s, the table is hidden", vs, g, kinds[kind]);
  }
  run(VS, CODE, 0, 0, 0, 0);
  check(guest_faulted(FETCH, CODE, code_root) && last.tinst == 0x3000 && came_from(VS), "%s over %s: fetch, the table is hidden", vs, g);
  CSR_WRITE(hstatus, 0);
}

/* Large pages: a slot of the address space and a place in memory for each size. */
static const u64 slot[] = { 0, 0x180000000ul, 0x180000000ul, 0x8000000000ul, 0x1000000000000ul };
static const u64 place[] = { 0, DATA, RAM, 0, 0 };
static u64 size_of(int level) { return 1ul << (12 + 9 * level); }

static void large_pages(const char *vs, const char *g) {
  int top_vs = vs_mode == BARE ? 0 : levels(vs_mode) - 1, top_g = g_mode == BARE ? 0 : levels(g_mode) - 1;
  for (int a = vs_mode == BARE ? 0 : 1; a <= top_vs; a++) for (int b = g_mode == BARE ? 0 : 1; b <= top_g; b++) {
    if (a == 0 && b == 0) continue;
    spaces(vs_mode, g_mode);
    u64 gpa = g_mode == BARE ? DATA : slot[b] + DATA - place[b];
    u64 base = a == 0 ? gpa : gpa & -size_of(a), va = a == 0 ? gpa : slot[a] + gpa - base;
    u64 *p = a ? map_vs(slot[a], base, a, RWXAD) : 0;
    u64 *q = g_mode == BARE ? 0 : map_g(slot[b], place[b], b, RWXAD | U_);
    fence();
    *(u64 *)(DATA + 16) = 0xabcdef0011223344ul + (u64)a * 8 + (u64)b;
    access(VS, LOAD, va + 16);
    check(completed() && last.a[0] == *(u64 *)(DATA + 16), "%s over %s: load through pages of level %d and %d", vs, g, a, b);
    access(VS, STORE, va + 16);
    check(completed() && *(u64 *)(DATA + 16) == 0x1122334455667788ul, "%s over %s: store through pages of level %d and %d", vs, g, a, b);
    for (int l = 0; p && l < a; l++) { /* any of the page number's low bits set */
      *p = PTE(base, RWXAD) | 1ul << (10 + 9 * l);
      fence();
      access(VS, LOAD, va + 16);
      check(page_faulted(LOAD, va + 16), "%s over %s: misaligned VS-stage page of level %d, bit %d", vs, g, a, 9 * l);
      *p = PTE(base, RWXAD);
    }
    for (int l = 0; q && l < b; l++) {
      *q = PTE(place[b], RWXAD | U_) | 1ul << (10 + 9 * l);
      fence();
      access(VS, STORE, va + 16);
      check(guest_faulted(STORE, va + 16, gpa + 16), "%s over %s: misaligned G-stage page of level %d, bit %d", vs, g, b, 9 * l);
      *q = PTE(place[b], RWXAD | U_);
    }
  }
}

/* Addresses that are not sign-extended (VS-stage) or too wide (G-stage). */
static void wide_addresses(const char *vs, const char *g) {
  spaces(vs_mode, g_mode);
  if (vs_mode != BARE) {
    int bits = 12 + 9 * levels(vs_mode);
    u64 bad[] = { TEST_VA | 1ul << (bits - 1), TEST_VA | 1ul << bits, TEST_VA | 1ul << 63, (TEST_VA | -1ul << (bits - 1)) & ~(1ul << 63) };
    for (unsigned i = 0; i < COUNT(bad); i++) for (int kind = LOAD; kind <= FETCH; kind++) {
      access(VS, kind, bad[i]);
      check(page_faulted(kind, bad[i]), "%s over %s: %s of %lx, not sign-extended", vs, g, kinds[kind], bad[i]);
    }
    u64 high = -1ul << (bits - 1); /* the lowest of the upper half */
    map_vs(high, test_gpa(), 0, RWXAD);
    fence();
    access(VS, LOAD, high);
    check(completed(), "%s over %s: the lowest address of the upper half", vs, g);
  }
  if (g_mode == BARE) return;
  int bits = 14 + 9 * levels(g_mode);
  u64 top = (1ul << bits) - 4096;
  map_g(top, DATA, 0, RWXAD | U_);
  u64 va = vs_mode == BARE ? top : TEST_VA;
  if (vs_mode != BARE && bits <= 56) *test_pte = PTE(top, RWXAD);
  fence();
  if (vs_mode == BARE || bits <= 56) {
    access(VS, LOAD, va + 8);
    check(completed(), "%s over %s: the highest guest page", vs, g);
  }
  for (int bit = bits; bit < (vs_mode == BARE ? 64 : 56); bit += 5) {
    u64 gpa = TEST_GPA | 1ul << bit;
    if (vs_mode != BARE) *test_pte = PTE(gpa, RWXAD);
    fence();
    for (int kind = LOAD; kind <= FETCH; kind++) {
      access(VS, kind, vs_mode == BARE ? gpa : TEST_VA);
      check(guest_faulted(kind, vs_mode == BARE ? gpa : TEST_VA, gpa), "%s over %s: %s of a guest address with bit %d", vs, g,
        kinds[kind], bit);
    }
  }
}

static void combinations(void) {
  for (unsigned i = 0; i < COUNT(modes); i++) for (unsigned j = 0; j < COUNT(modes); j++) {
    const char *vs = name_of(modes[i]), *g = name_of(modes[j]);
    if (!there(modes[i]) || !there(modes[j])) { skip(vs, "mode not implemented"); continue; }
    reset();
    spaces(modes[i], modes[j]);
    both_work(vs, g);
    holes(vs, g);
    hidden_tables(vs, g);
    large_pages(vs, g);
    wide_addresses(vs, g);
  }
  reset();
}

/* Bits that make an entry invalid, in a leaf or in a pointer. @spec priv 12.3.1, 12.4.1 */
static const struct { const char *name; u64 set, clear; int level, bad; } encodings[] = {
  { "V clear", 0, V_, 0, 1 }, { "W without R", 0, R_, 0, 1 }, { "W and X without R", X_, R_, 0, 1 },
  { "no R, W, X at the last level", 0, R_ | W_ | X_, 0, 1 },
  { "bit 54", BIT(54), 0, 0, 1 }, { "bit 57", BIT(57), 0, 0, 1 }, { "bit 60", BIT(60), 0, 0, 1 },
  { "PBMT without PBMTE", BIT(61), 0, 0, 1 }, { "RSW bits", 0x300, 0, 0, 0 }, { "G", G_, 0, 0, 0 },
  { "pointer with A", A_, 0, 1, 1 }, { "pointer with D", D_, 0, 1, 1 }, { "pointer with U", U_, 0, 1, 1 },
  { "pointer with W", W_, 0, 1, 1 },
  { "pointer with G", G_, 0, 1, 0 }, { "pointer with RSW bits", 0x300, 0, 1, 0 }, { "pointer with bit 54", BIT(54), 0, 1, 1 },
  { "pointer with bit 60", BIT(60), 0, 1, 1 }, { "pointer with PBMT", BIT(61), 0, 1, 1 }, { "pointer with N", PTE_N, 0, 1, 1 },
};

static void malformed(void) {
  for (int stage = 0; stage < 2; stage++) for (unsigned i = 0; i < COUNT(encodings); i++) {
    spaces(SV39, SV39);
    u64 *pte = stage ? at_g(TEST_GPA, encodings[i].level) : at_vs(TEST_VA, encodings[i].level);
    *pte = (*pte | encodings[i].set) & ~encodings[i].clear;
    fence();
    access(VS, LOAD, TEST_VA + 8);
    int right = !encodings[i].bad ? completed() : stage ? guest_faulted(LOAD, TEST_VA + 8, TEST_GPA + 8) : page_faulted(LOAD, TEST_VA + 8);
    check(right, "%s-stage entry, %s: %s", stage ? "G" : "VS", encodings[i].name, encodings[i].bad ? "fault" : "no matter");
  }
  reset();
}

/* Accesses and instructions over a page boundary: the fault is that of the part that cannot be had. @spec priv 21.5.2 */
static void across(void) {
  if (!has.misaligned) skip("accesses over a page end", "misaligned accesses trap");
  else for (int stage = 0; stage < 2; stage++) for (int kind = LOAD; kind <= STORE; kind++) for (int at = 0xff9; at < 0x1000; at++) {
    spaces(SV39, SV39);
    map_vs(TEST_VA + 0x1000, TEST_GPA + 0x1000, 0, stage ? RWXAD : 0);
    fence();
    access(VS, kind, TEST_VA + (u64)at);
    int right = stage ? guest_faulted(kind, TEST_VA + 0x1000, TEST_GPA + 0x1000) : page_faulted(kind, TEST_VA + 0x1000);
    check(right && *(u64 *)(DATA + 0xff8) == 0, "%s at %x, second page without %s stage", kinds[kind], at, stage ? "G" : "VS");
  }
  for (int stage = 0; stage < 2; stage++) {
    spaces(SV39, SV39);
    map_vs(TEST_VA + 0x1000, TEST_GPA + 0x1000, 0, stage ? RWXAD : 0);
    fence();
    *(u16 *)(DATA + 0xffe) = 0x0513; /* half of an addi */
    access(VS, FETCH, TEST_VA + 0xffe);
    int right = stage ? guest_faulted(FETCH, TEST_VA + 0x1000, TEST_GPA + 0x1000) : page_faulted(FETCH, TEST_VA + 0x1000);
    check(right && last.epc == TEST_VA + 0xffe && last.tinst == 0, "instruction over a page end, second page without %s stage",
      stage ? "G" : "VS");
    *(u16 *)(DATA + 0xffe) = 0;
  }
  reset();
}

/* Straight-line code that runs into a page that is not there: the fault is that of the first instruction beyond. */
static void running_on(void) {
  for (int stage = 0; stage < 2; stage++) for (int halves = 1; halves <= 24; halves += 23) {
    spaces(SV39, SV39);
    map_vs(TEST_VA + 0x1000, TEST_GPA + 0x1000, 0, stage ? RWXAD : 0);
    fence();
    for (int i = 1; i <= halves; i++) *(u16 *)(DATA + 0x1000 - 2 * (u64)i) = 0x0001; /* c.nop */
    access(VS, FETCH, TEST_VA + 0x1000 - 2 * (u64)halves);
    int right = stage ? guest_faulted(FETCH, TEST_VA + 0x1000, TEST_GPA + 0x1000) : page_faulted(FETCH, TEST_VA + 0x1000);
    check(right && last.epc == TEST_VA + 0x1000, "%d instructions up to a page end, next page without %s stage: epc and tval", halves,
      stage ? "G" : "VS");
    for (int i = 1; i <= halves; i++) *(u16 *)(DATA + 0x1000 - 2 * (u64)i) = 0;
  }
  reset();
}

/* Where a table or a page is not memory at all: access faults, named after the access, with GVA. */
static void nowhere(void) {
  for (int kind = LOAD; kind <= FETCH; kind++) {
    static const u8 causes[] = { LOAD_ACCESS, STORE_ACCESS, FETCH_ACCESS };
    for (int what = 0; what < 4; what++) {
      static const char *const names[] = { "the page", "a G-stage table", "a VS-stage table", "the page, Bare over Bare" };
      spaces(what == 3 ? BARE : SV39, what == 3 ? BARE : SV39);
      u64 va = what == 3 ? 0x4000000000ul : TEST_VA;
      if (what == 0) *test_gpte = PTE(0x4000000000ul, RWXAD | U_);
      if (what == 1) *at_g(TEST_GPA, 1) = PTE(0x4000000000ul, V_);
      if (what == 2) {
        *at_vs(TEST_VA, 1) = PTE(0x40000000ul, V_);
        map_g(0x40000000, 0x4000000000, 2, RWXAD | U_);
      }
      fence();
      access(VS, kind, va);
      check(took(M, causes[kind], va) && last.tval2 == 0 && came_from(VS), "%s, %s is nowhere", kinds[kind], names[what]);
    }
  }
  reset();
}

void translate_cases(void) {
  combinations();
  malformed();
  across();
  running_on();
  nowhere();
}
