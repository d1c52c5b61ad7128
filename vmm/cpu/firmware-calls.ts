/** SBI calls of a guest that runs deprivileged: answered as by the firmware of any virtual machine; remote fences go to shadow spaces. */
import { Mtd, type Sys } from '../../microkernel/abi/index.ts';
import type { ShadowMmu } from '../memory/shadow-mmu.ts';
import { remoteFence } from '../sbi/rfence.ts';
import { A, maskedCpus, unsigned, type SbiCall } from '../sbi/sbi.ts';
import type { Lent } from './lent.ts';

/** The extension of remote fences. */
const RFENCE = 0x5246_4e43, PAGE = 4096;

export class FirmwareCalls {
  readonly #cpu: Lent;
  constructor(cpu: Lent) { this.#cpu = cpu; }

  /** A call of the guest's kernel to its firmware. */
  *call(): Sys<void> {
    const utcb = this.#cpu.utcb, vm = this.#cpu.vm;
    const call: SbiCall = {
      cpu: this.#cpu.self, machine: vm, utcb, extension: unsigned(utcb, A.a7), fid: unsigned(utcb, A.a6), wait: 'nothing',
      setTimer: (time) => this.#cpu.setTimer(time),
    };
    this.#fenceTargets = call.extension === RFENCE ? (maskedCpus(call, A.a0, A.a1) ?? []).flatMap((cpu) => this.#cpu.mmuOf(cpu)) : [];
    const answer = vm.sbi.call(call);
    this.#cpu.touched(Mtd.args);
    if (typeof call.wait === 'object') return yield* this.#resume(call.wait.resume, call.wait.opaque);
    if ('legacy' in answer) utcb.setX(A.a0, answer.legacy);
    else {
      utcb.setX(A.a0, answer.error);
      utcb.setX(A.a1, answer.value);
    }
    if (call.wait === 'fence') yield* this.#fenceOthers();
    if (call.wait === 'interrupt') yield* this.#cpu.waitForInterrupt();
    if (call.wait !== 'start') return;
    this.#cpu.self.started = false;
    yield* this.#cpu.begin();
  }
  /** Remote fences: of code (which the machine keeps coherent), of a range, of a range in one address space. @spec sbi 8 */
  *#fenceOthers(): Sys<void> {
    const { fid, start, pages, asid } = remoteFence(this.#cpu.utcb);
    if (fid === 0) return;
    for (const mmu of this.#fenceTargets) {
      if (pages === 0) yield* mmu.fence(this.#cpu.sys, asid);
      for (let i = 0; i < pages; i++) yield* mmu.fence(this.#cpu.sys, { ...asid, address: start + BigInt(i * PAGE) });
    }
    this.#fenceTargets = [];
  }
  #fenceTargets: readonly ShadowMmu[] = [];

  /** Sleeps, and then starts at the address that the guest gave. @spec sbi 9.1, 13.1 */
  *#resume(pc: bigint, opaque: bigint): Sys<void> {
    this.#cpu.self.suspended = true;
    yield* this.#cpu.waitForInterrupt();
    this.#cpu.self.suspended = false;
    yield* this.#cpu.begin({ pc, opaque });
  }
}
