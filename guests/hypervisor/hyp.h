/*
 * The hypervisor suite: small probes that run in a chosen mode, and their results. M mode controls everything: `run` enters a mode at an
 * address, every trap ends the probe, and `last` says which level took the trap and what the trap registers held.
 *
 *   spaces(SV39, SV39);                       both stages set up: code and tables mapped, TEST_VA -> TEST_GPA -> data
 *   *pte = 0;                                  (as the case wants it)
 *   access(VS, LOAD, TEST_VA);                 one load in VS mode
 *   check(took(M, 21, TEST_VA), "…");          one line of output
 */
#ifndef HYP_H
#define HYP_H

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long u64;

#define BIT(n) (1ul << (n))
#define COUNT(table) (sizeof(table) / sizeof(table[0]))

/* Modes: nominal privilege, and 4 for V. */
enum { U = 0, HS = 1, M = 3, VU = 4, VS = 5 };
extern const char *const mode_names[8];

/* ---- CSRs by number: the assembler need not know them ---- */
#define CSR_READ(n) ({ u64 v_; __asm__ volatile("csrr %0, %1" : "=r"(v_) : "i"(n) : "memory"); v_; })
#define CSR_WRITE(n, value) ({ u64 w_ = (value); __asm__ volatile("csrw %0, %1" : : "i"(n), "r"(w_) : "memory"); })
enum {
  sstatus = 0x100, sie = 0x104, stvec = 0x105, scounteren = 0x106, senvcfg = 0x10a, sstateen0 = 0x10c, sscratch = 0x140, sepc = 0x141,
  scause = 0x142,
  stval = 0x143, sip = 0x144, stimecmp = 0x14d, satp = 0x180,
  vsstatus = 0x200, vsie = 0x204, vstvec = 0x205, vsscratch = 0x240, vsepc = 0x241, vscause = 0x242, vstval = 0x243, vsip = 0x244,
  vstimecmp = 0x24d,
  vsatp = 0x280,
  hstatus = 0x600, hedeleg = 0x602, hideleg = 0x603, hie = 0x604, htimedelta = 0x605, hcounteren = 0x606, hgeie = 0x607, henvcfg = 0x60a,
  hstateen0 = 0x60c,
  htval = 0x643, hip = 0x644, hvip = 0x645, htinst = 0x64a, hgatp = 0x680, hgeip = 0xe12,
  mstatus = 0x300, misa = 0x301, medeleg = 0x302, mideleg = 0x303, mie = 0x304, mtvec = 0x305, mcounteren = 0x306, menvcfg = 0x30a,
  mstateen0 = 0x30c,
  mscratch = 0x340, mepc = 0x341, mcause = 0x342, mtval = 0x343, mip = 0x344, mtinst = 0x34a, mtval2 = 0x34b, pmpcfg0 = 0x3a0,
  pmpaddr0 = 0x3b0,
};

#define MSTATUS_SIE BIT(1)
#define MSTATUS_MIE BIT(3)
#define MSTATUS_SPIE BIT(5)
#define MSTATUS_MPIE BIT(7)
#define MSTATUS_SPP BIT(8)
#define MSTATUS_MPP (3ul << 11)
#define MSTATUS_FS (3ul << 13)
#define MSTATUS_MPRV BIT(17)
#define MSTATUS_SUM BIT(18)
#define MSTATUS_MXR BIT(19)
#define MSTATUS_TVM BIT(20)
#define MSTATUS_TW BIT(21)
#define MSTATUS_TSR BIT(22)
#define MSTATUS_GVA BIT(38)
#define MSTATUS_MPV BIT(39)
#define HSTATUS_GVA BIT(6)
#define HSTATUS_SPV BIT(7)
#define HSTATUS_SPVP BIT(8)
#define HSTATUS_HU BIT(9)
#define HSTATUS_VTVM BIT(20)
#define HSTATUS_VTW BIT(21)
#define HSTATUS_VTSR BIT(22)
#define ENV_ADUE BIT(61)
#define ENV_PBMTE BIT(62)
#define ENV_STCE BIT(63)
#define INTERRUPT BIT(63)

