/* Every register of the hypervisor extension: which bits hold what is written, which are read-only. 
 * @spec priv 21.2.1, 21.2.2, 21.2.3, 21.2.4, 21.2.5, 21.2.6, 21.2.7, 21.2.8, 21.2.9, 21.2.10, 21.2.11, 21.2.12, 21.2.13, 21.2.14, 21.2.15
 * @spec priv 21.2.16
 * @spec priv 21.2.17, 21.2.18, 21.4.2, 21.4.3, 21.4.4, 21.4.5
 */
#include "hyp.h"

/* `one`: bits that must be writable; `zero`: bits that must read as zero whatever is written. Others are the implementation's choice. */
static const struct { u16 number; const char *name; u64 one, zero; } registers[] = {
  { hstatus, "hstatus", 0x7003c0, ~0x3003f03e0ul & ~0x7003c0ul & ~0x3000000000000ul & ~0x20ul },
  { hedeleg, "hedeleg", 0x0cb1fe, 0xf14e00 },
  { hideleg, "hideleg", 0x444, 0x1222 | 0x888 },
  { hvip, "hvip", 0x444, 0xfbbb & ~0ul },
  { hie, "hie", 0x444, 0xebbb },
  { hgeie, "hgeie", 0, 1 },
  { hcounteren, "hcounteren", 0, ~0xfffffffful },
  { htimedelta, "htimedelta", ~0ul, 0 },
  { htval, "htval", 0, 0 },
  { htinst, "htinst", 0x3020, 0 },
  { henvcfg, "henvcfg", 1, 0x1ffffff80000000 & ~0x300000000ul & ~(1ul << 59) },
  { vsstatus, "vsstatus", 0xc6122, 0x01f29819 & ~0x6000000ul & ~0x1800000ul },
  { vsie, "vsie (hideleg open)", 0x222, ~0x2222ul },
  { vstvec, "vstvec", ~3ul, 2 },
  { vsscratch, "vsscratch", ~0ul, 0 },
  { vsepc, "vsepc", 0xfffffffffffffffcul & 0x3fffffffffful, 1 },
  { vscause, "vscause", INTERRUPT | 0x1f, 0 },
  { vstval, "vstval", 0x3fffffffff, 0 },
  { mtval2, "mtval2", 0, 0 },
  { mtinst, "mtinst", 0x3020, 0 },
  { medeleg, "medeleg", 0xfcb1ff & ~1ul, 1ul << 11 | 1ul << 16 },
  { mie, "mie", 0xeee, 0x111 },
};

/* Writes and reads back in one probe: the trap that ends a probe writes registers of its own. */
static u64 kept(int number, u64 value) {
  u32 code[] = { csr_insn(number, 1), csr_insn(number, 0) };
  return run_code(M, code, 2, value, 0, 0, 0)->a[0];
}

static void masks(void) {
  for (unsigned i = 0; i < COUNT(registers); i++) {
    reset();
    csr_set(hideleg, -1ul);
    csr_set(menvcfg, -1ul);
    int number = registers[i].number;
    u64 one = registers[i].one, high = kept(number, -1ul);
    check_value(high & one, one, "%s keeps ones where it must", registers[i].name);
    check_value(high & registers[i].zero, 0, "%s keeps zeros where it must", registers[i].name);
    check_value(kept(number, 0) & one, 0, "%s can be cleared", registers[i].name);
    u64 pattern = 0x5a5aa5a55a5aa5a5ul & one;
    check_value(kept(number, pattern) & one, pattern, "%s holds a pattern", registers[i].name);
    check_value(kept(number, one & ~pattern) & one, one & ~pattern, "%s holds the opposite pattern", registers[i].name);
    csr_set(number, 0);
  }
  reset();
}

