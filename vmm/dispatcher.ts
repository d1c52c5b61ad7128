/**
 * Causes of exits: the state that each needs, and its handler. A handler works on the state in the UTCB and returns the groups to send
 * back.
 */
import { Cause, Mtd, causeName, type Sys } from '../microkernel/abi/index.ts';
import { COSTS } from './costs.ts';
import { onInstruction } from './exits/instruction.ts';
import { onMemory } from './exits/memory.ts';
import { onRecall, onStartup, onWfi } from './exits/run.ts';
import { onSbi } from './exits/sbi.ts';
import { onTrap } from './exits/trap.ts';
import type { Vcpu } from './vcpu.ts';

export type Handler = (v: Vcpu) => number | Sys<number>;
export interface Exit {
  readonly cause: Cause; /** Groups that the event brings. */
  readonly mtd: number; /** Cycles of its handling, besides the kernel's charges. */
  readonly cost: number;
  readonly handle: Handler
}

const exit = (cause: keyof typeof Cause, mtd: number, cost: number, handle: Handler): Exit => ({ cause: Cause[cause], mtd, cost, handle });
const general = Mtd.args | Mtd.regs | Mtd.pc, trapped = Mtd.pc | Mtd.vs | Mtd.mode;

export const exits: readonly Exit[] = [
  exit('startup', 0, COSTS.dispatch, onStartup),
  exit('recall', Mtd.irq, COSTS.dispatch, onRecall),
  exit('sbi', Mtd.args | Mtd.irq, COSTS.dispatch + COSTS.call, onSbi),
  exit('guestPageFault', Mtd.exit | Mtd.irq | general, COSTS.dispatch + COSTS.decode + COSTS.device, onMemory),
  exit('virtualInstruction', Mtd.exit | Mtd.irq | general | trapped, COSTS.dispatch + COSTS.decode, onInstruction),
  exit('wfi', Mtd.irq, COSTS.dispatch, onWfi),
  exit('guestTrap', Mtd.exit | Mtd.irq | general | trapped, COSTS.dispatch, onTrap),
];

/** Further state for look-ahead: the place and mode of the guest's code. */
export const AHEAD = trapped;

/** All of a guest's changeable state: every exit carries it with the option `fullState`. */
export const CHANGING = general | trapped | Mtd.fpu | Mtd.irq;

const byCause: Exit[] = [];
for (const e of exits) byCause[e.cause] = e;

export function exitOf(cause: number): Exit {
  const found = byCause[cause];
  if (!found) throw new Error(`a guest raises no event '${causeName(cause)}'`);
  return found;
}
