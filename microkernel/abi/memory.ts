/**
 * Memory as a TypeScript thread sees it: through its task's mappings, walked like a processor would. An access to an address that is not
 * mapped with the right it needs throws MemoryFault; uncaught, it becomes the thread's page-fault event. Device pages work with the
 * sized accessors. Numbers are exact: `u64` is bigint. It returns only numbers and copies, never a view of the machine's memory.
 */
import type { Window } from './window.ts';

export interface Memory {
  u8(va: number): number;
  u16(va: number): number;
  u32(va: number): number;
  u64(va: number): bigint;
  setU8(va: number, v: number): void;
  setU16(va: number, v: number): void;
  setU32(va: number, v: number): void;
  setU64(va: number, v: bigint): void;
  /** Copies out of / into the address space, across pages. */
  read(va: number, length: number): Uint8Array;
  write(va: number, bytes: Uint8Array): void;
  copy(to: number, from: number, length: number): void;
  fill(va: number, length: number, byte: number): void;
  /**
   * [va, va+length) as a window, with the rights to read and, if asked for, to write; undefined where it is not mapped so, or its frames
   * are not contiguous. After writing code through a window, call `changedCode` for the processor to see it.
   */
  window(va: number, length: number, rights: number): Window | undefined;
  changedCode(va: number, length: number): void;
  /** True when all of the range is mapped with these rights (Right.*). */
  mapped(va: number, length: number, rights: number): boolean;
}

export class MemoryFault extends Error {
  readonly address: number;
  readonly access: 'read' | 'write' | 'execute';
  constructor(address: number, access: 'read' | 'write' | 'execute') {
    super(`no ${access} mapping at 0x${address.toString(16)}`);
    this.address = address;
    this.access = access;
  }
}
Object.freeze(MemoryFault);
Object.freeze(MemoryFault.prototype);
