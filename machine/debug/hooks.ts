/**
 * The questions of harts and run loop to a debugger. A machine without one pays a comparison at TLB misses and at the start of a slice, and
 * nothing inside a slice.
 */
import type { Hart } from '../hart/hart.ts';

export interface DebugHooks {
  /** A slice of this hart begins: the most cycles it may have; 0 = the hart is held. */
  begin(h: Hart): number;
  /** The slice is over. `interrupted`: it began with an interrupt. */
  end(h: Hart, interrupted: boolean): void;
  /**
   * Does the hart continue a slice that the debugger has interrupted (so that its reservation holds)? Asked before and after each slice;
   * true once.
   */
  resumes(h: Hart): boolean;
  /** Should the hart execute one instruction (or take one interrupt) only? */
  steps(h: Hart): boolean;
  /** Is the hart held while others run? */
  holds(h: Hart): boolean;
  /** The next instruction has a breakpoint. */
  reached(h: Hart): void;
  /** A page of code is about to be executed: virtual page of hi:lo, linear address of the page. True: the hart must not execute it now. */
  fetched(h: Hart, lo: number, hi: number, page: number): boolean;
  /** May the TLB hold tags for data in the page of hi:lo? */
  cacheable(lo: number, hi: number): boolean;
  /**
   * An instruction is about to read (or write) `size` bytes at hi:lo, in a page that is not in the TLB. True: the hart must not perform the
   * access now.
   */
  touches(h: Hart, lo: number, hi: number, size: number, write: boolean): boolean;
}
