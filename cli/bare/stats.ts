/** The object of `--stats`. A bare machine has no kernel of ours: what only the kernel counts is zero. */
import type { Machine } from '../../machine/machine.ts';
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
  readonly engine: { regions: number; compileSeconds: number; interpretedInstructions: number; translatedInstructions: number };
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
    traps: 0,
    exits: {},
    ipc: 0,
    addressSpaceSwitches: 0,
    kernelEntries: 0,
    engine: { regions, compileSeconds: round(compileSeconds), interpretedInstructions, translatedInstructions },
  };
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
