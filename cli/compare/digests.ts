/**
 * What a guest sees of its processor and its memory at one moment, natively or under any technique: registers, the pages of the process,
 * the kernel's own image, and a digest of each page of its memory.
 */
import { belowFirst, PAGE as PAGE_BYTES, PTE, type ReadEntry, type Roots } from '../../machine/debug/walk.ts';
import { readRegister, REG } from '../../machine/debug/registers.ts';
import { rootsOf } from '../../machine/debug/translate.ts';
import type { Hart } from '../../machine/hart/hart.ts';
import type { Machine } from '../../machine/machine.ts';
import type { Thread } from '../../microkernel/objects/thread.ts';
import { modeOfGuest, rootsOfThread, softwareOf } from '../../system/panic/roots.ts';
import { ThreadBeing } from '../gdb/being.ts';

const PAGE = 4096, ENTRIES = 512, USER = 16n, PPN = (1n << 44n) - 1n, NAPOT = 63n, SMALL = 2 ** 20;
/** Guest-physical range. */
export interface Ram { readonly base: number; readonly size: number }
/** Virtual addresses, signed: of what the kernel's file holds. */
export interface KernelImage { readonly from: number; readonly to: number }

export interface Moment {
  readonly marker: string;
  /** x1 … x31, pc, f0 … f31, fcsr. */
  readonly registers: readonly bigint[];
  /** Pages that user mode may reach, by their addresses; none at a marker of the kernel. */
  readonly process: ReadonlyMap<bigint, Uint8Array>;
  /** Pages of the kernel's image, by their addresses; of a large one only their digests. */
  readonly kernel: ReadonlyMap<number, Uint8Array | number>;
  /** A digest of each page of memory. */
  readonly pages: Float64Array;
}

/** A guest's processor at this moment. `restore`: puts the guest's own instructions where its monitor has put others. */
export interface Seen { readonly isUser: boolean; register(n: number): bigint | undefined; readonly roots: Roots; readonly ram: Ram;
  readonly restore?: ((gpa: number, bytes: Uint8Array) => void) | undefined }

/** A hart of the machine itself. */
export const nativeSeen = (machine: Machine, hart: Hart): Seen =>
  ({ isUser: hart.priv === 0, register: (n) => readRegister(hart, n), roots: rootsOf(hart), ram: machine.memory });
/** A thread that runs a guest's code. */
export function hostedSeen(machine: Machine, thread: Thread, ram: Ram): Seen {
  const being = new ThreadBeing(machine, 1, thread, ''), processor = softwareOf(thread)?.processor;
  return { isUser: modeOfGuest(thread) === 0, register: (n) => being.register(n), roots: rootsOfThread(thread), ram,
    restore: processor && ((gpa, bytes) => { processor.restore(gpa, bytes); }) };
}

const FCSR = REG.csr + 3, NUMBERS = [...Array.from({ length: REG.csr - 1 }, (_, i) => i + 1), FCSR];
export const nameOfRegister = (i: number): string => {
  const n = NUMBERS[i]!;
  return n < REG.pc ? `x${n}` : n === REG.pc ? 'pc' : n < REG.csr ? `f${n - REG.f}` : 'fcsr';
};

export function momentOf(machine: Machine, seen: Seen, marker: string, image: KernelImage): Moment {
  const memory = new GuestPages(machine, seen), process = new Map<bigint, Uint8Array>(), kernel = new Map<number, Uint8Array | number>();
  const pages = memory.digests(), { base } = seen.ram;
  for (const { va, gpa, user } of memory.mapped(seen.roots.first)) {
    const at = Number(BigInt.asIntN(64, va)), isKernel = at >= image.from && at < image.to;
    if (!(user ? seen.isUser : isKernel)) continue;
    const bytes = memory.page(gpa);
    if (!bytes) continue;
    const digest = pages[(gpa - base) / PAGE] = digestOf(bytes);
    if (user) process.set(va, bytes);
    else kernel.set(at, image.to - image.from > SMALL ? digest : bytes);
  }
  return { marker, registers: NUMBERS.map((n) => seen.register(n) ?? 0n), process, kernel, pages };
}

