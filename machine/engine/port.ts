/**
 * The two sides of the engine. Generated code (machine/engine) executes; the hart model in TypeScript (machine/hart) does
 * what is rare: table walks, devices, CSRs, traps, fences, exact floating point. They meet in linear memory (layout.ts)
 * and in these two interfaces, nowhere else.
 */

/** The row number with which `slow` asks about an instruction that has a breakpoint: the answer is LEAVE, nothing is retired. */
export const BREAKPOINT = 0xffff;

/** Memory access kinds, as passed to `HartSide.load/store`: size in bytes, sign extension. */
export const LD = { b: 0, h: 1, w: 2, d: 3, bu: 4, hu: 5, wu: 6, fw: 7, fd: 8, fh: 9 } as const;

/**
 * What generated code calls. Before each call HS.PC holds the address of the current instruction, HS.BUDGET counts it as
 * not yet retired. Answers are SLOW codes; on NEXT the engine retires the instruction and goes on. On JUMP or LEAVE the
 * callee has already retired it where it completed (`retire(hart)`) or not (a trap).
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
   * `EngineSide.codePage`). NEXT = look again, JUMP/LEAVE after a fault.
   */
  fetch(hart: number): number;
  /**
   * An instruction whose row says `slow`, or one that generated code hands over (rounding, NaNs, FS off …): `row` is the index into
   * `rows` of hardware/isa/table.ts (0 = illegal: raise it with tval = insn as it stands in memory), `insn` the raw bits (expanded, if it
   * was compressed).
   */
  slow(hart: number, row: number, insn: number): number;
  /** The halfword at HS.PC + 2, on another page, is needed: NEXT = it is in HS.VALUE; JUMP after a fault (tval = PC + 2). */
  fetchSecond(hart: number): number;
}

/** What the hart model asks of the engine. Physical pages are named by their linear address. */
export interface EngineSide {
  /**
   * Runs hart `index` from HS.PC until BUDGET is used up (0) or a slow path says LEAVE (2). `resumed`: a debugger has interrupted the
   * slice, its reservation holds.
   */
  run(index: number, resumed?: boolean): number;
  /** Sets or takes away a breakpoint on the instruction at this linear address: `slow` is then asked with row `BREAKPOINT`. */
  setBreak(linear: number, on: boolean): void;
  /**
   * Makes sure that the RAM page at this linear address has a decoded code page. The caller has dropped the write tags to it in all TLBs.
   */
  codePage(page: number): void;
  /** Forgets decoded (and translated) code that overlaps [linear, linear + length). Cheap when there is none. */
  dropCode(linear: number, length: number): void;
  /** True when the page holds decoded code (so no TLB may give it a write tag). */
  hasCode(page: number): boolean;
  /** Counters for --stats: translated regions, how many of them reached into other pages, compile seconds, instructions by tier. */
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
