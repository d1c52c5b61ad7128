/** The machine as a hart uses it. */
import type { Supervisor } from '../api.ts';
import type { CpuModel } from '../cpu/switch.ts';
import type { DebugHooks } from '../debug/hooks.ts';
import type { EngineSide } from '../engine/port.ts';
import type { Events } from '../events.ts';
import type { Firmware } from '../firmware/host.ts';
import type { Linear } from '../linear.ts';
import type { AddressBus } from '../bus.ts';
import type { TlbPool } from './tlb-pool.ts';
import type { Features } from './features.ts';
import type { Hart } from './hart.ts';

export interface HartHost {
  readonly linear: Linear;
  readonly features: Features;
  readonly model: CpuModel;
  readonly bus: AddressBus;
  readonly events: Events;
  readonly engine: EngineSide;
  readonly tlbs: TlbPool;
  /** The attached debugger. */
  readonly debug?: DebugHooks | undefined;
  /** Takes the traps into HS mode on a hosted machine. */
  readonly supervisor: Supervisor | undefined;
  /** Takes the environment calls of HS mode when there is no M-mode software. */
  readonly firmware: Firmware | undefined;
  /** satp.MODE that `switchSpace` writes: 8 = Sv39, 9 = Sv48, 10 = Sv57. */
  readonly hostedMode: number;
  /** The `time` counter: 10 MHz; it never runs backwards on any hart, unless software writes mtime. */
  ticks(): number;
  /** The cycle at which `time` reads this tick. */
  cycleOfTick(tick: number): number;
  /** A hart only faults (`Hart.nested`): stops the machine. */
  onlyFaults(hart: number): void;
  /** An interrupt input of this hart went up. */
  interruptRaised(hart: Hart): void;
}
