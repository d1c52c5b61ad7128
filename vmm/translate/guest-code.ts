/** Code of a guest's kernel in which others replace sensitive instructions: by scanning (kernel-code.ts) or from a list (listed.ts). */
import type { Syscalls } from '../../binding/index.ts';
import { createDecoder, type Decoded } from '../../hardware/isa/decode.ts';
import { FULL_ISA } from '../../hardware/isa/table.ts';
import type { Sys, Utcb } from '../../microkernel/abi/index.ts';
import type { XRegisters } from '../interpreter/store.ts';
import type { Access, View, Walk } from '../memory/walker.ts';
import type { GuestRam } from '../ram.ts';
import { isLong } from './sensitive.ts';

const decode = createDecoder(FULL_ISA), PAGE = 4096;

/** What a processor gives for it. `execute`: one privileged instruction; false: there is no such thing. */
export interface Hands {
  readonly x: XRegisters;
  readonly view: () => View;
  readonly setPc: (pc: bigint) => void;
  /** The value of sstatus that a program of the guest reads without a trap. */
  readonly leaked: () => bigint;
  readonly execute: (d: Decoded, pc: bigint) => Sys<boolean>;
  readonly reflect: (cause: bigint, value: bigint, pc: bigint) => void;
  /** Is this the page that the guest fences over and over? */
  readonly isFencedPage: (address: bigint) => boolean;
}

/** A sensitive instruction that was replaced. `heat`: how often its breakpoint was met, until it was tried to give it a stub (`HOT`). */
export interface Site { readonly decoded: Decoded; heat: number }
/** Breakpoints after which a site is worth a stub. */
export const HOT = 16;
/** Would a stub save exits? A fence's does for one page; the site is tried again later. */
export function mayHaveStub(site: Site, { x, isFencedPage }: Hands): boolean {
  const { row: { name }, operands: { rs1 = 0 } } = site.decoded, may = name !== 'sfence.vma' || isFencedPage(x.get(rs1));
  if (!may) site.heat = 0;
  return may;
}

export interface GuestCode {
  readonly counts: { siteTraps: number };
  /** The word that stood at the pc; undefined: look closer (`breakpoint`). */
  siteAt(u: Utcb): number | undefined;
  /** The word of the site at the pc, whatever stands there now; undefined: none. */
  nextSite(u: Utcb): number | undefined;
  /** A breakpoint of the guest's kernel. False: it is its own. @throws Unrunnable */
  breakpoint(sys: Syscalls, pc: bigint, u: Utcb): Sys<boolean>;
  /** A fault at memory, where faults are more than hidden ones. @throws Unrunnable */
  fault?(sys: Syscalls, access: Access, found: Exclude<Walk, string>, address: bigint, pc: bigint): Sys<void>;
  /** The guest needs the addresses of stubs for itself: breakpoints stand for all sites again. */
  closeStubs(): void;
  /** The guest's own instruction at this guest-physical address, where another stands for it in its memory. */
  original?(gpa: number): number | undefined;
  /** The instruction at `pc` as a reader knows it. */
  text?(pc: bigint): string;
}

/** What may be done with pages of the guest's memory, as far as its code is concerned. `at`: the address where a page is going to stand. */
export interface CodeRights {
  rights(gpa: number, rights: number, privileged: boolean, at: number): number;
  /** May one mapping cover these 2 MiB? */
  allowsLarge(large: number, rights: number, privileged: boolean, at: number): boolean;
}

/** An instruction that begins and ends in one page of the guest's memory. */
export function instructionIn(ram: GuestRam, page: number, offset: number): Decoded | undefined {
  if (offset > PAGE - 2) return undefined;
  const long = isLong(ram.u16(page + offset)), decoded = long && offset > PAGE - 4 ? undefined
    : decode(long ? ram.u32(page + offset) | 0 : ram.u16(page + offset));
  return decoded && decoded.index !== 0 ? decoded : undefined;
}
