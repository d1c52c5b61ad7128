/**
 * The page of virtual state of one processor: what its guest's kernel reads and writes of the supervisor without leaving. The guest may
 * write anything there; the monitor believes nothing of it but whether interrupts are on, and sscratch.
 */
import type { Window } from '../../microkernel/abi/index.ts';

const SSTATUS = 0x100, SSCRATCH = 0x140, SEPC = 0x141, SCAUSE = 0x142, STVAL = 0x143;
/**
 * Bytes from the page's beginning, eight each. `pending`: an interrupt waits; `spill`: a register of the guest, while a stub runs;
 * `absent`: a page that no shadow has (memory/fenced-page.ts).
 */
export const Field = { status: 0, sepc: 8, scause: 16, stval: 24, sscratch: 32, pending: 40, spill: 48, absent: 56 } as const;
/** By number of the CSR. */
export const FIELD_OF: ReadonlyMap<number, number> = new Map([[SSTATUS, Field.status], [SEPC, Field.sepc], [SCAUSE, Field.scause],
  [STVAL, Field.stval], [SSCRATCH, Field.sscratch]]);

export class VirtualState {
  readonly #window: Window;
  constructor(window: Window) { this.#window = window; }

  low(field: number): number { return this.#window.u32(field); }
  setWords(field: number, low: number, high: number): void {
    this.#window.setU32(field, low);
    this.#window.setU32(field + 4, high);
  }
  get(field: number): bigint { return BigInt(this.#window.u32(field)) | (BigInt(this.#window.u32(field + 4)) << 32n); }
  set(field: number, value: bigint): void { this.setWords(field, Number(value & 0xffff_ffffn), Number((value >> 32n) & 0xffff_ffffn)); }
}
