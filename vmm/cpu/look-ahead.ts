/**
 * Look-ahead: exits come in clusters, so after one the monitor continues in the guest's kernel by itself, instruction by instruction, as
 * long as another exit is close: it performs the next exits in the same visit and interprets the instructions between them. Agesen,
 * Mattson, Rugina, Sheldon: Software techniques for avoiding hardware virtualization exits (2012).
 *
 *   exit done ── close by? ── fetch, check the bytes ── compute, branch, load, store ── would exit: do it, and again
 *                                                    └─ nothing within reach: the guest goes on by itself
 *
 * Decoded instructions are cached by their address, with their bytes; the bytes are read each time and compared, so code
 * that has been changed is done as it is now. A place behind an exit where nothing was found is left alone for a while, each time longer.
 * Whatever would fault is the guest's own: nothing of it has happened when the guest tries it itself.
 */
import { accesses } from '../../hardware/isa/access.ts';
import { createDecoder, type Decoded } from '../../hardware/isa/decode.ts';
import { FULL_ISA } from '../../hardware/isa/table.ts';
import type { Sys } from '../../microkernel/abi/index.ts';
import { COSTS } from '../costs.ts';
import { flow } from '../interpreter/flow.ts';
import { load } from '../interpreter/load.ts';
import { compute, isPlain } from '../interpreter/plain.ts';
import { store, type XRegisters } from '../interpreter/store.ts';
import type { Access } from '../memory/walker.ts';
import type { GuestRam } from '../ram.ts';

/** Most exits saved in one visit; number of remembered addresses. */
const MOST_SAVED = 32, MOST_REMEMBERED = 65_536;
/** Visits for which an address is skipped: after the first failure, and at most. */
const PATIENCE = 8, MOST_PATIENCE = 4096;
const PAGE = 4096;

const decode = createDecoder(FULL_ISA);

/** A virtual processor at an exit, as it is looked ahead in. */
export interface Ahead {
  readonly x: XRegisters;
  readonly ram: GuestRam;
  /** Most instructions between two exits: their cost here must be less than that of an exit. */
  readonly reach: number;
  /** The guest's kernel continues, and no interrupt is due. */
  readonly free: boolean;
  /** Guest-physical address behind one of the guest's kernel's; undefined: the access would fault. */
  find(va: bigint, access: Access): number | undefined;
  /** A store there exits to the monitor, although it is memory. */
  isTraced(gpa: number): boolean;
  /**
   * Performs the next exit: an access outside of memory (`gpa`), or an instruction that is not a plain one. Answers where the
   * guest goes on; undefined: nothing has happened, and the guest has to execute it.
   */
  exit(d: Decoded, pc: bigint, gpa: number | undefined): Sys<bigint | undefined>;
}

export interface DecodedCounts { found: number; missed: number }
/** By address after an exit: visits for which it is still skipped, and for how many the next time. */
interface Hope { rest: number; patience: number }

export class LookAhead {
  /** Exits that have not happened; visits that saved some; instructions done between; instructions whose bytes had changed. */
  readonly counts = { saved: 0, visits: 0, between: 0, changed: 0 };
  readonly #code = new Map<number, Decoded & { readonly bytes: number }>();
  readonly #hopes = new Map<bigint, Hope>();
  /** Compares an instruction's bytes with the remembered ones. Off, to show what then goes wrong, it trusts its memory. */
  readonly #compares: boolean;
  /** Cycles of this visit. */
  #cost = 0;
  /** Translations of pages, kept like a TLB's until an operation that may change them. */
  readonly #pages = { fetch: new Pages(), load: new Pages(), store: new Pages() };

  /** Instructions that were remembered as decoded, and such that were decoded. */
  readonly decoded: DecodedCounts;

  constructor(compares = true, decoded: DecodedCounts = { found: 0, missed: 0 }) {
    this.#compares = compares;
    this.decoded = decoded;
  }

