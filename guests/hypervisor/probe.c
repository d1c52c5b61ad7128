/* Running probes: into a mode with mret, out of it with whatever trap comes. */
#include "hyp.h"

struct frame { u64 a[4]; u64 sp; u64 saved; };
extern void enter(struct frame *);
extern u64 probe_status;

struct trap last;

#define ECALL 0x00000073u

/* Trap vectors of HS and VS are pages full of ecalls: the trap shows itself as a call from the vector, with their registers untouched. */
static void find_level(u64 vector_hs, u64 vector_vs) {
  last.to = M;
  last.entry = 0;
  last.cause = CSR_READ(mcause);
  last.epc = CSR_READ(mepc);
  last.tval = CSR_READ(mtval);
  last.tval2 = CSR_READ(mtval2);
  last.tinst = CSR_READ(mtinst);
  last.status = probe_status;
  if (last.cause == ECALL_HS && last.epc - vector_hs < 0x100) {
    last.to = HS;
    last.entry = (int)(last.epc - vector_hs);
    last.cause = CSR_READ(scause);
    last.epc = CSR_READ(sepc);
    last.tval = CSR_READ(stval);
    last.tval2 = CSR_READ(htval);
    last.tinst = CSR_READ(htinst);
    last.status = CSR_READ(hstatus);
  } else if (last.cause == ECALL_VS && last.epc - vector_vs < 0x100) {
    last.to = VS;
    last.entry = (int)(last.epc - vector_vs);
    last.cause = CSR_READ(vscause);
    last.epc = CSR_READ(vsepc);
    last.tval = CSR_READ(vstval);
    last.tval2 = last.tinst = 0;
    last.status = CSR_READ(vsstatus);
  }
}

static u64 end_address; /* the ecall behind a probe */

struct trap *run(int mode, u64 pc, u64 a0, u64 a1, u64 a2, u64 a3) {
  struct frame frame = { { a0, a1, a2, a3 }, a1, 0 };
  u64 vector_hs = CSR_READ(stvec) & ~3ul, vector_vs = CSR_READ(vstvec) & ~3ul;
  u64 status = CSR_READ(mstatus);
  CSR_WRITE(mstatus, (status & ~(MSTATUS_MPP | MSTATUS_MPV)) | (u64)(mode & 3) << 11 | (mode & 4 ? MSTATUS_MPV : 0));
  CSR_WRITE(mepc, pc);
  enter(&frame);
  find_level(vector_hs, vector_vs);
  for (int i = 0; i < 4; i++) last.a[i] = frame.a[i];
  if (last.to == M && last.cause - ECALL_U <= 3 && last.epc == end_address) last.to = 0;
  return &last;
}

static u64 probe_address(int mode) {
  int translated = mode == VU ? vs_mode != BARE : mode == U && (CSR_READ(satp) >> 60) != 0;
  return translated ? CODE + USER_ALIAS : CODE;
}

static struct trap *run_at(int mode, const u16 *code, int halfwords, u64 a0, u64 a1, u64 a2, u64 a3) {
  u16 *probe = (u16 *)CODE;
  memcpy(probe, code, (u64)halfwords * 2);
  probe[halfwords] = (u16)ECALL;
  probe[halfwords + 1] = (u16)(ECALL >> 16);
  __asm__ volatile("fence.i" : : : "memory");
  u64 pc = probe_address(mode);
  end_address = pc + (u64)halfwords * 2;
  return run(mode, pc, a0, a1, a2, a3);
}

struct trap *run_code(int mode, const u32 *words, int count, u64 a0, u64 a1, u64 a2, u64 a3) {
  return run_at(mode, (const u16 *)words, 2 * count, a0, a1, a2, a3);
}

struct trap *run_insn(int mode, u32 insn, u64 a0, u64 a1) {
  return run_at(mode, (const u16 *)&insn, (insn & 3) == 3 ? 2 : 1, a0, a1, 0, 0);
}

struct trap *access(int mode, int kind, u64 va) {
  static const u32 insns[] = {
    [LOAD] = 0x0005b503, [STORE] = 0x00a5b023, /* ld a0, 0(a1); sd a0, 0(a1) */
    [HLV] = 0x6c05c573, [HSV] = 0x6ea5c073, [HLVX] = 0x6835c573, /* hlv.d, hsv.d, hlvx.wu */
  };
  if (kind != FETCH) return run_insn(mode, insns[kind], 0x1122334455667788ul, va);
  end_address = va; /* the data page begins with an ecall */
  return run(mode, va, 0, 0, 0, 0);
}

int completed(void) { return last.to == 0; }
int took(int level, u64 cause, u64 tval) { return last.to == level && last.cause == cause && last.tval == tval; }

u32 csr_insn(int csr, int write) { return (u32)csr << 20 | (write ? 0x00051073u : 0x00002573u); }

u64 csr_get(int csr) { return run_insn(M, csr_insn(csr, 0), 0, 0)->a[0]; }
void csr_set(int csr, u64 value) { run_insn(M, csr_insn(csr, 1), value, 0); }
