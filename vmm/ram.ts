/**
 * The guest's memory as the VMM sees it: one contiguous range of guest-physical addresses, mapped at an address of the VMM's own address
 * space. Every access of a device or loader to guest memory passes through here, which checks the guest's addresses.
 *
 * Addresses are guest-physical numbers. Callers check `isRam` first, because an address outside would be the VMM's own memory (accessors
 * check again and throw, which ends only this VM).
 */
import type { GuestMemory } from '../hardware/chips/ports.ts';
import type { Memory } from '../microkernel/abi/index.ts';

/** Where guest memory begins, unless the processor keeps these addresses to itself (processor.ts). */
export const RAM_BASE = 0x8000_0000;

/** A task's memory for the VMM; specs use an array. */
export type RamAccess = Pick<Memory, 'u8' | 'u16' | 'u32' | 'setU8' | 'setU16' | 'setU32' | 'read' | 'write' | 'fill'>;

export class GuestRam implements GuestMemory {
  readonly base: number;
  readonly size: number;
  readonly #memory: RamAccess;
  /** Called before a device or loader changes the guest's memory. */
  onWrite: ((gpa: number, length: number) => void) | undefined;
  /** VMM address of guest-physical 0 (so that one addition translates). */
  readonly #shift: number;

  /** `va`: where `size` bytes of guest memory begin in the VMM's address space. */
  constructor(memory: RamAccess, va: number, size: number, base = RAM_BASE) {
    this.#memory = memory;
    this.base = base;
    this.size = size;
    this.#shift = va - base;
  }

  get end(): number { return this.base + this.size; }

  isRam(gpa: number, length: number): boolean {
    return gpa >= this.base && length >= 0 && gpa + length <= this.end;
  }

  /** VMM address of a guest range, for servers that copy to and from it. */
  va(gpa: number, length: number): number {
    if (!this.isRam(gpa, length)) throw new Error(`guest memory 0x${gpa.toString(16)}+${length} does not exist`);
    return gpa + this.#shift;
  }

  /** The same for a range that will be written. */
  forWriting(gpa: number, length: number): number {
    this.onWrite?.(gpa, length);
    return this.va(gpa, length);
  }

  u8(gpa: number): number { return this.#memory.u8(this.va(gpa, 1)); }
  u16(gpa: number): number { return this.#memory.u16(this.va(gpa, 2)); }
  u32(gpa: number): number { return this.#memory.u32(this.va(gpa, 4)); }
  /** An unsigned 64-bit value as a number; exact below 2^53, and above only compared, never used as an address. */
  u64(gpa: number): number { return this.u32(gpa + 4) * 2 ** 32 + this.u32(gpa); }
  setU8(gpa: number, v: number): void { this.#memory.setU8(this.forWriting(gpa, 1), v); }
  setU16(gpa: number, v: number): void { this.#memory.setU16(this.forWriting(gpa, 2), v); }
  setU32(gpa: number, v: number): void { this.#memory.setU32(this.forWriting(gpa, 4), v); }
  fill(gpa: number, length: number, byte: number): void { this.#memory.fill(this.forWriting(gpa, length), length, byte); }
  /** Accessed and dirty bits of a page table entry: such a change does not affect its shadow. */
  mark(gpa: number, v: number): void { this.#memory.setU32(this.va(gpa, 4), v); }

  /** A copy of the bytes. */
  view(gpa: number, length: number): Uint8Array { return this.#memory.read(this.va(gpa, length), length); }
  write(gpa: number, bytes: Uint8Array): void {
    this.#memory.write(this.forWriting(gpa, bytes.length), bytes);
  }
}
