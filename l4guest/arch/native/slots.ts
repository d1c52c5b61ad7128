/** Registers of threads: the hart holds those of the thread last in user mode, this file those of the others. */
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
  /** The thread whose registers are in the hart. */
  owner: Slot | undefined;
  constructor(hart: HartApi) { this.#hart = hart; }

  /** Loads the registers of `t`, with the kernel's changes, into the hart. True: the hart held another thread's. */
  enter(thread: Thread): boolean {
    const hart = this.#hart, slot = (thread.hardware as Slot | undefined) ?? this.#make(thread), switched = slot !== this.owner;
    if (switched) {
      this.#save();
      hart.x.set(slot.registers.subarray(1, X), 1);
      hart.f.set(slot.registers.subarray(X));
      hart.pc = slot.pc;
      hart.fcsr = slot.fcsr;
      this.owner = slot;
    }
    this.#apply(thread);
    thread.loaded = Loaded.none;
    return switched;
  }
  #make(thread: Thread): Slot {
    const slot: Slot = { t: thread, registers: new BigInt64Array(2 * X), pc: 0n, fcsr: 0 };
    thread.hardware = slot;
    thread.loaded = Loaded.all;
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
  /** The newer part of the kernel's image: nothing, the arguments, or everything. */
  #apply(thread: Thread): void {
    const hart = this.#hart, { i32, big } = thread.regs;
    if (thread.loaded === Loaded.args) for (let i = ARGS_FROM; i < ARGS_FROM + ARGS; i++) hart.x32[i] = i32[i]!;
    if (thread.loaded !== Loaded.all) return;
    hart.x.set(big.subarray(1, X), 1);
    hart.f.set(big.subarray(X, 2 * X));
    hart.pc = big[PC]!;
    hart.fcsr = Number(big[FCSR]! & 0xffn);
  }

  /** Stores the arguments of a deferred call into the kernel's image. */
  saveArguments(thread: Thread): void {
    if (thread.loaded !== Loaded.none) return;
    for (let i = ARGS_FROM; i < ARGS_FROM + ARGS; i++) thread.regs.i32[i] = this.#hart.x32[i]!;
    thread.loaded = Loaded.args;
  }

  /** Stores all registers into the kernel's image, except a0 of a finished call. */
  load(thread: Thread): void {
    const slot = thread.hardware as Slot | undefined, { big } = thread.regs;
    if (thread.loaded === Loaded.all || !slot) return;
    if (slot === this.owner) this.#save();
    const a0 = thread.loaded === Loaded.args ? big[10]! : undefined;
    big.set(slot.registers);
    big[PC] = slot.pc;
    big[FCSR] = BigInt(slot.fcsr);
    if (a0 !== undefined) big[10] = a0;
    thread.loaded = Loaded.all;
  }

  drop(thread: Thread): void {
    if (this.owner === thread.hardware) this.owner = undefined;
    thread.hardware = undefined;
  }
}
