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