enum { FETCH_ACCESS = 1, ILLEGAL = 2, BREAKPOINT = 3, LOAD_MISALIGNED = 4, LOAD_ACCESS = 5, STORE_MISALIGNED = 6, STORE_ACCESS = 7,
  ECALL_U = 8,
  ECALL_HS = 9, ECALL_VS = 10, ECALL_M = 11, FETCH_PAGE = 12, LOAD_PAGE = 13, STORE_PAGE = 15, FETCH_GUEST = 20, LOAD_GUEST = 21,
  VIRTUAL = 22,
  STORE_GUEST = 23 };

/* ---- what the machine has (found at the start) ---- */
extern struct features { u8 sv48, sv57, svadu, svpbmt, sstc, svnapot, stateen, svinval, cbo, fp, misaligned; } has;

/* ---- probes ---- */
struct trap {
  int to;         /* the level that took the trap: M, HS or VS; 0 = the probe ran to its end */
  int entry;      /* HS, VS: offset from the trap vector's base */
  u64 cause, epc, tval, tval2, tinst;
  u64 status;     /* M: mstatus, HS: hstatus, VS: vsstatus, after the trap */
  u64 a[4];       /* a0 … a3 at the end */
};
extern struct trap last;

/* The mode of a probe and everything it starts with; mstatus bits besides MPP and MPV come from the CSR as it is. */
struct trap *run(int mode, u64 pc, u64 a0, u64 a1, u64 a2, u64 a3);
/* Puts instructions at the probe address, an ecall behind them, and runs them. */
struct trap *run_code(int mode, const u32 *words, int count, u64 a0, u64 a1, u64 a2, u64 a3);
struct trap *run_insn(int mode, u32 insn, u64 a0, u64 a1);
enum { LOAD, STORE, FETCH };
struct trap *access(int mode, int kind, u64 va);
/* hlv.d, hsv.d, hlvx.wu in HS mode (or another) */
enum { HLV = 4, HSV, HLVX };

int completed(void);
int took(int level, u64 cause, u64 tval);

u32 csr_insn(int csr, int write); /* csrr a0, csr; csrw csr, a0 */
u64 csr_get(int csr);             /* by a probe in M mode: any number */
void csr_set(int csr, u64 value);

/* ---- memory ---- */
enum { BARE = 0, SV39 = 8, SV48 = 9, SV57 = 10 };
enum { V_ = 1, R_ = 2, W_ = 4, X_ = 8, U_ = 16, G_ = 32, A_ = 64, D_ = 128 };
#define RWXAD (V_ | R_ | W_ | X_ | A_ | D_)
#define PTE_N BIT(63)
#define PTE_PBMT(n) ((u64)(n) << 61)
#define PTE(pa, flags) (((u64)(pa) >> 12) << 10 | (flags))

#define RAM 0x80000000ul
#define CODE 0x80200000ul       /* probe, trap vectors of HS and VS */
#define HS_VECTOR (CODE + 0x1000)
#define VS_VECTOR (CODE + 0x2000)
#define DATA 0x80400000ul       /* one 2 MiB page */
#define USER_ALIAS 0x40000000ul /* code again, for user mode, this much higher */
#define TEST_VA 0x140000000ul   /* slots of their own at every level below the root of Sv39 */
#define TEST_GPA 0x1c0000000ul
#define TABLE_GPA 0x200000000ul /* memory again, as the guest's tables name it */

extern int vs_mode, g_mode;
extern u64 *test_pte, *test_gpte, *table_gpte; /* leaf of TEST_VA, of TEST_GPA, of the tables' guest addresses */
void spaces(int vs, int g);
void fence(void); /* everything */
u64 *map_vs(u64 va, u64 gpa, int level, u64 flags);
u64 *map_g(u64 gpa, u64 pa, int level, u64 flags);
u64 *map_hs(u64 va, u64 pa, int level, u64 flags); /* satp's table, made by `hs_space` */
void hs_space(int mode);
u64 *at_vs(u64 va, int level); /* the entry for an address at a level */
u64 *at_g(u64 gpa, int level);
u64 vs_table_gpa(const u64 *pte);
int levels(int mode);

/* ---- reports ---- */
void group(const char *name);
int check(int ok, const char *format, ...) __attribute__((format(printf, 2, 3)));
int check_value(u64 got, u64 want, const char *format, ...) __attribute__((format(printf, 3, 4)));
void skip(const char *what, const char *why);
void note(const char *format, ...) __attribute__((format(printf, 1, 2)));
void reset(void); /* all registers as at the start: nothing delegated, everything allowed */
void *memcpy(void *to, const void *from, u64 bytes);

#endif