static void read_only(void) {
  check_value(csr_get(misa) >> 7 & 1, 1, "misa.H is set");
  csr_set(mideleg, 0);
  check_value(csr_get(mideleg) & 0x444, 0x444, "mideleg: VS interrupts are always delegated");
  csr_set(mideleg, -1ul);
  check_value(csr_get(mideleg) & 0x444, 0x444, "mideleg: and stay so");
  csr_set(hstatus, -1ul);
  check_value(csr_get(hstatus) >> 32 & 3, 2, "hstatus.VSXL is 2");
  csr_set(vsstatus, -1ul);
  check_value(csr_get(vsstatus) >> 32 & 3, 2, "vsstatus.UXL is 2");
  check_value(csr_get(vsstatus) >> 63, 1, "vsstatus.SD says that FS is dirty");
  csr_set(vsstatus, 0);
  check_value(csr_get(vsstatus) >> 63, 0, "vsstatus.SD is clear with FS");
  u64 geilen = csr_get(hgeie);
  csr_set(hgeie, -1ul);
  geilen = csr_get(hgeie);
  check((geilen & (geilen + 2)) == 0, "hgeie: implemented bits are adjacent from bit 1 (%lx)", geilen);
  check_value(csr_get(hgeip) & ~geilen, 0, "hgeip has no bits beyond hgeie's");
  check(geilen == 0 || (csr_get(mideleg) >> 12 & 1), "mideleg.SGEI is one if there are guest external interrupts");
  csr_set(hgeie, 0);
  reset();
}

static void address_registers(void) {
  static const u8 modes[] = { BARE, SV39, SV48, SV57 };
  for (unsigned i = 0; i < COUNT(modes); i++) {
    int there = modes[i] <= SV39 || (modes[i] == SV48 ? has.sv48 : has.sv57);
    if (!there) { skip("hgatp, vsatp", "mode not implemented"); continue; }
    u64 value = modes[i] == BARE ? 0 : (u64)modes[i] << 60 | 0x81234;
    csr_set(hgatp, value);
    check_value(csr_get(hgatp), value, "hgatp takes mode %d", modes[i]);
    csr_set(vsatp, value | 1);
    check_value(csr_get(vsatp) >> 60, modes[i], "vsatp takes mode %d", modes[i]);
  }
  csr_set(hgatp, (u64)SV39 << 60 | 0x80007);
  check_value(csr_get(hgatp) & 3, 0, "hgatp: the root is aligned to 16 KiB");
  csr_set(hgatp, (u64)SV39 << 60 | 0xfffful << 44);
  u64 vmid = csr_get(hgatp) >> 44 & 0xffff;
  check((vmid & (vmid + 1)) == 0 && vmid <= 0x3fff, "hgatp: VMID bits are the low ones, 14 at most (%lx)", vmid);
  for (int mode = 1; mode < 16; mode++) {
    if (mode >= SV39 && mode <= SV57) continue;
    csr_set(hgatp, (u64)SV39 << 60 | 0x80000);
    csr_set(hgatp, (u64)mode << 60 | 0x81000);
    u64 got = csr_get(hgatp) >> 60;
    check(got == BARE || got == SV39 || got == SV48 || got == SV57, "hgatp: reserved mode %d leaves a legal one (%lx)", mode, got);
    csr_set(vsatp, (u64)SV39 << 60 | 0x80000);
    csr_set(vsatp, (u64)mode << 60 | 0x81000);
    got = csr_get(vsatp) >> 60;
    check(got == BARE || got == SV39 || got == SV48 || got == SV57, "vsatp: reserved mode %d leaves a legal one (%lx)", mode, got);
  }
  reset();
  /* In VS mode a write of satp with a reserved mode is ignored altogether. */
  csr_set(vsatp, 0);
  run_insn(VS, csr_insn(satp, 1), 5ul << 60 | 0x1234, 0);
  check_value(csr_get(vsatp), 0, "satp in VS mode: a write of a reserved mode is ignored");
  reset();
}

