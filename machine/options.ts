/** Options of a machine and of a run, and the reason why a run ended. */
import type { StopReason, Supervisor } from './api.ts';
import type { CpuModel } from './cpu/switch.ts';
import type { Tier } from './engine/engine.ts';

export interface MachineOptions {
  /** Bytes of RAM at RAM_BASE, a multiple of 4 KiB. */
  memoryBytes: number;
  harts?: number;
  /** ISA string; by default everything that instruction table and hart model implement. */
  isa?: string;
  /** The processor model (cpu/model.ts); by default one that follows the manual. */
  cpu?: CpuModel;
  /** Which engine tiers run; by default all, as they pay off. */
  engine?: Tier;
  /** Cycles of a hart's turn; when absent, 10,000, or 100,000 for a hart that is alone. */
  quantum?: number;
  /** Hosted: takes HS mode. */
  supervisor?: Supervisor;
  /** Hosted: the satp.MODE of `switchSpace`; Sv39 when absent. */
  hostedMode?: 'sv39' | 'sv48' | 'sv57';
}

export interface RunLimits {
  /** Stop after this many more instructions, over all harts: 'instructions'. Also when harts only take exceptions (`barren.ts`). */
  maxInstructions?: number;
  /**
   * Return after this many more cycles, at the end of a round: 'yield'. For hosts with other work to do; it does not change the machine's
   * results.
   */
  maxCycles?: number;
}

export type RunResult = StopReason | { kind: 'yield' };