/** A guest's memory, wherever it is in the machine's. */
class GuestPages {
  readonly #machine: Machine;
  readonly #seen: Seen;
  readonly #read: ReadEntry;
  constructor(machine: Machine, seen: Seen) {
    this.#machine = machine;
    this.#seen = seen;
    this.#read = (pa) => (machine.memory.isRam(Number(pa), 8) ? machine.memory.u64(Number(pa)) : undefined);
  }

  /** Every page that the tables of this satp map; large ones page by page. Without translation: all memory. */
  *mapped(satp: bigint): Generator<{ va: bigint; gpa: number; user: boolean }> {
    const mode = satp >> 60n, { base, size } = this.#seen.ram;
    if (mode !== 0n) return yield* this.#table((satp & PPN) * PAGE_BYTES, Number(mode) - 6, 0n, Number(mode) - 6);
    for (let gpa = base; gpa < base + size; gpa += PAGE) yield { va: BigInt(gpa), gpa, user: false };
  }
  *#table(table: bigint, level: number, va: bigint, top: number): Generator<{ va: bigint; gpa: number; user: boolean }> {
    const bits = 12n + 9n * BigInt(level), machine = belowFirst(this.#read, this.#seen.roots, table);
    if (machine === undefined) return;
    for (let i = 0; i < ENTRIES; i++) {
      const entry = this.#read(machine + BigInt(8 * i)), at = va + (BigInt(i) << bits);
      const here = level === top ? BigInt.asUintN(64, BigInt.asIntN(Number(bits) + 9, at)) : at;
      if (entry === undefined || (entry & PTE.V) === 0n) continue;
      const next = ((entry >> 10n) & PPN) * PAGE_BYTES;
      if ((entry & (PTE.R | PTE.X | PTE.W)) !== 0n) yield* this.#leaf(entry, next, here, level);
      else if (level > 0) yield* this.#table(next, level - 1, here, top);
    }
  }
  *#leaf(entry: bigint, next: bigint, va: bigint, level: number): Generator<{ va: bigint; gpa: number; user: boolean }> {
    const user = (entry & USER) !== 0n, napot = entry >> NAPOT !== 0n, first = Number(napot ? next - (next % (16n * PAGE_BYTES)) : next);
    if (napot) return yield { va, gpa: first + Number((va / PAGE_BYTES) % 16n) * PAGE, user };
    const { base, size } = this.#seen.ram;
    for (let i = 0; i < ENTRIES ** level && first + i * PAGE < base + size; i++)
      yield { va: va + BigInt(i * PAGE), gpa: first + i * PAGE, user };
  }

  /** A page as the guest reads it, a copy; undefined: there is no memory. */
  page(gpa: number): Uint8Array | undefined {
    const there = this.#view(gpa), bytes = there?.slice();
    if (bytes) this.#seen.restore?.(gpa, bytes);
    return bytes;
  }
  #view(gpa: number): Uint8Array | undefined {
    const pa = belowFirst(this.#read, this.#seen.roots, BigInt(gpa)), { memory } = this.#machine;
    return pa !== undefined && memory.isRam(Number(pa), PAGE) ? memory.view(Number(pa), PAGE) : undefined;
  }
  digests(): Float64Array {
    const { base, size } = this.#seen.ram, all = new Float64Array(size / PAGE);
    for (let i = 0; i < all.length; i++) {
      const bytes = this.#view(base + i * PAGE);
      if (bytes) all[i] = digestOf(bytes);
    }
    return all;
  }
}

/** 53 bits; 0 for a page of zeros. */
export function digestOf(bytes: Uint8Array): number {
  const words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2);
  let first = 0, second = 0;
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    if (word === 0) continue;
    first = Math.imul(first ^ word ^ i, 0x9e37_79b1);
    first ^= first >>> 15;
    second = Math.imul(second + word + i, 0x85eb_ca6b) ^ (second >>> 13);
  }
  return (first >>> 0) * 2 ** 21 + (second >>> 11);
}
