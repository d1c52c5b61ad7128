/* What mtinst and htinst show of a load, store or atomic that ends in a guest page fault. @spec priv 21.6.3 */
#include "hyp.h"

#define LOADS(X) X("lb a0, 5(a1)") X("lbu a2, -7(a1)") X("lh a0, 6(a1)") X("lhu a3, 8(a1)") X("lw a0, -4(a1)") X("lwu a0, 12(a1)") \
  X("ld a2, 16(a1)") \
  X("flw fa0, 4(a1)") X("fld fa5, 8(a1)")
#define HALF_LOADS(X) X("flh fa1, 2(a1)")
#define STORES(X) X("sb a0, 5(a1)") X("sh a2, -6(a1)") X("sw a3, 4(a1)") X("sd a0, 2040(a1)") X("fsw fa0, 4(a1)") X("fsd fa5, -8(a1)")
#define ATOMICS(X) X("amoswap.w a0, a2, (a1)") X("amoadd.w.aq a0, a2, (a1)") X("amoxor.w a2, a3, (a1)") X("amoand.w.rl a0, a2, (a1)") \
  X("amoor.w a0, a2, (a1)") \
  X("amomin.w a0, a2, (a1)") X("amomax.w a0, a2, (a1)") X("amominu.w a0, a2, (a1)") X("amomaxu.w a0, a2, (a1)") \
    X("amoswap.d.aqrl a0, a2, (a1)") \
  X("amoadd.d a0, a2, (a1)") X("amoxor.d a0, a2, (a1)") X("amoand.d a0, a2, (a1)") X("amoor.d a0, a2, (a1)") X("amomin.d a0, a2, (a1)") \
  X("amomax.d a0, a2, (a1)") X("amominu.d a0, a2, (a1)") X("amomaxu.d zero, a2, (a1)")
#define RESERVES(X) X("lr.w a0, (a1)") X("lr.d.aq a2, (a1)")
#define GUEST_LOADS(X) X("hlv.b a0, (a1)") X("hlv.bu a2, (a1)") X("hlv.h a0, (a1)") X("hlv.hu a0, (a1)") X("hlv.w a0, (a1)") \
  X("hlv.wu a3, (a1)") \
  X("hlv.d a0, (a1)") X("hlvx.hu a0, (a1)") X("hlvx.wu a0, (a1)")
#define GUEST_STORES(X) X("hsv.b a0, (a1)") X("hsv.h a2, (a1)") X("hsv.w a0, (a1)") X("hsv.d a3, (a1)")
/* Compressed, and the instruction it stands for. */
#define SHORT_LOADS(X) X("c.lw a0, 4(a1)") X("c.ld a2, 8(a1)") X("c.fld fa0, 16(a1)") X("c.lwsp a0, 4(sp)") X("c.ldsp a2, 8(sp)") \
  X("c.fldsp fa0, 24(sp)")
#define LONG_LOADS(X) X("lw a0, 4(a1)") X("ld a2, 8(a1)") X("fld fa0, 16(a1)") X("lw a0, 4(sp)") X("ld a2, 8(sp)") X("fld fa0, 24(sp)")
#define SHORT_STORES(X) X("c.sw a0, 4(a1)") X("c.sd a2, 8(a1)") X("c.fsd fa0, 16(a1)") X("c.swsp a0, 4(sp)") X("c.sdsp a2, 8(sp)") \
  X("c.fsdsp fa0, 24(sp)")
#define LONG_STORES(X) X("sw a0, 4(a1)") X("sd a2, 8(a1)") X("fsd fa0, 16(a1)") X("sw a0, 4(sp)") X("sd a2, 8(sp)") X("fsd fa0, 24(sp)")