/* A bit that menvcfg withholds is read-only zero in henvcfg. @spec priv 3.1.18, 21.2.5 */
static void environment(void) {
  static const struct { const char *name; u64 bit; } bits[] = { { "ADUE", ENV_ADUE }, { "PBMTE", ENV_PBMTE }, { "STCE", ENV_STCE } };
  for (unsigned i = 0; i < COUNT(bits); i++) {
    csr_set(menvcfg, -1ul);
    if ((csr_get(menvcfg) & bits[i].bit) == 0) { skip(bits[i].name, "not implemented"); continue; }
    csr_set(henvcfg, bits[i].bit);
    check_value(csr_get(henvcfg) & bits[i].bit, bits[i].bit, "henvcfg.%s can be set while menvcfg has it", bits[i].name);
    csr_set(menvcfg, 0);
    check_value(csr_get(henvcfg) & bits[i].bit, 0, "henvcfg.%s reads zero without menvcfg's", bits[i].name);
    csr_set(henvcfg, bits[i].bit);
    check_value(csr_get(henvcfg) & bits[i].bit, 0, "henvcfg.%s cannot be set without it", bits[i].name);
    csr_set(henvcfg, 0);
  }
  csr_set(menvcfg, -1ul);
  static const struct { u16 number; const char *name; } rows[] = { { henvcfg, "henvcfg" }, { senvcfg, "senvcfg" }, { menvcfg, "menvcfg" } };
  for (unsigned i = 0; i < COUNT(rows); i++) {
    csr_set(rows[i].number, 0x20);
    check((csr_get(rows[i].number) >> 4 & 3) != 2, "%s.CBIE: 2 is not a legal value", rows[i].name);
  }
  reset();
}

/* Windows on the same bits. @spec priv 21.2.3, 21.2.12, 21.4.3 */
static void aliases(void) {
  static const struct { const char *what; u16 set; u64 value; u16 get; u64 mask, want; } rows[] = {
    { "hvip.VSSIP is hip.VSSIP", hvip, 4, hip, 0x444, 4 },
    { "hvip.VSTIP is hip.VSTIP", hvip, 0x40, hip, 0x444, 0x40 },
    { "hvip.VSEIP is hip.VSEIP", hvip, 0x400, hip, 0x444, 0x400 },
    { "hvip is mip", hvip, 0x444, mip, 0x444, 0x444 },
    { "hip.VSSIP is hvip.VSSIP", hip, 0x444, hvip, 0x444, 4 },
    { "mip.VSSIP is hvip.VSSIP", mip, 0x444, hvip, 0x444, 4 },
    { "hie is mie", hie, 0x444, mie, 0x444, 0x444 },
    { "mie is hie", mie, 0x444, hie, 0x444, 0x444 },
    { "sie has no VS bits", mie, 0x444, sie, 0x444, 0 },
    { "sip has no VS bits", hvip, 0x444, sip, 0x444, 0 },
  };
  for (unsigned i = 0; i < COUNT(rows); i++) {
    reset();
    csr_set(rows[i].set, rows[i].value);
    check_value(csr_get(rows[i].get) & rows[i].mask, rows[i].want, "%s", rows[i].what);
  }
  for (int bit = 2; bit <= 10; bit += 4) {
    reset();
    csr_set(hvip, 0x444);
    csr_set(hie, 0x444);
    csr_set(hideleg, BIT(bit));
    check_value(csr_get(vsip), BIT(bit - 1), "vsip shows bit %d one lower, if hideleg has it", bit);
    check_value(csr_get(vsie), BIT(bit - 1), "vsie shows bit %d one lower, if hideleg has it", bit);
    csr_set(vsip, 0);
    check_value(csr_get(hvip), bit == 2 ? 0x440 : 0x444, "vsip: only the software bit can be cleared (%d)", bit);
    csr_set(vsie, 0);
    check_value(csr_get(hie), 0x444 & ~BIT(bit), "vsie clears just the delegated bit %d", bit);
  }
  reset();
  csr_set(hvip, 0);
  csr_set(hideleg, 0);
  csr_set(vsip, 2);
  check_value(csr_get(hvip), 0, "vsip.SSIP is read-only zero without hideleg");
  csr_set(hideleg, 4);
  csr_set(vsip, 2);
  check_value(csr_get(hvip), 4, "vsip.SSIP writes hvip.VSSIP with it");
  reset();
}

