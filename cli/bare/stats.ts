/**
 * The object of `--stats`. A bare machine runs without the microkernel, so the kernel's counts are zero, and `exits` counts all traps of
 * all modes by cause.
 */
import type { Machine } from '../../machine/machine.ts';
import { footprint, type Footprint } from '../footprint.ts';
import type { Ending } from './session.ts';

export interface BareStats {
  readonly ending: string;
  readonly instructions: number;
  readonly cycles: number;
  readonly wallSeconds: number;
  readonly mips: number;
  readonly traps: number;
  readonly exits: Record<string, number>;
  readonly ipc: number;
  readonly addressSpaceSwitches: number;
  readonly kernelEntries: number;
  readonly tlb: Machine['tlb'];
  readonly engine: {
    regions: number; compileSeconds: number; interpretedInstructions: number; translatedInstructions: number; memory?: Footprint
  };
}

export function bareStats(machine: Machine, wallSeconds: number, ending: Ending): BareStats {
  const instructions = machine.instructions;
  const { regions, compileSeconds, interpretedInstructions, translatedInstructions } = machine.engine.stats();
  return {
    ending: ending.kind,
    instructions,
    cycles: machine.events.now,
    wallSeconds: round(wallSeconds),
    mips: round(instructions / 1e6 / wallSeconds),
    traps: trapCount(machine),
    exits: causes(machine),
    ipc: 0,
    addressSpaceSwitches: 0,
    kernelEntries: 0,
    tlb: machine.tlb,
    engine: { regions, compileSeconds: round(compileSeconds), interpretedInstructions, translatedInstructions, memory: footprint(machine) },
  };
}

/** Exceptions by code; interrupts stand from 64 on in the hart's counters. @spec priv 3.1.15, 21.6.1 */
const names: Readonly<Record<number, string>> = {
  0: 'instruction address misaligned', 1: 'instruction access fault', 2: 'illegal instruction', 3: 'breakpoint',
  4: 'load address misaligned',
  5: 'load access fault', 6: 'store address misaligned', 7: 'store access fault', 8: 'ecall from U', 9: 'ecall from S', 10: 'ecall from VS',
  11: 'ecall from M', 12: 'instruction page fault', 13: 'load page fault', 15: 'store page fault', 20: 'instruction guest-page fault',
  21: 'load guest-page fault', 22: 'virtual instruction', 23: 'store guest-page fault', 65: 'supervisor software interrupt',
  66: 'virtual supervisor software interrupt', 67: 'machine software interrupt', 69: 'supervisor timer interrupt',
  70: 'virtual supervisor timer interrupt', 71: 'machine timer interrupt', 73: 'supervisor external interrupt',
  74: 'virtual supervisor external interrupt', 75: 'machine external interrupt', 76: 'supervisor guest external interrupt',
};

/** All traps that the machine's harts have taken. */
export function trapCount(machine: Machine): number {
  return machine.harts.reduce((sum, hart) => sum + hart.traps.reduce((a, b) => a + b, 0), 0);
}

function causes(machine: Machine): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const hart of machine.harts) {
    hart.traps.forEach((count, cause) => {
      if (count === 0) return;
      const name = names[cause] ?? `cause ${cause}`;
      counts[name] = (counts[name] ?? 0) + count;
    });
  }
  return counts;
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