#define WORD(text) ".balign 8, 0\n" text "\n"
#define NAME(text) text,
#define LIST(label, list) \
  __asm__(".pushsection .rodata." #label ", \"a\"\n.option push\n.option arch, +h, +zfh\n.balign 8\n" \
    #label ":\n" list(WORD) ".balign 8, 0\n.option pop\n.popsection"); \
  extern const u64 label[]; \
  static const char *const label##_names[] __attribute__((unused)) = { list(NAME) }

__asm__(".option push\n.option norvc");
LIST(loads, LOADS);
LIST(half_loads, HALF_LOADS);
LIST(stores, STORES);
LIST(atomics, ATOMICS);
LIST(reserves, RESERVES);
LIST(guest_loads, GUEST_LOADS);
LIST(guest_stores, GUEST_STORES);
LIST(long_loads, LONG_LOADS);
LIST(long_stores, LONG_STORES);
__asm__(".option pop");
LIST(short_loads, SHORT_LOADS);
LIST(short_stores, SHORT_STORES);

static int zeros;

/* The transformation, from the 32-bit form; `offset`: how far into the access the fault is. */
static u64 transformed(u32 insn, int offset) {
  u64 place = (u64)offset << 15;
  switch (insn & 0x7f) {
    case 0x03: case 0x07: return (insn & 0x00007fff) | place;
    case 0x23: case 0x27: return (insn & 0x01f0707f) | place;
    default: return (insn & ~0xf8000u) | place;
  }
}

/* Zero is allowed for a transformed instruction; how often it came is noted at the end. */
static int shown(u64 want) {
  if (last.tinst == 0) zeros++;
  return last.tinst == 0 || last.tinst == want;
}

/*
 * a1 and sp start at TEST_VA, whose page the G-stage lacks: every base register and immediate stays inside it or is the page before (also
 * missing).
 */
static void one(const char *name, u32 insn, u32 full, int mode, u64 cause) {
  u64 want = transformed(full, 0) & ~((insn & 3) == 3 ? 0ul : 2ul);
  for (int to_hs = 0; to_hs < 2; to_hs++) {
    CSR_WRITE(medeleg, to_hs ? BIT(cause) : 0);
    CSR_WRITE(hstatus, HSTATUS_SPVP);
    u64 va = TEST_VA + 0x800;
    run_insn(mode, insn, 0, va);
    long distance = (long)(last.tval - va);
    check(last.to == (to_hs ? HS : M) && last.cause == cause && distance >= -8 && distance < 2048
      && last.tval2 == (last.tval - TEST_VA + TEST_GPA) >> 2 && shown(want),
          "%s, %s: transformed", name, to_hs ? "htinst" : "mtinst");
    if (last.tinst != 0 && last.tinst != want) note("  want %lx", want);
  }
  CSR_WRITE(medeleg, 0);
}

static int is_float(const char *name) { return name[0] == 'f' || (name[0] == 'c' && name[2] == 'f'); }

static void rows(const u64 *insns, const u64 *full, const char *const *names, unsigned count, int mode, u64 cause) {
  for (unsigned i = 0; i < count; i++) {
    u32 insn = (u32)insns[i];
    if (!has.fp && is_float(names[i])) continue;
    one(names[i], (insn & 3) == 3 ? insn : insn & 0xffff, (u32)full[i], mode, cause);
  }
}
#define ROWS(list, full, mode, cause) rows(list, full, list##_names, COUNT(list##_names), mode, cause)

/* Misaligned over a page end: the fault is in the second page, and the address offset says how far in. */
static void misaligned(const u64 *insns, const char *const *names, unsigned count, int mode, u64 cause) {
  if (!has.misaligned) { skip(names[0], "misaligned accesses trap"); return; }
  spaces(SV39, SV39);
  map_vs(TEST_VA + 0x1000, TEST_GPA + 0x1000, 0, RWXAD);
  fence();
  for (unsigned i = 0; i < count; i++) {
    u32 insn = (u32)insns[i];
    if (!has.fp && is_float(names[i])) continue;
    int opcode = insn & 0x7f, guest = opcode == 0x73;
    int size = guest ? 1 << (insn >> 26 & 3) : 1 << (insn >> 12 & 3);
    long imm = guest ? 0 : opcode & 0x20 ? (long)((int)insn >> 25) * 32 + (insn >> 7 & 31) : (int)insn >> 20;
    for (int part = 1; part < size; part += size == 8 ? 3 : 1) {
      u64 va = TEST_VA + 0x1000 - (u64)part;
      run_insn(mode, insn, 0, va - (u64)imm);
      u64 want = transformed(insn, part);
      check(took(M, cause, TEST_VA + 0x1000) && last.tval2 == (TEST_GPA + 0x1000) >> 2 && shown(want),
        "%s, second page after %d bytes: address offset", names[i], part);
      if (last.tinst != 0 && last.tinst != want) note("  want %lx", want);
    }
  }
}

/* A store-conditional whose page the G-stage makes read-only. */
static void conditional(void) {
  static const u32 codes[][2] = { { 0x1005a62f, 0x18d5a52f }, { 0x1005b62f, 0x1ed5b52f } }; /* lr a2, (a1); sc a0, a3, (a1): .w, .d.aqrl */
  for (unsigned i = 0; i < COUNT(codes); i++) {
    spaces(SV39, SV39);
    *test_gpte = PTE(DATA, V_ | R_ | U_ | A_ | D_);
    fence();
    run_code(VS, codes[i], 2, 0, TEST_VA + 0x800, 0, 0);
    check(took(M, STORE_GUEST, TEST_VA + 0x800) && shown(transformed(codes[i][1], 0)), "sc.%c: transformed", i ? 'd' : 'w');
  }
}

/* What is not an explicit access shows nothing. */
static void nothing(void) {
  static const struct { const char *name; u32 insn; u64 cause; } cases[] = {
    { "illegal instruction", 0x30002573, ILLEGAL }, { "virtual instruction", 0x60002573, VIRTUAL },
    { "breakpoint", 0x00100073, BREAKPOINT }, { "ecall", 0x73, ECALL_VS },
  };
  for (unsigned i = 0; i < COUNT(cases); i++) {
    CSR_WRITE(mtinst, 0x3000);
    CSR_WRITE(mtval2, 0x1234);
    run_insn(VS, cases[i].insn, 0, 0);
    check(last.cause == cases[i].cause && last.tinst == 0 && last.tval2 == 0, "%s: mtinst and mtval2 are zero", cases[i].name);
    CSR_WRITE(medeleg, BIT(cases[i].cause));
    CSR_WRITE(htinst, 0x3000);
    CSR_WRITE(htval, 0x1234);
    run_insn(VS, cases[i].insn, 0, 0);
    check(last.to == HS && last.cause == cases[i].cause && last.tinst == 0 && last.tval2 == 0, "%s: htinst and htval are zero",
      cases[i].name);
    CSR_WRITE(medeleg, 0);
  }
  access(VS, FETCH, TEST_VA);
  check(took(M, FETCH_GUEST, TEST_VA) && last.tinst == 0, "instruction guest page fault: mtinst is zero");
}

void tinst_cases(void) {
  spaces(SV39, SV39);
  *test_gpte = 0;
  fence();
  ROWS(loads, loads, VS, LOAD_GUEST);
  ROWS(stores, stores, VS, STORE_GUEST);
  ROWS(atomics, atomics, VS, STORE_GUEST);
  ROWS(reserves, reserves, VS, LOAD_GUEST);
  ROWS(guest_loads, guest_loads, HS, LOAD_GUEST);
  ROWS(guest_stores, guest_stores, HS, STORE_GUEST);
  ROWS(short_loads, long_loads, VS, LOAD_GUEST);
  ROWS(short_stores, long_stores, VS, STORE_GUEST);
  run_insn(M, (u32)half_loads[0], 0, DATA);
  if (completed()) ROWS(half_loads, half_loads, VS, LOAD_GUEST);
  else skip("flh", "no Zfhmin");
  nothing();
  misaligned(loads, loads_names, COUNT(loads_names), VS, LOAD_GUEST);
  misaligned(stores, stores_names, COUNT(stores_names), VS, STORE_GUEST);
  CSR_WRITE(hstatus, HSTATUS_SPVP);
  misaligned(guest_loads, guest_loads_names, COUNT(guest_loads_names), HS, LOAD_GUEST);
  misaligned(guest_stores, guest_stores_names, COUNT(guest_stores_names), HS, STORE_GUEST);
  conditional();
  note("transformed instructions given as zero: %d", zeros);
  reset();
}
