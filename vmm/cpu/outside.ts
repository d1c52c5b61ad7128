/**
 * How tools outside (debugger, report of a panic, recordings) see a processor that the monitor performs in software: the supervisor's
 * registers, which no hart has, and where the guest's memory is. The monitor shows, the tools ask; the kernel has no part in it, and both
 * know the processor by the page that is its server's UTCB (binding/look.ts does the same for memory).
 */
import type { Utcb } from '../../microkernel/abi/index.ts';

/** Asking changes nothing. */
export interface SoftwareProcessor {
  /** The guest believes itself to be in S mode, or in U mode. */
  readonly privileged: boolean;
  /** Guest-physical range of its memory, and where that begins in the monitor's task. */
  readonly ram: { readonly base: number; readonly size: number; readonly va: number };
  /** Selector of the task, in the monitor's, that it was last told to run in: its shadow; 0 before the first. */
  readonly space: number;
  /** A register of the supervisor by its number; undefined: there is none. */
  register(csr: number): bigint | undefined;
  /** False: this register cannot be set from outside, because the monitor would not notice. */
  setRegister(csr: number, value: bigint): boolean;
  /** Does this address belong to the monitor's stubs? */
  hides(pc: bigint): boolean;
  /** Puts the guest's own instructions into `bytes` of its memory at `gpa` where others stand for them. */
  restore(gpa: number, bytes: Uint8Array): void;
  /** The guest's own instruction at this address, as text; undefined: there is none. */
  instruction(pc: bigint): string | undefined;
  /** Memory has been changed from outside. */
  written(gpa: number, length: number): void;
}

const shown = new WeakMap<ArrayBufferLike, SoftwareProcessor>();

/** The thread with this UTCB performs this processor. */
export function showProcessor(utcb: Utcb, processor: SoftwareProcessor): void { shown.set(utcb.i32.buffer, processor); }
/** The processor that the thread with this UTCB performs. */
export const processorBehind = (utcb: Utcb | undefined): SoftwareProcessor | undefined => utcb && shown.get(utcb.i32.buffer);
