/**
 * Memory as TypeScript threads see it: through the page tables of their task, device pages included. Every access is translated; where
 * nothing is mapped with the right it needs, it throws MemoryFault inside the thread. Copies cost the thread as much as RISC-V code.
 */
import type { Bus, PhysicalMemory } from '../../machine/api.ts';
import { MemoryFault, Right, Window, type Memory } from '../abi/index.ts';
import { COSTS } from '../costs.ts';
import { LEVEL_SIZE } from './node.ts';
import type { Space } from './space.ts';

const PAGE = 4096, LAST = PAGE - 1;
type Access = 'read' | 'write';
const RIGHT = { read: Right.R, write: Right.W } as const;
interface Piece { readonly pa: number; readonly at: number; readonly size: number }

export class TaskMemory implements Memory {
  readonly #space: Space;
  readonly #memory: PhysicalMemory;
  readonly #bus: Bus;
  readonly #ram: Uint8Array;
  readonly #data: DataView;
  readonly #base: number;
  readonly #size: number;
  readonly #charge: (cycles: number) => void;

  /** `charge` charges cycles to the thread whose memory this is. */
  constructor(memory: PhysicalMemory, bus: Bus, space: Space, charge: (cycles: number) => void) {
    this.#charge = charge;
    this.#space = space;
    this.#memory = memory;
    this.#bus = bus;
    this.#base = memory.base;
    this.#size = memory.size;
    this.#ram = memory.view(memory.base, memory.size);
    this.#data = new DataView(this.#ram.buffer, this.#ram.byteOffset, this.#size);
  }

