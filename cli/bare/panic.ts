/** The report of a kernel panic on the bare machine: the present state of its harts (system/panic). */
import { readMemory } from '../../machine/debug/memory.ts';
import { rootsOf, walk } from '../../machine/debug/translate.ts';
import type { Hart } from '../../machine/hart/hart.ts';
import { C } from '../../machine/hart/slots.ts';
import type { Machine } from '../../machine/machine.ts';
import { pair, wordReader } from '../../system/panic/guests.ts';
import { kallsyms } from '../../system/panic/kallsyms.ts';
import { FunctionNames } from '../../system/panic/names.ts';
import { panicReport, type Processor } from '../../system/panic/report.ts';

const REGISTERS = 32, MACHINE = 3;
/** Bytes of memory to search for a kernel's own symbols. */
const SEARCHED = 256 * 2 ** 20;

/** `symbols`: of the program that was loaded, or the user's; without any those that a Linux kernel carries in its memory. */
export function barePanic(machine: Machine, said: string, symbols: () => Iterable<readonly [string, number]>): string {
  const names = new FunctionNames(), { memory } = machine;
  names.add(symbols());
  if (names.size === 0) names.add(kallsyms(memory.view(memory.base, Math.min(memory.size, SEARCHED))) ?? []);
  const harts = machine.harts.filter((h) => !h.parked), last = Math.max(0, harts.findIndex((h) => !h.waiting));
  return panicReport({ who: 'the machine', said, processors: harts.map((h) => processorOf(machine, h)), last, names, exits: [] });
}

function processorOf(machine: Machine, hart: Hart): Processor {
  const [epc, cause, value] = hart.virt ? [C.vsepc, C.vscause, C.vstval] : hart.priv === MACHINE ? [C.mepc, C.mcause, C.mtval]
    : [C.sepc, C.scause, C.stval];
  const csr = (slot: number): bigint => pair(hart.c, slot / 2);
  return {
    name: `hart ${hart.id}`, mode: `${hart.virt ? 'V' : ''}${['U', 'S', '', 'M'][hart.priv]!} mode`, pc: pair(hart.pc32, 0),
      x: Array.from({ length: REGISTERS }, (_, i) => pair(hart.x32, i)),
    lastTrap: csr(epc) === 0n ? undefined : { cause: csr(cause), pc: csr(epc), value: csr(value) },
    read: wordReader((va, length) => readMemory(machine, hart, va, length)), walk: (va) => walk(machine.linear, rootsOf(hart), va),
  };
}
