/**
 * The harts as the board's interrupt devices see them: one wire per hart and interrupt number. A wire is a level; the hart shows it in
 * `mip`. Interrupt controllers know harts through this alone.
 */

/** Interrupt numbers of `mip` that the board drives. @spec priv 3.1.9 */
export const HartIrq = { SSI: 1, STI: 5, SEI: 9, MSI: 3, MTI: 7, MEI: 11 } as const;
export type HartIrq = (typeof HartIrq)[keyof typeof HartIrq];

/** The counter behind mtime and `time`: ticks of 100 cycles. Values are exact below 2^53. */
export interface TickClock {
  ticks(): number;
  /** The cycle at which it reads `tick` at the present rate; a past cycle if it has passed it. */
  cycleOfTick(tick: number): number;
  /** Sets the counter to `tick`; it counts from there, and comparators follow. */
  setTicks(tick: number): void;
}

export interface HartWires {
  /** How many harts there are. */
  readonly count: number;
  /** Drives interrupt `irq` of hart `hart` from outside. For SSI, STI and SEI the wire is ORed with what software wrote. */
  drive(hart: number, irq: HartIrq, level: boolean): void;
  /** Guest external interrupts of each hart, from 1 on; drives one of them. */
  readonly guestLines: number;
  driveGuest(hart: number, line: number, level: boolean): void;
  /** Sets the hart's own pending bit of interrupt `irq`, once; its software clears it. */
  pulse(hart: number, irq: HartIrq): void;
}
