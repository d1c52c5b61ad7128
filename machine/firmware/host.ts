/**
 * The interface between machine and built-in firmware. The firmware takes the place of M-mode code: the machine delegates to S mode
 * everything that OpenSBI delegates and passes the rest, in practice the environment calls from S mode, to `Firmware.ecall`.
 */
import type { EventQueue, HartApi, PhysicalMemory } from '../api.ts';

export interface Firmware {
  /**
   * A hart executed `ecall` in HS mode. Arguments are in a0 … a7; the firmware leaves its answer in a0 and a1. The machine continues after
   * the `ecall`, unless the firmware has parked or redirected the hart or stopped the machine.
   */
  ecall(hart: HartApi): void;
}

export interface FirmwareHost {
  readonly harts: readonly HartApi[];
  readonly memory: PhysicalMemory;
  readonly events: EventQueue;
  /** The cycle at which `time` shows this tick. */
  cycleOfTick(tick: number): number;
  /** Sets or clears a bit of `mip` that M-mode software may write (SSIP 1, STIP 5). */
  setPending(hart: number, bit: number, level: boolean): void;
  /** The hart executes nothing from now on, whatever interrupts come, until `start`. */
  park(hart: number): void;
  /** The hart starts in S mode, untranslated, interrupts off: a0 = its number, a1 = `opaque`. @spec sbi 9.1 */
  start(hart: number, pc: bigint, opaque: bigint): void;
  /** The hart waits as if in `wfi` (it wakes for any enabled pending interrupt). */
  wait(hart: number): void;
  /** Does it wait? */
  waits(hart: number): boolean;
  stop(reason: { kind: 'poweroff' | 'reset'; code: number }): void;
}
