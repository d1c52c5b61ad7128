/**
 * Pre-virtualization: a tool has named the sensitive instructions of a kernel (find-sites.ts), and they were rewritten when it was loaded.
 * The guest runs its own pages: nothing is looked at or copied, superpages stay whole, and a guest that reads its text sees what was done
 * to it. Pages with stubs are write-protected, and executed at one address: a stub relies on what stands behind its site. An instruction
 * that the tool did not name, or the guest wrote later, is trapped and emulated, if it traps.
 */
import { createDecoder, type Decoded } from '../../hardware/isa/decode.ts';
import { FULL_ISA } from '../../hardware/isa/table.ts';
import type { Syscalls } from '../../binding/index.ts';
import { Right, type Sys, type Utcb } from '../../microkernel/abi/index.ts';
import { store } from '../interpreter/store.ts';
import type { ShadowMmu } from '../memory/shadow-mmu.ts';
import { fetchAt, pageOf, type Access, type View, type Walk } from '../memory/walker.ts';
import type { GuestRam } from '../ram.ts';
import { PAGE } from './code-page.ts';
import type { Site as ListedSite } from './find-sites.ts';
import { HOT, instructionIn, mayHaveStub, type CodeRights, type GuestCode, type Hands, type Site } from './guest-code.ts';
import { C_EBREAK } from './sensitive.ts';
import type { Stubs } from './stubs.ts';

const decode = createDecoder(FULL_ISA);

const LARGE = 2 ** 21;
const largeOf = (gpa: number): number => gpa - (gpa % LARGE);

/**
 * 2 MiB with stubs: where they are executed; of each page that has some, where the window of each ends; and pages that may be written, or
 * executed elsewhere.
 */
interface Region { readonly at: number; readonly stubs: Map<number, Map<number, number>>; readonly open: Set<number> }

