/** The user registers of a thread while the server holds them: x0–x31, f0–f31, pc, fcsr, as in the kernel's UTCB state area. */
export const REGISTERS = 66;
const PC = 64, FCSR = 65;
export const Reg = { ra: 1, sp: 2, gp: 3, tp: 4, a0: 10, a1: 11, a2: 12, a7: 17 } as const;

export class Registers {
  readonly big = new BigInt64Array(REGISTERS);
  readonly i32 = new Int32Array(this.big.buffer);
  readonly u32 = new Uint32Array(this.big.buffer);
  /** Register n as a number: exact below 2^53. */
  x(n: number): number { return this.i32[2 * n + 1]! * 4294967296 + this.u32[2 * n]!; }
  setX(n: number, v: number): void { this.u32[2 * n] = v; this.i32[2 * n + 1] = Math.floor(v / 4294967296); }
  get pc(): number { return this.x(PC); }
  set pc(v: number) { this.setX(PC, v); }
  get fcsr(): number { return this.u32[2 * FCSR]!; }
  set fcsr(v: number) { this.big[FCSR] = BigInt(v); }
}

/** Sets of registers as ptrace and core dumps have them. @spec linux include/uapi/linux/elf.h */
export const NT = { PRSTATUS: 1, FPREGSET: 2 } as const;
/** The bytes of a set: pc, x1 … x31; or f0 … f31, fcsr. */
export function registerSet(registers: Registers, type: number): Uint8Array | undefined {
  const bytes = new Uint8Array(registers.big.buffer);
  if (type === NT.PRSTATUS) { const out = bytes.slice(0, 256); out.set(bytes.subarray(64 * 8, 65 * 8)); return out; }
  if (type !== NT.FPREGSET) return undefined;
  const out = new Uint8Array(264);
  out.set(bytes.subarray(32 * 8, 64 * 8));
  out.set(bytes.subarray(65 * 8, 65 * 8 + 4), 256);
  return out;
}
