/**
 * Pre-virtualization: a tool has named the sensitive instructions of a kernel (find-sites.ts), and they were rewritten when it was loaded.
 * The guest runs its own pages: nothing is looked at, copied or write-protected, superpages stay whole, and a guest that reads its text
 * sees what was done to it. An instruction that the tool did not name, or the guest wrote later, is trapped and emulated, if it traps.
 */
import { createDecoder, type Decoded } from '../../hardware/isa/decode.ts';
import { FULL_ISA } from '../../hardware/isa/table.ts';
import { S, type Sys, type Utcb } from '../../microkernel/abi/index.ts';
import type { ShadowMmu } from '../memory/shadow-mmu.ts';
import type { GuestRam } from '../ram.ts';
import type { Site } from './find-sites.ts';
import type { GuestCode, Hands } from './guest-code.ts';
import { C_EBREAK } from './sensitive.ts';

const decode = createDecoder(FULL_ISA);

/** Sites of one guest, by guest-physical address. */
export class ListedSites {
  readonly #ram: GuestRam;
  readonly #sites = new Map<number, Decoded>();
  constructor(ram: GuestRam) { this.#ram = ram; }
  get size(): number { return this.#sites.size; }

  /** Rewrites them. The error completes a sentence that begins with the list's name; then nothing has changed. */
  rewrite(sites: readonly Site[], start: number): string | undefined {
    const other = sites.find(({ at, word }) => !this.#ram.isRam(start + at, 4) || (this.#ram.u32(start + at) | 0) !== word);
    if (other) return `is of another kernel: what it names at 0x${other.at.toString(16)} is not there`;
    for (const { at, word } of sites) {
      this.#sites.set(start + at, decode(word));
      this.#ram.setU16(start + at, C_EBREAK);
    }
    return undefined;
  }
  /** The original instruction, until a write changes it. */
  find(gpa: number): Decoded | undefined {
    const there = this.#sites.get(gpa);
    return there && this.#ram.u16(gpa) === C_EBREAK ? there : undefined;
  }
}

export class ListedCode implements GuestCode {
  readonly counts: { siteTraps: number };
  readonly #sites: ListedSites;
  readonly #mmu: ShadowMmu;
  readonly #hands: Hands;
  constructor(sites: ListedSites, counts: { siteTraps: number }, mmu: ShadowMmu, hands: Hands) {
    this.#sites = sites;
    this.counts = counts;
    this.#mmu = mmu;
    this.#hands = hands;
  }

  siteAt(u: Utcb): number | undefined { return this.#find(u)?.word; }
  /** The page of the instruction is in a shadow, so its address needs no walk. */
  #find(u: Utcb): Decoded | undefined {
    const low = u.u32[S.pc >> 2]!, offset = low & 0xfff, page = this.#mmu.placeAt(u.i32[(S.pc >> 2) + 1]! * 2 ** 32 + (low - offset));
    return page === undefined ? undefined : this.#sites.find(page + offset);
  }
  *breakpoint(pc: bigint, u: Utcb): Sys<boolean> {
    const decoded = this.#find(u);
    if (!decoded) return false;
    this.counts.siteTraps++;
    if (!(yield* this.#hands.execute(decoded, pc))) this.#hands.reflect(2n, BigInt(decoded.word >>> 0), pc);
    return true;
  }
}
