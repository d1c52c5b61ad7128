/* Page tables of both stages, and the state that every case starts from. */
#include "hyp.h"

int vs_mode, g_mode;
u64 *test_pte, *test_gpte, *table_gpte;
struct features has;

#define POOL 0x80600000ul
static u64 pool, vs_root, g_root, hs_root;
static int hs_mode;

static u64 table(int pages) {
  u64 at = (pool + (u64)pages * 4096 - 1) & -((u64)pages * 4096);
  pool = at + (u64)pages * 4096;
  for (u64 *p = (u64 *)at; p < (u64 *)pool; p++) *p = 0;
  return at;
}

void *memcpy(void *to, const void *from, u64 bytes) {
  u8 *t = to;
  const u8 *f = from;
  while (bytes-- > 0) *t++ = *f++;
  return to;
}

int levels(int mode) { return mode - 5; }

/* The entry for `address` at `level`, tables made on the way; `alias` is added to the addresses that pointers hold. */
static u64 *entry(u64 root, int mode, u64 address, int level, int wide, u64 alias) {
  u64 at = root;
  for (int l = levels(mode) - 1;; l--) {
    u64 mask = wide && l == levels(mode) - 1 ? 2047 : 511;
    u64 *pte = (u64 *)at + (address >> (12 + 9 * l) & mask);
    if (l == level) return pte;
    if (*pte == 0) *pte = PTE(table(1) + alias, V_);
    at = ((*pte >> 10) << 12) - alias;
  }
}

static u64 *leaf(u64 *pte, u64 to, u64 flags) {
  *pte = PTE(to, flags);
  return pte;
}

/* Guest physical addresses of the guest's tables: an alias, so that the second stage can refuse them alone. */
static u64 alias(void) { return g_mode == BARE ? 0 : TABLE_GPA - RAM; }
u64 vs_table_gpa(const u64 *pte) { return (u64)pte + alias(); }

u64 *map_vs(u64 va, u64 gpa, int level, u64 flags) { return leaf(entry(vs_root, vs_mode, va, level, 0, alias()), gpa, flags); }
u64 *map_g(u64 gpa, u64 pa, int level, u64 flags) { return leaf(entry(g_root, g_mode, gpa, level, 1, 0), pa, flags); }
u64 *map_hs(u64 va, u64 pa, int level, u64 flags) { return leaf(entry(hs_root, hs_mode, va, level, 0, 0), pa, flags); }

u64 *at_vs(u64 va, int level) { return entry(vs_root, vs_mode, va, level, 0, alias()); }
u64 *at_g(u64 gpa, int level) { return entry(g_root, g_mode, gpa, level, 1, 0); }

void fence(void) {
  __asm__ volatile(".option push\n.option arch, +h\nsfence.vma\nhfence.vvma\nhfence.gvma\n.option pop" : : : "memory");
}

/*
 * Both stages: code for VS and (higher) for VU, the guest's tables at an alias, TEST_VA -> TEST_GPA -> DATA. A stage that is
 * Bare passes addresses through, so that the test address is then TEST_GPA or DATA itself.
 */
void spaces(int vs, int g) {
  pool = POOL;
  vs_mode = vs;
  g_mode = g;
  g_root = table(4);
  vs_root = table(1);
  test_pte = test_gpte = table_gpte = 0;
  if (g != BARE) {
    map_g(RAM, RAM, 2, RWXAD | U_);
    table_gpte = map_g(TABLE_GPA, RAM, 2, RWXAD | U_);
    test_gpte = map_g(TEST_GPA, DATA, 0, RWXAD | U_);
  }
  if (vs != BARE) {
    map_vs(RAM, RAM, 2, RWXAD);
    map_vs(RAM + USER_ALIAS, RAM, 2, RWXAD | U_);
    test_pte = map_vs(TEST_VA, g == BARE ? DATA : TEST_GPA, 0, RWXAD);
  }
  CSR_WRITE(hgatp, g == BARE ? 0 : (u64)g << 60 | g_root >> 12);
  CSR_WRITE(vsatp, vs == BARE ? 0 : (u64)vs << 60 | vs_table_gpa((u64 *)vs_root) >> 12);
  fence();
}

