/** Registers of threads: those of the one that was in user mode last lie in the hart, those of the others here. */
import type { HartApi } from '../../../machine/api.ts';
import { Loaded, type Thread } from '../../kernel/thread.ts';

export interface Slot {
  readonly t: Thread;
  /** x0 … x31, f0 … f31. */
  readonly registers: BigInt64Array;
  pc: bigint;
  fcsr: number;
}
const X = 32, ARGS_FROM = 20, ARGS = 16, PC = 64, FCSR = 65;

export class Slots {
  readonly #hart: HartApi;
  /** Whose registers lie in the hart. */
  owner: Slot | undefined;
  constructor(hart: HartApi) { this.#hart = hart; }

  /** Puts the registers of `t` into the hart, with what the kernel has changed of them. True: somebody else's lay there. */
  enter(t: Thread): boolean {
    const hart = this.#hart, slot = (t.hardware as Slot | undefined) ?? this.#make(t), switched = slot !== this.owner;
    if (switched) {
      this.#save();
      hart.x.set(slot.registers.subarray(1, X), 1);
      hart.f.set(slot.registers.subarray(X));
      hart.pc = slot.pc;
      hart.fcsr = slot.fcsr;
      this.owner = slot;
    }
    this.#apply(t);
    t.loaded = Loaded.none;
    return switched;
  }
  #make(t: Thread): Slot {
    const slot: Slot = { t, registers: new BigInt64Array(2 * X), pc: 0n, fcsr: 0 };
    t.hardware = slot;
    t.loaded = Loaded.all;
    return slot;
  }
  #save(): void {
    const { owner } = this, hart = this.#hart;
    if (!owner) return;
    owner.registers.set(hart.x);
    owner.registers.set(hart.f, X);
    owner.pc = hart.pc;
    owner.fcsr = hart.fcsr;
  }
  /** What the kernel's image has that is newer: nothing, the arguments, or all. */
  #apply(t: Thread): void {
    const hart = this.#hart, { i32, big } = t.regs;
    if (t.loaded === Loaded.args) for (let i = ARGS_FROM; i < ARGS_FROM + ARGS; i++) hart.x32[i] = i32[i]!;
    if (t.loaded !== Loaded.all) return;
    hart.x.set(big.subarray(1, X), 1);
    hart.f.set(big.subarray(X, 2 * X));
    hart.pc = big[PC]!;
    hart.fcsr = Number(big[FCSR]! & 0xffn);
  }

  /** The arguments of a call that was put off, into the kernel's image. */
  saveArguments(t: Thread): void {
    if (t.loaded !== Loaded.none) return;
    for (let i = ARGS_FROM; i < ARGS_FROM + ARGS; i++) t.regs.i32[i] = this.#hart.x32[i]!;
    t.loaded = Loaded.args;
  }

  /** All registers into the kernel's image; a0 of a finished call stays as it is there. */
  load(t: Thread): void {
    const slot = t.hardware as Slot | undefined, { big } = t.regs;
    if (t.loaded === Loaded.all || !slot) return;
    if (slot === this.owner) this.#save();
    const a0 = t.loaded === Loaded.args ? big[10]! : undefined;
    big.set(slot.registers);
    big[PC] = slot.pc;
    big[FCSR] = BigInt(slot.fcsr);
    if (a0 !== undefined) big[10] = a0;
    t.loaded = Loaded.all;
  }

  drop(t: Thread): void {
    if (this.owner === t.hardware) this.owner = undefined;
    t.hardware = undefined;
  }
}
