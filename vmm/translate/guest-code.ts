/** Code of a guest's kernel in which breakpoints replace instructions: by scanning (kernel-code.ts) or from a list (listed.ts). */
import type { Syscalls } from '../../binding/index.ts';
import type { Decoded } from '../../hardware/isa/decode.ts';
import type { Sys, Utcb } from '../../microkernel/abi/index.ts';
import type { XRegisters } from '../interpreter/store.ts';
import type { Access, View, Walk } from '../memory/walker.ts';

/** What a processor gives for it. `execute`: one privileged instruction; false: there is no such thing. */
export interface Hands {
  readonly x: XRegisters;
  readonly view: () => View;
  readonly setPc: (pc: bigint) => void;
  readonly execute: (d: Decoded, pc: bigint) => Sys<boolean>;
  readonly reflect: (cause: bigint, value: bigint, pc: bigint) => void;
}

export interface GuestCode {
  readonly counts: { siteTraps: number };
  /** The word that stood at the pc; undefined: look closer (`breakpoint`). */
  siteAt(u: Utcb): number | undefined;
  /** A breakpoint of the guest's kernel. False: it is its own. @throws Unrunnable */
  breakpoint(pc: bigint, u: Utcb): Sys<boolean>;
  /** A fault at memory, where faults are more than hidden ones. @throws Unrunnable */
  fault?(sys: Syscalls, access: Access, found: Exclude<Walk, string>, address: bigint, pc: bigint): Sys<void>;
  /** The instruction at `pc` as a reader knows it. */
  text?(pc: bigint): string;
}
