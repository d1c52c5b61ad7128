/**
 * The two sides of the engine. Generated code (machine/engine) executes; the hart model in TypeScript (machine/hart) does the rare work:
 * table walks, devices, CSRs, traps, fences, exact floating point. They share only linear memory (layout.ts) and these two interfaces.
 */

/** The row number that `slow` gets for an instruction with a breakpoint: it returns LEAVE and retires nothing. */
export const BREAKPOINT = 0xffff;

/** Memory access kinds, as passed to `HartSide.load/store`: size in bytes, sign extension. */
export const LD = { b: 0, h: 1, w: 2, d: 3, bu: 4, hu: 5, wu: 6, fw: 7, fd: 8, fh: 9 } as const;

/**
 * The calls of generated code. Before each call HS.PC holds the address of the current instruction, and HS.BUDGET counts it as not yet
 * retired. Each returns a SLOW code: on NEXT the engine retires the instruction and continues; on JUMP or LEAVE the callee has retired it
 * if it completed (`retire(hart)`), and has not if it trapped.
 */
export interface HartSide {
  /** A load missed the TLB. HS.ADDR = address. On NEXT, HS.VALUE = the value, extended for `kind` (see LD; fw and fh: NaN-boxed). */
  load(hart: number, kind: number): number;
  /** A store missed. HS.ADDR, HS.VALUE; size = 1, 2, 4, 8. */
  store(hart: number, size: number): number;
  /** An atomic (LR, SC, AMO) missed or is misaligned, HS.ADDR = address: execute the whole instruction `insn`. */
  atomic(hart: number, insn: number): number;
  /**
   * No executable mapping for HS.PC in the TLB, or its code page has no records. Fills tagX and CODEMAP (through
   * `EngineSide.codePage`). NEXT = try again, JUMP/LEAVE after a fault.
   */
  fetch(hart: number): number;
  /**
   * An instruction whose row is `slow`, or one that generated code cannot finish (rounding, NaNs, FS off …): `row` is the index into
   * `rows` of hardware/isa/table.ts (0 = illegal: raise it with tval = insn as memory contains it), `insn` the raw bits (expanded, if it
   * was compressed).
   */
  slow(hart: number, row: number, insn: number): number;
  /** Fetches the halfword at HS.PC + 2, on another page: NEXT = it is in HS.VALUE; JUMP after a fault (tval = PC + 2). */
  fetchSecond(hart: number): number;
}

/** The calls of the hart model to the engine. Linear addresses name physical pages. */
export interface EngineSide {
  /**
   * Runs hart `index` from HS.PC until BUDGET is used up (0) or a slow path returns LEAVE (2). `resumed`: a debugger has interrupted the
   * slice, and its reservation still holds.
   */
  run(index: number, resumed?: boolean): number;
  /** Sets or removes a breakpoint on the instruction at this linear address; the engine then calls `slow` with row `BREAKPOINT`. */
  setBreak(linear: number, on: boolean): void;
  /** Ensures that the RAM page at this linear address has a decoded code page. The caller has dropped its write tags in all TLBs. */
  codePage(page: number): void;
  /** Drops decoded (and translated) code that overlaps [linear, linear + length). Cheap when there is none. */
  dropCode(linear: number, length: number): void;
  /** True when the page holds decoded code (so no TLB may give it a write tag). */
  hasCode(page: number): boolean;
  /** Counters for --stats: translated regions, those that span several pages, compile seconds, instructions by tier. */
  stats(): EngineStats;
}

export interface EngineStats {
  codePages: number;
  regions: number;
  widened: number;
  compileSeconds: number;
  interpretedInstructions: number;
  translatedInstructions: number;
}
