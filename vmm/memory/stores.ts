/**
 * The monitor performs a store of the guest's kernel to one page, and those that follow at once: a copy is a loop with a store every few
 * instructions. In between it goes on in the guest by itself, as far as that only computes, branches within its page, and loads from
 * memory.
 */
import { accesses } from '../../hardware/isa/access.ts';
import { createDecoder, type Decoded } from '../../hardware/isa/decode.ts';
import { FULL_ISA } from '../../hardware/isa/table.ts';
import { isConditional, jump } from '../interpreter/branch.ts';
import { load } from '../interpreter/load.ts';
import { compute, isPlain } from '../interpreter/plain.ts';
import { store, type XRegisters } from '../interpreter/store.ts';
import type { GuestRam } from '../ram.ts';
import { isLong } from '../translate/sensitive.ts';
import { walk, type Access, type View } from './walker.ts';

const decode = createDecoder(FULL_ISA), PAGE = 4096;
/** Instructions without a store after which it stops; stores of one visit. */
const REACH = 8, MOST = 64;

/** Where the guest is: address of the page of its code, its guest-physical address, and the offset in it. */
export interface Place { readonly at: bigint; readonly gpa: number; offset: number }

export class Stores {
  readonly #ram: GuestRam;
  readonly #x: XRegisters;
  #view!: View;
  /** The page stored to: its number, and its guest-physical address; the one loaded from last. */
  #page = 0n;
  #gpa = 0;
  #loads = -1n << 63n;
  #from = 0;
  /** Instructions of the last visit; where the last store ended in its page. */
  steps = 0;
  end = 0;

  constructor(ram: GuestRam, x: XRegisters) {
    this.#ram = ram;
    this.#x = x;
  }

  /** From the store at this place, which goes to `address`, to behind the last one. False: that is none, and nothing has happened. */
  run(view: View, place: Place, address: bigint): boolean {
    this.#view = view;
    this.#loads = -1n << 63n;
    this.#page = address >> 12n;
    const gpa = this.#find(address, 'store');
    if (gpa === undefined) return false;
    this.#gpa = gpa;
    this.steps = 0;
    for (let stores = 0, rest = 0; stores < MOST; this.steps++) {
      const decoded = this.#fetch(place);
      if (decoded === undefined) return stores > 0;
      if (accesses[decoded.index]?.kind === 'store') {
        if (!this.#store(decoded)) return stores > 0;
        place.offset += decoded.length;
        stores++;
        rest = REACH;
      } else if (rest-- <= 0 || !this.#between(decoded, place)) return stores > 0;
    }
    return true;
  }
  #fetch({ gpa, offset }: Place): Decoded | undefined {
    if (offset < 0 || offset > PAGE - 4) return undefined;
    const low = this.#ram.u16(gpa + offset);
    return decode(isLong(low) ? this.#ram.u32(gpa + offset) | 0 : low);
  }
  #find(address: bigint, access: Access): number | undefined {
    const found = walk(this.#ram, this.#view, address, access);
    return typeof found === 'object' && this.#ram.isRam(found.page, PAGE) ? found.page : undefined;
  }
  #store(decoded: Decoded): boolean {
    const { rs1, imm } = decoded.operands, address = this.#x.get(rs1!) + BigInt(imm ?? 0), offset = Number(address & 0xfffn);
    if (address >> 12n !== this.#page) return false;
    const bytes = store(decoded, this.#x, this.#ram, this.#gpa + offset);
    if (bytes !== undefined) this.end = offset + bytes;
    return bytes !== undefined;
  }
  /** An instruction between two stores. */
  #between(decoded: Decoded, place: Place): boolean {
    if (isConditional(decoded)) {
      place.offset = Number(jump(decoded, this.#x, BigInt(place.offset)));
      return true;
    }
    if (isPlain(decoded)) compute(decoded, this.#x, place.at + BigInt(place.offset));
    else if (!this.#load(decoded)) return false;
    place.offset += decoded.length;
    return true;
  }
  #load(decoded: Decoded): boolean {
    if (accesses[decoded.index]?.kind !== 'load') return false;
    const { rs1, imm } = decoded.operands, address = this.#x.get(rs1!) + BigInt(imm ?? 0), page = address >> 12n;
    if (page !== this.#loads) {
      const from = this.#find(address, 'load');
      if (from === undefined) return false;
      this.#loads = page;
      this.#from = from;
    }
    return load(decoded, this.#x, this.#ram, this.#from + Number(address & 0xfffn));
  }
}