  /** Starts at `pc`, after an exit. Returns where the guest continues by itself, and the cost of the monitor's work. */
  *run(guest: Ahead, from: bigint): Sys<{ pc: bigint; cost: number }> {
    let pc = from, saved = 0;
    this.#cost = 0;
    this.#forgetPages();
    while (saved < MOST_SAVED && guest.free) {
      const hope = this.#hopeAt(pc);
      if (hope.rest > 0) {
        hope.rest--;
        break;
      }
      const { at, found } = yield* this.#toNext(guest, pc);
      pc = at;
      if (!found) {
        hope.rest = hope.patience;
        hope.patience = Math.min(MOST_PATIENCE, hope.patience * PATIENCE);
        break;
      }
      hope.patience = PATIENCE;
      saved++;
    }
    this.counts.saved += saved;
    if (saved > 0) this.counts.visits++;
    return { pc, cost: this.#cost };
  }

  #hopeAt(pc: bigint): Hope {
    let hope = this.#hopes.get(pc);
    if (hope) return hope;
    if (this.#hopes.size >= MOST_REMEMBERED) this.#hopes.clear();
    this.#hopes.set(pc, hope = { rest: 0, patience: PATIENCE });
    return hope;
  }

  /** Goes on until one that would exit has been done (`found`), or as far as it goes. */
  *#toNext(guest: Ahead, from: bigint): Sys<{ at: bigint; found: boolean }> {
    let at = from;
    for (let n = 0; n <= guest.reach; n++) {
      const decoded = this.#fetch(guest, at);
      if (!decoded) break;
      const next = this.#plain(guest, decoded, at);
      if (next === undefined) {
        const gpa = this.#place(guest, decoded), done = gpa === 'fault' ? undefined : yield* guest.exit(decoded, at, gpa);
        if (done !== undefined) this.#cost += COSTS.device;
        if (gpa === undefined || guest.isTraced(gpa as number)) this.#forgetPages(); // of mode or tables
        return { at: done ?? at, found: done !== undefined };
      }
      this.counts.between++;
      this.#cost += COSTS.step;
      at = next;
    }
    return { at, found: false };
  }

  /** Executes an instruction that needs no exit; returns the next pc. */
  #plain(guest: Ahead, decoded: Decoded, at: bigint): bigint | undefined {
    const { x, ram } = guest;
    if (isPlain(decoded)) {
      compute(decoded, x, at);
      return at + BigInt(decoded.length);
    }
    const jump = flow(decoded, x, at);
    if (jump !== undefined) return jump;
    const gpa = this.#place(guest, decoded);
    if (typeof gpa !== 'number' || !ram.isRam(gpa, PAGE - (gpa % PAGE))) return undefined;
    this.#cost += COSTS.memory;
    const isStore = accesses[decoded.index]!.kind !== 'load';
    if (isStore && guest.isTraced(gpa)) return undefined;
    const done = isStore ? store(decoded, x, ram, gpa) !== undefined : load(decoded, x, ram, gpa);
    return done ? at + BigInt(decoded.length) : undefined;
  }

  /** The instruction at an address, after comparing its bytes with the remembered ones. */
  #fetch(guest: Ahead, at: bigint): Decoded | undefined {
    const place = this.#find(guest, at, 'fetch'), { ram } = guest;
    if (place === undefined || !ram.isRam(place, 2)) return undefined;
    const low = ram.u16(place), high = (low & 3) === 3 ? this.#half(guest, at + 2n) : 0;
    if (high === undefined) return undefined;
    const bytes = low | (high << 16), there = this.#code.get(place);
    if (there && (there.bytes === bytes || !this.#compares)) {
      this.decoded.found++;
      return there;
    }
    this.decoded.missed++;
    if (there) this.counts.changed++;
    if (this.#code.size >= MOST_REMEMBERED) this.#code.clear();
    this.#cost += COSTS.decode;
    const decoded = { ...decode(bytes), bytes };
    this.#code.set(place, decoded);
    return decoded;
  }
  #half(guest: Ahead, at: bigint): number | undefined {
    const place = this.#find(guest, at, 'fetch');
    return place === undefined || !guest.ram.isRam(place, 2) ? undefined : guest.ram.u16(place);
  }

  /** The address that an instruction accesses; undefined: it accesses none. */
  #place(guest: Ahead, { index, operands: { rs1 = 0, imm = 0 } }: Decoded): number | 'fault' | undefined {
    const access = accesses[index];
    if (!access) return undefined;
    const address = guest.x.get(rs1) + BigInt(imm);
    if (access.float || access.guest || Number(address & 0xfn) % access.size !== 0) return 'fault';
    return this.#find(guest, address, access.kind === 'load' ? 'load' : 'store') ?? 'fault';
  }
  #find(guest: Ahead, address: bigint, access: Access): number | undefined {
    const page = address >> 12n, pages = this.#pages[access], i = Number(page & 15n), offset = Number(address & 0xfffn);
    if (pages.number[i] === page) return pages.gpa[i]! + offset;
    const gpa = guest.find(address, access);
    if (gpa === undefined) return undefined;
    pages.number[i] = page;
    pages.gpa[i] = gpa - offset;
    return gpa;
  }
  #forgetPages(): void { for (const { number } of Object.values(this.#pages)) number.fill(NOWHERE); }
}

/** Sixteen pages: their numbers, and where they are. No address has the number NOWHERE. */
const NOWHERE = 1n << 60n;
class Pages {
  readonly number = new Array<bigint>(16).fill(NOWHERE);
  readonly gpa = new Array<number>(16).fill(0);
}