  /** Physical address of `va`. */
  #at(va: number, access: Access): number {
    const leaf = this.#space.leaf(va);
    if (!leaf || (leaf.rights & RIGHT[access]) === 0) throw new MemoryFault(va, access);
    return leaf.pa + va - leaf.va;
  }
  /** Offset in RAM of [va, va + n) if it lies in one page of RAM; -1: it does not. */
  #offset(va: number, n: number, access: Access): number {
    plain(va);
    if ((va & LAST) + n > PAGE) return -1;
    const offset = this.#at(va, access) - this.#base;
    return offset >= 0 && offset < this.#size ? offset : -1;
  }

  u8(va: number): number { const o = this.#offset(va, 1, 'read'); return o >= 0 ? this.#ram[o] : this.#load(va, 1); }
  u16(va: number): number { const o = this.#offset(va, 2, 'read'); return o >= 0 ? this.#data.getUint16(o, true) : this.#load(va, 2); }
  u32(va: number): number { const o = this.#offset(va, 4, 'read'); return o >= 0 ? this.#data.getUint32(o, true) : this.#load(va, 4); }
  u64(va: number): bigint {
    const offset = this.#offset(va, 8, 'read');
    return offset >= 0 ? this.#data.getBigUint64(offset, true) : BigInt(this.u32(va)) | (BigInt(this.u32(va + 4)) << 32n);
  }
  setU8(va: number, v: number): void { this.#store(va, 1, v); }
  setU16(va: number, v: number): void { this.#store(va, 2, v); }
  setU32(va: number, v: number): void { this.#store(va, 4, v); }
  setU64(va: number, value: bigint): void {
    if (this.#offset(va, 8, 'write') >= 0) return this.#memory.setU64(this.#at(va, 'write'), BigInt.asUintN(64, value));
    this.setU32(va, Number(BigInt.asUintN(32, value)));
    this.setU32(va + 4, Number(BigInt.asUintN(32, value >> 32n)));
  }

  /** A device register, or a value across two pages. */
  #load(va: number, n: number): number {
    if ((va & LAST) + n > PAGE) return this.read(va, n).reduceRight((value, byte) => value * 256 + byte, 0);
    const value = this.#bus.read(this.#at(va, 'read'), n);
    if (value === undefined) throw new MemoryFault(va, 'read');
    return value;
  }
  #store(va: number, n: number, value: number): void {
    const offset = this.#offset(va, n, 'write'), pa = offset + this.#base;
    if (offset < 0) return this.#storeElsewhere(va, n, value >>> 0);
    if (n === 1) this.#memory.setU8(pa, value & 0xff);
    else if (n === 2) this.#memory.setU16(pa, value & 0xffff);
    else this.#memory.setU32(pa, value >>> 0);
  }
  #storeElsewhere(va: number, n: number, value: number): void {
    if ((va & LAST) + n > PAGE) this.write(va, Uint8Array.from({ length: n }, (_, i) => value >>> (8 * i)));
    else if (!this.#bus.write(this.#at(va, 'write'), n, value % 2 ** (8 * n))) throw new MemoryFault(va, 'write');
  }

  /** How many bytes from `va` on, up to `n`, are mapped with these rights; `whole`: and stand in RAM in one piece. */
  #extent(va: number, n: number, rights: number, whole: boolean): number {
    const first = this.#space.leaf(va);
    let done = 0;
    for (let leaf = first; done < n && leaf && (leaf.rights & rights) === rights; leaf = this.#space.leaf(va + done)) {
      if (whole && leaf.pa - leaf.va !== first!.pa - first!.va) break;
      done = leaf.va + LEVEL_SIZE[leaf.level] - va;
    }
    return Math.min(done, n);
  }

  /** [va, va + n) in RAM, in as few pieces as there are; what that costs is charged. Throws where one is missing. */
  #pieces(va: number, n: number, access: Access, cycles: number): Piece[] {
    const pieces: Piece[] = [];
    for (let at = 0, size = 0; at < n; at += size) {
      const pa = this.#at(va + at, access);
      size = this.#extent(va + at, n - at, RIGHT[access], true);
      if (!this.#memory.isRam(pa, size)) throw new MemoryFault(va + at, access);
      pieces.push({ pa, at, size });
    }
    this.#charge(cycles);
    return pieces;
  }

  read(va: number, length: number): Uint8Array {
    plain(va, length);
    const out = new Uint8Array(length);
    for (const { pa, at, size } of this.#pieces(va, length, 'read', copying(length))) out.set(this.#memory.view(pa, size), at);
    return out;
  }
  write(va: number, bytes: Uint8Array): void {
    const { length } = bytes;
    plain(va, length);
    for (const { pa, at, size } of this.#pieces(va, length, 'write', copying(length)))
      this.#memory.writable(pa, size).set(bytes.subarray(at, at + size));
  }
  copy(to: number, from: number, length: number): void {
    plain(to, length);
    plain(from, length);
    const source = this.#contiguous(from, length, Right.R), dest = this.#contiguous(to, length, Right.W);
    if (source >= 0 && dest >= 0) {
      this.#charge(copying(length));
      this.#memory.copy(dest, source, length);
    } else this.write(to, this.read(from, length));
  }
  fill(va: number, length: number, byte: number): void {
    plain(va, length);
    for (const { pa, size } of this.#pieces(va, length, 'write', Math.ceil(length / PAGE) * COSTS.frame))
      this.#memory.fill(pa, size, byte);
  }

  window(va: number, length: number, rights: number): Window | undefined {
    plain(va, length);
    const right = rights & Right.W | Right.R, pa = this.#contiguous(va, length, right);
    if (pa < 0) return undefined;
    if ((right & Right.W) !== 0) this.#memory.writable(pa, length);
    const space = this.#space, check = (offset: number, n: number): void => {
      if (this.#contiguous(va + offset, n, right) !== pa + offset)
        throw new MemoryFault(va + offset, (right & Right.W) !== 0 ? 'write' : 'read');
    };
    return new Window(this.#memory.view(pa, length), (right & Right.W) !== 0, { get changes() { return space.changes; }, check });
  }
  changedCode(va: number, length: number): void {
    plain(va, length);
    const pa = this.#contiguous(va, length, Right.W);
    if (pa < 0) throw new MemoryFault(va, 'write');
    this.#memory.writable(pa, length);
  }
  /** Physical address of a range of RAM that is mapped with these rights and contiguous, or -1. */
  #contiguous(va: number, length: number, rights: number): number {
    const leaf = this.#space.leaf(va), n = Math.max(length, 1);
    if (!leaf || this.#extent(va, n, rights, true) < n) return -1;
    const pa = leaf.pa + va - leaf.va;
    return this.#memory.isRam(pa, n) ? pa : -1;
  }

  mapped(va: number, length: number, rights: number): boolean {
    plain(va, length);
    return this.#extent(va, length, rights, false) === length;
  }
}

const copying = (bytes: number): number => Math.ceil(bytes / 8) * COSTS.word;

/** Addresses are whole numbers, lengths whole numbers from 0 on. An object that converts to one could give another value each time. */
function plain(va: number, length = 0): void {
  if (typeof va !== 'number' || typeof length !== 'number' || Math.floor(va) !== va || !(length >= 0) || Math.floor(length) !== length)
    throw new TypeError('no address, or no length');
}
Object.freeze(TaskMemory.prototype);
