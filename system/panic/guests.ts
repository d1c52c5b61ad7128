/**
 * The processors of a virtual machine in the kernel: their registers, in hart or thread, and their memory through both stages of
 * translation.
 */
import { readMemory } from '../../machine/debug/memory.ts';
import { walk } from '../../machine/debug/translate.ts';
import type { Task } from '../../microkernel/objects/task.ts';
import type { Thread } from '../../microkernel/objects/thread.ts';
import { ThreadState } from '../../microkernel/objects/object.ts';
import { pcOf, registersOf } from '../../microkernel/state/user.ts';
import type { System } from '../system.ts';
import type { ReadWord } from './chain.ts';
import type { Processor } from './report.ts';
import { modeOfGuest, rootsOfThread, softwareOf, supervisorRegister } from './roots.ts';

const CSR = { sepc: 0x141, scause: 0x142, stval: 0x143 } as const;
const REGISTERS = 32;

/** Tasks of a component: its own, and those it has created from its factory. */
export function belongsTo(system: System, component: string): (task: Task) => boolean {
  return (task) => {
    const own = system.tally.taskNamed(component);
    return own !== undefined && (task.id === own || [...system.kernel.tasks].some((t) => t.id === own && t.factory === task.factory));
  };
}

/** Threads of a component that run its guest's code, oldest first; the monitor's own threads are left out. */
export function virtualProcessors(system: System, component: string): Thread[] {
  const own = system.tally.taskNamed(component), mine = belongsTo(system, component), found: Thread[] = [];
  for (const task of system.kernel.tasks) {
    if (task.id === own || !mine(task)) continue;
    found.push(...[...task.threads].filter(t => t.state !== ThreadState.dead));
  }
  return found;
}

export function processorOfThread(system: System, thread: Thread, number: number): Processor {
  const { machine } = system, roots = rootsOfThread(thread), x = registersOf(thread),
    csr = (n: number): bigint => supervisorRegister(thread, n) ?? 0n;
  return {
    name: `vCPU ${number}`, mode: modeText(thread), pc: pair(pcOf(thread), 0),
    x: Array.from({ length: REGISTERS }, (_, i) => pair(x, i)),
    lastTrap: csr(CSR.sepc) !== 0n ? { cause: csr(CSR.scause), pc: csr(CSR.sepc), value: csr(CSR.stval) } : undefined,
    read: wordReader((va, length) => readMemory(machine, roots, va, length)), walk: (va) => walk(machine.linear, roots, va),
  };
}

function modeText(thread: Thread): string {
  const mode = modeOfGuest(thread) === 0 ? 'U' : 'S';
  return softwareOf(thread) ? `${mode} mode in software (U mode of the machine)` : `V${mode} mode`;
}

/** Reads doublewords of a byte-wise memory. */
export function wordReader(read: (va: bigint, length: number) => Uint8Array | undefined): ReadWord {
  return (va) => {
    const bytes = read(va, 8);
    return bytes?.length === 8 ? new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true) : undefined;
  };
}

export const pair = (words: Int32Array, i: number): bigint => (BigInt(words[2 * i + 1]! >>> 0) << 32n) | BigInt(words[2 * i]! >>> 0);
