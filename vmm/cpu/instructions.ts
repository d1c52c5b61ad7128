/** What the guest's kernel does in S mode, as the supervisor in software performs it: privileged instructions, and traps to its handler. */
import { createDecoder, type Decoded } from '../../hardware/isa/decode.ts';
import { FULL_ISA } from '../../hardware/isa/table.ts';
import { causeText } from '../../hardware/isa/causes.ts';
import type { Sys } from '../../microkernel/abi/index.ts';
import { RepeatedFaults } from '../faults.ts';
import { Trap, type Lent } from './lent.ts';
import type { MemoryFaults } from './memory-faults.ts';
import type { Outcome } from './supervisor.ts';

const decode = createDecoder(FULL_ISA);
const hex = (value: bigint): string => `0x${BigInt.asUintN(64, value).toString(16)}`;

export class Instructions {
  readonly #cpu: Lent;
  readonly #memory: MemoryFaults;
  readonly #faults = new RepeatedFaults();

  constructor(cpu: Lent, memory: MemoryFaults) {
    this.#cpu = cpu;
    this.#memory = memory;
  }

  /** An instruction that is illegal in U mode has trapped. */
  *trapped(word: number, pc: bigint): Sys<void> {
    const decoded = decode(word);
    if (yield* this.execute(decoded, pc)) this.#cpu.mayLookAhead();
    else this.reflect(Trap.illegal, BigInt(decoded.length === 4 ? word >>> 0 : word & 0xffff), pc);
  }

  /** One privileged instruction. False: there is no such thing for the guest, and nothing has happened. */
  *execute(decoded: Decoded, pc: bigint): Sys<boolean> {
    const cpu = this.#cpu, { supervisor } = cpu, { stimecmp, satp } = supervisor, outcome: Outcome = supervisor.execute(decoded, cpu.x);
    if (supervisor.stimecmp !== stimecmp) cpu.setTimer(supervisor.stimecmp);
    if (outcome === 'illegal') return false;
    cpu.setPc(typeof outcome === 'object' && 'jump' in outcome ? outcome.jump : pc + BigInt(decoded.length));
    if (typeof outcome === 'object' && 'fence' in outcome) {
      yield* this.#memory.changed(outcome.fence.address);
      yield* cpu.mmu.fence(cpu.sys, outcome.fence, cpu.view);
    } else if (supervisor.satp !== satp) yield* this.#memory.changed(undefined);
    if (outcome === 'wait') yield* cpu.waitForInterrupt();
    return true;
  }

  /** A trap into the guest's supervisor; ends a guest that only faults. */
  reflect(cause: bigint, value: bigint, pc: bigint): void {
    const { supervisor } = this.#cpu, told = { pc: supervisor.sepc, cause: Number(BigInt.asIntN(32, supervisor.scause)) };
    if (!supervisor.privileged || cause >> 63n !== 0n || cause === Trap.breakpoint) this.#faults.forget();
    else if (this.#faults.again(pc, Number(cause), value, told)) {
      const { first } = this.#faults;
      this.stop(`does nothing but fault: ${causeText(first.cause)} at pc ${hex(first.pc)}; `
        + `its trap handler at ${hex(supervisor.stvec)} faults as well (${causeText(Number(cause))}, value ${hex(value)})`);
    }
    this.#cpu.setPc(supervisor.trap(cause, value, pc));
    this.#cpu.mayLookAhead();
  }

  /** Ends the VM, and says where the guest was. */
  stop(why: string): void {
    const { vm, id, pc, supervisor: { privileged, satp } } = this.#cpu;
    vm.end({ kind: 'stopped', why: `vCPU ${id} ${why} (pc ${hex(pc)}, ${privileged ? 'S' : 'U'} mode, satp ${hex(satp)})` });
  }
}
