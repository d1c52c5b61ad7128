/**
 * The machine as its users see it: `cli` builds one from a board description; the microkernel takes over its HS mode (hosted), or firmware
 * and guest software run on it alone (bare).
 *
 * Physical addresses are JavaScript numbers (below 2^53). Registers are 64-bit: `bigint` where exactness over the whole
 * range matters, `number` accessors where the caller knows that the value is small (addresses, counts, file descriptors).
 */

/** The supervisor of a hosted machine: the machine calls it whenever a hart would enter HS mode, or has nothing to run. */
export interface Supervisor {
  /**
   * A trap into HS mode. The hart's CSRs are as hardware leaves them (scause, sepc, stval, htval, htinst, sstatus.SPP, hstatus.SPV …).
   * On return the hart continues in the state that the supervisor has set (`hart.enter`), or waits (`hart.idle`).
   */
  trap(hart: HartApi): void;
  /** The hart is idle and an event it waited for (timer, device interrupt, `kick`) has come. Same contract as `trap`. */
  wake(hart: HartApi): void;
}

/** Why `Machine.run` returned. */
export type StopReason =
  | { kind: 'poweroff'; code: number } // test finisher, HTIF, SBI SRST: 0 = success
  | { kind: 'reset'; code: number } // reboot requested
  | { kind: 'onlyFaults'; hart: number } // its handler faults, and again, for ever: `harts[hart].nested` has the first of them
  | { kind: 'instructions' } // the given instruction limit is reached
  | { kind: 'stopped' } // `Machine.stop()` was called (console text seen, Ctrl-C)
  | { kind: 'debug' } // `Machine.debug` has stopped it, wherever it was; the next `run` goes on from there
  | { kind: 'deadlock' }; // every hart waits and no event or outside input can ever come

export interface HartApi {
  readonly id: number;
  /** x0 … x31 and f0 … f31, live, f right behind x in one buffer. Do not write x0. */
  readonly x: BigInt64Array;
  readonly f: BigInt64Array;
  /** The 32-bit halves of x: x32[2*i] low, x32[2*i+1] high. Faster than bigint. */
  readonly x32: Int32Array;
  /** Register i as a number: exact for |value| < 2^53. */
  num(i: number): number;
  setNum(i: number, value: number): void;
  pc: bigint;
  /** The pc as its 32-bit halves, low and high, live. */
  readonly pc32: Int32Array;
  /** pc as a number (exact below 2^53 in magnitude). */
  readonly pcNum: number;
  priv: 0 | 1 | 3;
  virt: boolean;
  fcsr: number;
  /** CSR by number, as HS (or M) software would read and write it: WARL rules apply, side effects happen. */
  csr(number: number): bigint;
  /**
   * The access by which a guest has left: htinst; or, where that says nothing, 2^32 plus the instruction, which the supervisor reads as the
   * guest would execute it, and which takes `cycles`; 0: it cannot.
   */
  leftBy(cycles: number): number;
  setCsr(number: number, value: bigint): void;
  /** Cause, tval … of the trap being handled, without bigint: scause code (interrupt bit stripped), is it an interrupt. */
  readonly causeCode: number;
  readonly causeIsInterrupt: boolean;
  readonly tvalNum: number;
  /** Hosted: go on in this mode at `pc`. The address space is whatever satp, hgatp and vsatp say. */
  enter(pc: bigint, priv: 0 | 1, virt: boolean): void;
  /** Like `enter`, at the pc as it is. */
  resume(priv: 0 | 1, virt: boolean): void;
  /** Advances the pc by this many bytes: past an `ecall`, or an instruction that the supervisor has emulated. */
  advance(bytes: number): void;
  /** Hosted: the hart's turn lasts longer, and no interrupt is pending: the supervisor may work on without a turn of the machine. */
  readonly undisturbed: boolean;
  /** Hosted: nothing to run; sleep until an event. */
  idle(): void;
  /**
   * Hosted: fast address-space switch for a U-mode thread: same as writing satp, without bigint. root = physical address; mode =
   * satp.MODE (8 … 10).
   */
  switchSpace(root: number, asid: number, mode?: number): void;
  /** Virtual time of this hart in cycles: instructions retired + charged. 1 cycle = 1 ns by convention. */
  readonly cycles: number;
  readonly instret: number;
  /** Adds cycles for work done by the supervisor or its servers. */
  charge(cycles: number): void;
  /** Hosted: raise a supervisor timer trap at exactly this cycle (Infinity = none), once; replaces the earlier one. */
  setTimer(cycle: number): void;
  /** Hosted, from another hart: raise a supervisor software interrupt trap there, once. */
  kick(): void;
  sfenceVma(va?: number, asid?: number): void;
  hfenceGvma(gpa?: number, vmid?: number): void;
}

/** Physical memory as TypeScript may use it: kernel, devices, loaders. Writes here keep decoded code coherent. */
export interface PhysicalMemory {
  readonly base: number; // RAM_BASE
  readonly size: number; // bytes of RAM
  isRam(pa: number, length: number): boolean;
  u8(pa: number): number;
  u16(pa: number): number;
  u32(pa: number): number;
  u64(pa: number): bigint;
  setU8(pa: number, v: number): void;
  setU16(pa: number, v: number): void;
  setU32(pa: number, v: number): void;
  setU64(pa: number, v: bigint): void;
  /** A live view for reading. */
  view(pa: number, length: number): Uint8Array;
  /** A live view for writing, at once: decoded code in the range is dropped now; do not keep the view across a `run`. */
  writable(pa: number, length: number): Uint8Array;
  write(pa: number, bytes: Uint8Array): void;
  fill(pa: number, length: number, byte: number): void;
  copy(to: number, from: number, length: number): void;
}

/** Device register access for the supervisor's device drivers and for harts alike. */
export interface Bus {
  /** `undefined` = no device there (access fault). Size 1, 2, 4 or 8; values up to 2^53 as number, 8-byte as two calls. */
  read(pa: number, size: number): number | undefined;
  write(pa: number, size: number, value: number): boolean;
}

/** Events in virtual time, ordered by cycle, then by insertion. */
export interface EventQueue {
  readonly now: number;
  at(cycle: number, action: () => void): TimerHandle;
}
export interface TimerHandle { cancel(): void; }
