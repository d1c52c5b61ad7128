/** How a machine is made, how long it runs, and why it came back. */
import type { StopReason, Supervisor } from './api.ts';
import type { CpuModel } from './cpu/switch.ts';
import type { Tier } from './engine/engine.ts';

export interface MachineOptions {
  /** Bytes of RAM at RAM_BASE, a multiple of 4 KiB. */
  memoryBytes: number;
  harts?: number;
  /** ISA string; everything that instruction table and hart model have, when absent. */
  isa?: string;
  /** The processor model (cpu/model.ts); one as the manual wants it, when absent. */
  cpu?: CpuModel;
  /** Which engine tiers run; all of them, as they pay, when absent. */
  engine?: Tier;
  /** Cycles of a hart's turn; when absent, 10,000, or 100,000 for a hart that is alone. */
  quantum?: number;
  /** Hosted: takes HS mode. */
  supervisor?: Supervisor;
  /** Hosted: the satp.MODE of `switchSpace`; Sv39 when absent. */
  hostedMode?: 'sv39' | 'sv48' | 'sv57';
}

export interface RunLimits {
  /** Stop after so many more instructions, over all harts: 'instructions'. Also when harts only take exceptions (`barren.ts`). */
  maxInstructions?: number;
  /**
   * Return after so many more cycles, at the end of a round: 'yield'. For hosts with other work now and then;
   * it does not change what the machine computes.
   */
  maxCycles?: number;
}

export type RunResult = StopReason | { kind: 'yield' };