/* HS mode's own space: code for HS and U; call after `spaces`. */
void hs_space(int mode) {
  hs_mode = mode;
  if (mode != BARE) {
    hs_root = table(1);
    map_hs(RAM, RAM, 2, RWXAD);
    map_hs(RAM + USER_ALIAS, RAM, 2, RWXAD | U_);
  }
  CSR_WRITE(satp, mode == BARE ? 0 : (u64)mode << 60 | hs_root >> 12);
  fence();
}

static const u16 zeroed[] = { medeleg, mideleg, mie, mip, hedeleg, hideleg, hie, hvip, hcounteren, htimedelta, hstatus, vsstatus, vscause,
  vstval, vsepc,
  henvcfg, scounteren, senvcfg, satp, vsatp, hgatp };

void reset(void) {
  csr_set(mstatus, MSTATUS_FS);
  for (unsigned i = 0; i < COUNT(zeroed); i++) csr_set(zeroed[i], 0);
  csr_set(vsstatus, MSTATUS_FS);
  csr_set(menvcfg, 0);
  csr_set(mcounteren, 0);
  if (has.stateen) for (int i = 0; i < 2; i++) csr_set(i ? hstateen0 : mstateen0, -1ul);
  csr_set(pmpaddr0, -1ul);
  csr_set(pmpcfg0, 0x1f);
  CSR_WRITE(stvec, HS_VECTOR);
  CSR_WRITE(vstvec, VS_VECTOR);
  for (u32 *p = (u32 *)HS_VECTOR; p < (u32 *)(VS_VECTOR + 0x1000); p++) *p = 0x73;
  *(u64 *)DATA = 0x8899aabb00000073ul; /* an ecall, and something to recognise */
  vs_mode = g_mode = BARE;
  fence();
}

static int holds(int csr, u64 bits) {
  csr_set(csr, bits);
  u64 got = csr_get(csr);
  csr_set(csr, 0);
  return last.to == 0 && (got & bits) == bits;
}

/* Finds out which extensions exist, by writing their bits and reading them back, or by executing an instruction of theirs. */
void detect(void) {
  CSR_WRITE(hgatp, 0);
  CSR_WRITE(vsatp, 0);
  has.sv48 = (u8)holds(vsatp, (u64)SV48 << 60);
  has.sv57 = (u8)holds(vsatp, (u64)SV57 << 60);
  has.svadu = (u8)holds(menvcfg, ENV_ADUE);
  has.svpbmt = (u8)holds(menvcfg, ENV_PBMTE);
  has.sstc = (u8)holds(menvcfg, ENV_STCE);
  run_insn(M, 0x0045a00f, 0, DATA); /* cbo.zero (a1) */
  has.cbo = (u8)completed();
  has.fp = (u8)(csr_get(misa) >> 3 & 1);
  run_insn(M, 0x0005b503, 0, DATA + 1); /* ld */
  has.misaligned = (u8)completed();
  csr_get(mstateen0);
  has.stateen = (u8)completed();
  run_insn(M, 0x18000073, 0, 0); /* sfence.w.inval */
  has.svinval = (u8)completed();
  reset();
  spaces(SV39, BARE);
  *test_pte = PTE(DATA + 0x8000, RWXAD) | PTE_N;
  fence();
  access(VS, LOAD, TEST_VA);
  has.svnapot = (u8)completed();
  reset();
  note("has: sv48 %d sv57 %d svadu %d svpbmt %d sstc %d svnapot %d", has.sv48, has.sv57, has.svadu, has.svpbmt, has.sstc, has.svnapot);
  note("     smstateen %d svinval %d zicboz %d d %d misaligned %d", has.stateen, has.svinval, has.cbo, has.fp, has.misaligned);
}