/* In VS mode the supervisor's names mean the guest's registers, and the supervisor's own are untouched. @spec priv 21.2 */
static void substitution(void) {
  static const struct { const char *name; u16 s, vs; u64 value; } rows[] = {
    { "sstatus", sstatus, vsstatus, 0xc6000 }, { "sie", sie, vsie, 0x222 }, { "stvec", stvec, vstvec, VS_VECTOR },
    { "sscratch", sscratch, vsscratch, 0x1234 },
    { "sepc", sepc, vsepc, 0x4320 }, { "scause", scause, vscause, 13 }, { "stval", stval, vstval, 0x5678 }, { "sip", sip, vsip, 2 },
    { "satp", satp, vsatp, 0 },
  };
  for (unsigned i = 0; i < COUNT(rows); i++) {
    csr_set(hideleg, 0x444);
    csr_set(mideleg, 0x222);
    csr_set(rows[i].vs, rows[i].vs == vstvec ? VS_VECTOR : 0);
    u64 before = csr_get(rows[i].s) & ~MSTATUS_SPIE & ~MSTATUS_SPP;
    run_insn(VS, csr_insn(rows[i].s, 1), rows[i].value, 0);
    u64 mask = rows[i].vs == vsstatus ? rows[i].value : -1ul;
    check_value(csr_get(rows[i].vs) & mask, rows[i].value, "%s written in VS mode is vs%s", rows[i].name, rows[i].name + 1);
    check_value(csr_get(rows[i].s) & ~MSTATUS_SPIE & ~MSTATUS_SPP, before, "%s of HS mode keeps its value", rows[i].name);
    check_value(run_insn(VS, csr_insn(rows[i].s, 0), 0, 0)->a[0] & mask, rows[i].value, "%s reads back in VS mode", rows[i].name);
    reset();
  }
}

/* Smstateen: bit 63 at each level. @spec priv 4.1 */
static void state_enable(void) {
  if (!has.stateen) { skip("stateen", "no Smstateen"); return; }
  for (int i = 0; i < 4; i++) {
    csr_set(mstateen0 + i, -1ul);
    check_value(csr_get(mstateen0 + i) >> 63, 1, "mstateen%d.SE can be set", i);
    csr_set(hstateen0 + i, -1ul);
    check_value(csr_get(hstateen0 + i) >> 63, 1, "hstateen%d.SE can be set", i);
    run_insn(HS, csr_insn(hstateen0 + i, 0), 0, 0);
    check(completed(), "hstateen%d is there for HS mode with mstateen's SE", i);
    run_insn(VS, csr_insn(sstateen0 + i, 0), 0, 0);
    check(completed(), "sstateen%d is there for VS mode with both SE", i);
    csr_set(hstateen0 + i, 0);
    run_insn(VS, csr_insn(sstateen0 + i, 0), 0, 0);
    check(last.to == M && last.cause == VIRTUAL, "sstateen%d in VS mode without hstateen's SE: virtual instruction", i);
    csr_set(hstateen0 + i, -1ul);
    csr_set(mstateen0 + i, 0);
    check_value(csr_get(hstateen0 + i) >> 63, 0, "hstateen%d.SE reads zero without mstateen's", i);
    run_insn(HS, csr_insn(hstateen0 + i, 0), 0, 0);
    check(last.to == M && last.cause == ILLEGAL, "hstateen%d in HS mode without mstateen's SE: illegal instruction", i);
    run_insn(VS, csr_insn(sstateen0 + i, 0), 0, 0);
    check(last.to == M && last.cause == ILLEGAL, "sstateen%d in VS mode without mstateen's SE: illegal instruction", i);
  }
  csr_set(mstateen0, BIT(63));
  run_insn(HS, csr_insn(henvcfg, 0), 0, 0);
  check(last.cause == ILLEGAL, "henvcfg in HS mode without mstateen0.ENVCFG: illegal instruction");
  csr_set(mstateen0, -1ul);
  csr_set(hstateen0, BIT(63));
  run_insn(VS, csr_insn(senvcfg, 0), 0, 0);
  check(last.cause == VIRTUAL, "senvcfg in VS mode without hstateen0.ENVCFG: virtual instruction");
  csr_set(hstateen0, -1ul);
  run_insn(VS, csr_insn(senvcfg, 0), 0, 0);
  check(completed(), "senvcfg in VS mode with hstateen0.ENVCFG");
  reset();
}

void csr_cases(void) {
  masks();
  read_only();
  address_registers();
  environment();
  aliases();
  substitution();
  state_enable();
}