/** Sites of one guest, by guest-physical address. */
export class ListedSites implements CodeRights {
  readonly #ram: GuestRam;
  readonly #sites = new Map<number, Site>();
  readonly #regions = new Map<number, Region>();
  /** The monitor itself writes. */
  #writing = false;
  constructor(ram: GuestRam) { this.#ram = ram; }
  get size(): number { return this.#sites.size; }

  /** Rewrites them. The error completes a sentence that begins with the list's name; then nothing has changed. */
  rewrite(sites: readonly ListedSite[], start: number): string | undefined {
    const other = sites.find(({ at, word }) => !this.#ram.isRam(start + at, 4) || (this.#ram.u32(start + at) | 0) !== word);
    if (other) return `is of another kernel: what it names at 0x${other.at.toString(16)} is not there`;
    for (const { at, word } of sites) {
      this.#sites.set(start + at, { decoded: decode(word), heat: 0 });
      this.#ram.setU16(start + at, C_EBREAK);
    }
    return undefined;
  }
  /** The original instruction, until a write changes it. */
  find(gpa: number): Site | undefined {
    const there = this.#sites.get(gpa);
    return there && this.#ram.u16(gpa) === C_EBREAK ? there : undefined;
  }

  // ── memory with stubs ──

  /** The instruction of a site, as long as a breakpoint or a jump stands for it. */
  original(gpa: number): Decoded | undefined {
    const page = gpa - (gpa % PAGE), isJump = this.region(page)?.stubs.get(page)?.has(gpa - page);
    return isJump ? this.#sites.get(gpa)!.decoded : this.find(gpa)?.decoded;
  }

  /** The 2 MiB around this page, if there are stubs in it. */
  region(page: number): Region | undefined { return this.#regions.get(largeOf(page)); }
  /** Does this page have stubs? */
  isStubbed(page: number): boolean { return this.region(page)?.stubs.has(page) ?? false; }
  /** From now on the guest executes the region's code at `at` and cannot write it. Returns the range to withdraw first. */
  close(page: number, at: number): { readonly from: number; readonly order: number } | undefined {
    const large = largeOf(page), there = this.#regions.get(large);
    const whole = this.#ram.isRam(large, LARGE) && this.#ram.va(large, LARGE) % LARGE === 0;
    if (!there) this.#regions.set(large, { at: at - (page - large), stubs: new Map(), open: new Set() });
    if (!there && whole) return { from: large, order: 21 };
    return !there || there.open.delete(page) || !whole ? { from: page, order: 12 } : undefined;
  }
  /** The site becomes a jump, as long as nothing changes up to `end`. */
  useStub(gpa: number, jump: number, end: number): void {
    const page = gpa - (gpa % PAGE), { stubs } = this.region(page)!, ends = stubs.get(page) ?? new Map<number, number>();
    stubs.set(page, ends.set(gpa - page, end));
    this.#put(gpa, jump);
  }
  #put(gpa: number, word: number): void {
    this.#writing = true;
    this.#ram.setU32(gpa, word >>> 0);
    this.#writing = false;
  }
  /** Breakpoints stand again for sites of a page whose windows reach into [from, to). */
  dropStubs(page: number, from = 0, to = PAGE): void {
    const stubs = this.region(page)?.stubs, ends = stubs?.get(page);
    for (const [offset, end] of ends ?? []) {
      if (offset >= to || end <= from) continue;
      ends!.delete(offset);
      const site = this.#sites.get(page + offset)!;
      site.heat = 0;
      this.#put(page + offset, (site.decoded.word & ~0xffff) | C_EBREAK);
    }
    if (ends?.size === 0) stubs!.delete(page);
  }
  dropRegion(page: number): void {
    for (const stubbed of this.region(page)?.stubs.keys() ?? []) this.dropStubs(stubbed);
    this.#regions.delete(largeOf(page));
  }
  dropAll(): void { for (const large of this.#regions.keys()) this.dropRegion(large); }
  /** Bytes of the guest's memory change. */
  overwritten(gpa: number, length: number): void {
    if (this.#writing || this.#regions.size === 0) return;
    for (let page = gpa - (gpa % PAGE); page < gpa + length; page += PAGE) this.dropStubs(page, gpa - page, gpa + length - page);
  }

  rights(gpa: number, rights: number, privileged: boolean, at: number): number {
    const region = this.region(gpa), isElsewhere = region && !(privileged && region.at === at - (gpa - largeOf(gpa)));
    if (!region) return rights;
    if (region.stubs.has(gpa)) return rights & ~Right.W & (isElsewhere ? ~Right.X : ~0);
    if ((rights & Right.W) !== 0 || (isElsewhere && (rights & Right.X) !== 0)) region.open.add(gpa);
    return rights;
  }
  allowsLarge(large: number, rights: number, privileged: boolean, at: number): boolean {
    const region = this.#regions.get(large);
    return !region || ((rights & Right.W) === 0 && ((rights & Right.X) === 0 || (privileged && region.at === at)));
  }
}

export class ListedCode implements GuestCode {
  readonly counts: { siteTraps: number };
  readonly #sites: ListedSites;
  readonly #ram: GuestRam;
  readonly #mmu: ShadowMmu;
  readonly #hands: Hands;
  readonly #stubs: Stubs | undefined;
  constructor(sites: ListedSites, ram: GuestRam, counts: { siteTraps: number }, mmu: ShadowMmu, hands: Hands, stubs?: Stubs) {
    this.#sites = sites;
    this.#ram = ram;
    this.counts = counts;
    this.#mmu = mmu;
    this.#hands = hands;
    this.#stubs = stubs;
  }

  siteAt(utcb: Utcb): number | undefined {
    const gpa = this.#mmu.placeOfPc(utcb), site = gpa === undefined ? undefined : this.#sites.find(gpa);
    return site && ++site.heat !== HOT ? site.decoded.word : undefined;
  }
  nextSite(utcb: Utcb): number | undefined {
    const gpa = this.#mmu.placeOfPc(utcb);
    return gpa === undefined ? undefined : this.#sites.original(gpa)?.word;
  }
  *breakpoint(sys: Syscalls, pc: bigint, utcb: Utcb): Sys<boolean> {
    const gpa = this.#mmu.placeOfPc(utcb), site = gpa === undefined ? undefined : this.#sites.find(gpa);
    if (!site || !this.#hands.view().privileged) return false;
    this.counts.siteTraps++;
    if (site.heat === HOT && this.#stubs && mayHaveStub(site, this.#hands)) yield* this.#heat(sys, this.#stubs, site, gpa!, pc);
    if (!(yield* this.#hands.execute(site.decoded, pc))) this.#hands.reflect(2n, BigInt(site.decoded.word >>> 0), pc);
    return true;
  }
  /** A site is hot: a stub takes its place, if there can be one, and if its page is executed at one address only. */
  *#heat(sys: Syscalls, stubs: Stubs, site: Site, gpa: number, pc: bigint): Sys<void> {
    const at = pageOf(pc), offset = gpa % PAGE, page = gpa - offset, from = offset + site.decoded.length;
    const region = (): Region | undefined => this.#sites.region(page), start = at - (page - largeOf(page));
    if ((region()?.at ?? start) !== start) return;
    const open = this.#sites.close(page, at);
    if (open) yield* this.#mmu.withdraw(sys, this.#ram.va(open.from, PAGE), Right.W | Right.X, open.order);
    if (this.#sites.find(gpa) !== site || region()?.at !== start || region()!.open.has(page)) return;
    const there = (where: number): Decoded | undefined => this.#sites.original(page + where) ?? instructionIn(this.#ram, page, where);
    const free = stubs.freeFor(site.decoded, at + from, there, from);
    if (free) this.#sites.useStub(gpa, stubs.add(site.decoded, at + from, free, at), free.end);
  }
  closeStubs(): void { this.#sites.dropAll(); }
  original(gpa: number): number | undefined { return this.#sites.original(gpa)?.word; }

  /** Performs a store to a page with stubs, if possible; code that is executed elsewhere has no stubs. */
  *fault(_sys: Syscalls, access: Access, found: Exclude<Walk, string>, address: bigint, pc: bigint): Sys<void> {
    const view = this.#hands.view(), { page } = found, region = this.#sites.region(page);
    if (!region) return this.#mmu.plan(view, address, found);
    if (access === 'store' && this.#sites.isStubbed(page)) {
      const decoded = this.#at(view, pc);
      if (decoded && store(decoded, this.#hands.x, this.#ram, page + Number(address & 0xfffn)) !== undefined)
        return this.#hands.setPc(pc + BigInt(decoded.length));
      this.#sites.dropStubs(page);
    } else if (access === 'fetch' && !(view.privileged && region.at === pageOf(address) - (page - largeOf(page)))) {
      this.#sites.dropRegion(page);
    }
    this.#mmu.plan(view, address, access === 'store' ? found : { ...found, rights: found.rights & ~Right.W });
  }
  #at(view: View, pc: bigint): Decoded | undefined {
    const word = fetchAt(this.#ram, view, pc);
    return word === undefined ? undefined : decode(word);
  }
}
