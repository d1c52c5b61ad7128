/**
 * Scan and patch: the guest's kernel runs in place, but no page of it before it has been looked at. A page without anything sensitive is
 * clean, and remembered as such; of others a copy runs (code-page.ts), whose blocks are scanned when they are first reached. Reads see the
 * guest's own bytes, since copies can only be executed; stores come to the monitor, which does them and forgets what it knew of those
 * bytes.
 *
 * Where an access to sstatus does not trap in U mode (`leaks`), the guest's programs are looked at as well: their pages run as they are,
 * write-protected, unless one of their half words could begin such an access; then a copy runs, and the
 * access reads the guest's own register, as it would on such a processor without a monitor.
 *
 *   fetch ── unscanned ── whole page looked at ──► clean: runs as it is, read-only
 *                                             └──► patched: a copy, scanned block by block ◄── store: forgotten, scanned again
 *
 * Papers: Robin and Irvine, USENIX Security 2000 (why); Lawton's plex86 (scan before execution); VMware's first monitors.
 */
import { createDecoder, type Decoded } from '../../hardware/isa/decode.ts';
import { FULL_ISA } from '../../hardware/isa/table.ts';
import type { GuestRam } from '../ram.ts';
import { CodePage, PAGE, type Copy } from './code-page.ts';
import type { CodeRights } from './guest-code.ts';
import { Flow, distance, flowOf } from './flow-of.ts';
import { keepsReservation } from './reservation.ts';
import { C_EBREAK, isLong, isSensitive, neverTraps } from './sensitive.ts';

const decode = createDecoder(FULL_ISA), LARGE = 2 ** 21, W = 2, X = 4, EBREAK = 0x0010_0073;

/**
 * How patched blocks hang together: each end of a block a breakpoint; ends left alone; what follows a site done in the same visit; or ends
 * left alone, and hot sites go to stubs (stubs.ts).
 */
export const PATCHES = ['breakpoints', 'chained', 'cache', 'stubs'] as const;
export type Patches = (typeof PATCHES)[number];

/** Counts for reports. */
export class PatchCounts {
  /** Pages looked at, those without anything sensitive, and blocks scanned. */
  scannedPages = 0;
  cleanPages = 0;
  patchedPages = 0;
  blocks = 0;
  /** Instructions replaced. */
  sites = 0;
  /** Stores to code, and those that met something scanned. */
  stores = 0;
  rescans = 0;
  /** Breakpoints: at a site, at the end of a block, where nothing was scanned yet. */
  siteTraps = 0;
  endTraps = 0;
  scanTraps = 0;
  /** Loads from copies that the monitor has performed. */
  reads = 0;
  evicted = 0;
}

export function sayCounts(counts: PatchCounts): string {
  const traps = `${counts.siteTraps} at sites, ${counts.endTraps} at ends of blocks, ${counts.scanTraps} where nothing was scanned`;
  return `${counts.scannedPages} pages looked at (${counts.cleanPages} clean, ${counts.patchedPages} patched), `
    + `${counts.blocks} blocks scanned, ${counts.sites} sites; breakpoints: ${traps}; `
    + `${counts.stores} stores to code, ${counts.rescans} of them to what was scanned; `
    + `${counts.reads} loads from copies${counts.evicted > 0 ? `; ${counts.evicted} copies given up` : ''}`;
}

/** Guest-physical address of the byte that the guest's kernel would fetch at `va`. */
export type Locate = (va: bigint) => number | undefined;
/** The guest cannot be run by this technique; the message completes a sentence that begins with an instruction's place. */
export class Unrunnable extends Error {}
/** Does an instruction of the SYSTEM opcode that passes the test begin at any half word of the page but the last? */
function mayHold(halves: Uint16Array, test: (word: number) => boolean): boolean {
  for (let i = 0; i < halves.length - 1; i++) if ((halves[i]! & 0x7f) === 0x73 && test(halves[i]! | (halves[i + 1]! << 16))) return true;
  return false;
}


export class ScannedCode implements CodeRights {
  readonly counts = new PatchCounts();
  readonly patches: Patches;
  readonly #ram: GuestRam;
  readonly #pages = new Map<number, CodePage>();
  /** How many of them lie in each 2 MiB. */
  readonly #within = new Map<number, number>();
  /** Pages that programs may execute as they are; nothing else is known of them. */
  readonly #harmless = new Set<number>();
  /** Programs are scanned too. */
  readonly leaks: boolean;

  constructor(ram: GuestRam, patches: Patches, leaks = false) {
    this.#ram = ram;
    this.patches = patches;
    this.leaks = leaks;
  }

  page(gpa: number): CodePage | undefined { return this.#pages.get(gpa); }
  has(gpa: number): boolean { return this.#pages.has(gpa); }
  hasWithin(large: number): boolean { return this.#within.has(large); }
  allowsLarge(large: number, rights: number, privileged: boolean): boolean {
    return !this.hasWithin(large) && (privileged || !this.leaks || (rights & X) === 0);
  }
  /** All code that has a copy. */
  *copied(): Generator<CodePage> { for (const page of this.#pages.values()) if (page.copy) yield page; }
  /** The page with the oldest copy. */
  get oldest(): CodePage | undefined {
    for (const page of this.#pages.values()) if (page.copy) return page;
    return undefined;
  }

  /**
   * The rights to a page itself: only the monitor writes code. The guest's kernel executes only clean pages; its programs, where they are
   * looked at, execute clean and harmless ones.
   */
  rights(gpa: number, rights: number, privileged: boolean): number {
    const page = this.#pages.get(gpa), isHarmless = this.#harmless.has(gpa), writable = page || isHarmless ? rights & ~W : rights;
    const runs = page ? !page.copy : !privileged && (isHarmless || !this.leaks);
    return runs || (!privileged && !this.leaks) ? writable : writable & ~X;
  }
  isHarmless(gpa: number): boolean { return this.#harmless.has(gpa); }
  /** May programs execute this page as it is? Notes it if so. An access beyond its end is in doubt. */
  findHarmless(gpa: number): boolean {
    const halves = this.#halves(gpa), last = halves[PAGE / 2 - 1]!;
    if (mayHold(halves, neverTraps) || ((last & 0x7f) === 0x73 && last >>> 12 !== 0)) return false;
    this.#harmless.add(gpa);
    this.#count(gpa, 1);
    return true;
  }
  /** Its bytes change, or its state does: it is looked at again before a program executes it. */
  doubt(gpa: number): boolean {
    const was = this.#harmless.delete(gpa);
    if (was) this.#count(gpa, -1);
    return was;
  }
  #halves(gpa: number): Uint16Array {
    const bytes = this.#ram.view(gpa, PAGE);
    return new Uint16Array(bytes.buffer, bytes.byteOffset, PAGE / 2);
  }
  #count(gpa: number, by: number): void {
    const large = gpa - (gpa % LARGE), now = (this.#within.get(large) ?? 0) + by;
    if (now > 0) this.#within.set(large, now);
    else this.#within.delete(large);
  }

  /** Would a page that begins here run as it is? Every half word is taken for the beginning of an instruction. */
  isClean(gpa: number): boolean {
    const halves = this.#halves(gpa);
    return !mayHold(halves, isSensitive) && !isLong(halves[PAGE / 2 - 1]!);
  }

  /** The page is code from now on; without a copy it is a clean one. */
  add(gpa: number, copy: Copy | undefined): CodePage {
    const page = new CodePage(gpa, copy);
    this.doubt(gpa);
    this.#pages.set(gpa, page);
    this.#count(gpa, 1);
    this.counts.scannedPages++;
    if (copy) this.counts.patchedPages++;
    else this.counts.cleanPages++;
    return page;
  }
  /** The page is no code any more. */
  remove(page: CodePage): void {
    if (page.copy) page.forget(0, PAGE);
    for (const other of page.next) other.before.delete(page);
    for (const other of page.before) other.next.delete(page);
    this.#pages.delete(page.gpa);
    this.#count(page.gpa, -1);
  }

  /** Bytes of the guest's memory change. Returns clean pages that are no longer code: they must not be executed from now on. */
  overwritten(gpa: number, length: number): { readonly gpa: number }[] {
    const gone: { readonly gpa: number }[] = [];
    for (let at = gpa - (gpa % PAGE); at < gpa + length; at += PAGE) {
      if (this.doubt(at)) gone.push({ gpa: at });
      const page = this.#pages.get(at);
      if (!page) continue;
      this.counts.stores++;
      page.writes++;
      if (!page.copy) {
        this.remove(page);
        gone.push(page);
      } else if (page.forget(Math.max(0, gpa - at), Math.min(PAGE, gpa + length - at))) this.counts.rescans++;
    }
    return gone;
  }

  // ── scanning ──

  readonly #touched = new Set<CodePage>();

  /** All that can be reached from `va` without a computed jump, in patched pages. @throws Unrunnable */
  scan(va: bigint, locate: Locate): void {
    const open = [va];
    try {
      for (let at = open.pop(); at !== undefined; at = open.pop()) this.#block(at, locate, open);
    } finally {
      for (const page of this.#touched) page.flush();
      this.#touched.clear();
    }
  }

  #block(from: bigint, locate: Locate, open: bigint[]): void {
    for (let va = from, first = true; ; first = false) {
      const gpa = locate(va), offset = Number(va & 0xfffn), page = gpa === undefined ? undefined : this.#pages.get(gpa - offset);
      if (!page?.copy || page.isScanned(offset)) return;
      if (first) this.counts.blocks++;
      page.writes = 0;
      this.#touched.add(page);
      const base = va - BigInt(offset), next = this.#inPage(page, offset, base, locate, open);
      if (next === undefined) return;
      va = base + BigInt(next);
    }
  }
  /** … as far as it is in one page, whose address is `base`. Returns the offset at which it continues in the next one. */
  #inPage(page: CodePage, from: number, base: bigint, locate: Locate, open: bigint[]): number | undefined {
    let offset = from;
    while (offset < PAGE && !page.isScanned(offset)) {
      const gpa = page.gpa + offset, low = this.#ram.u16(gpa), high = isLong(low) ? this.#high(base, gpa, page, locate) : 0;
      if (high === undefined) return undefined;
      const word = low | (high << 16), flow = flowOf(word), ends = flow !== Flow.next && word !== EBREAK && low !== C_EBREAK && low !== 0;
      const stops = ends && this.patches === 'breakpoints' && !this.#isReserved(flow, base + BigInt(offset), locate);
      const site = isSensitive(word) || stops;
      if (!(site ? this.#site(page, offset, decode(word), high) : page.keep(offset, low, high))) throw new Unrunnable(OVERLAP);
      if (!site && isLong(low) && offset < PAGE - 4 && this.#hides(gpa)) throw new Unrunnable(OVERLAP);
      if (stops) return undefined;
      if (flow === Flow.branch || flow === Flow.jump || flow === Flow.call) open.push(base + BigInt(offset + distance(word)));
      if (flow === Flow.away || flow === Flow.jump) return undefined;
      offset += isLong(low) ? 4 : 2;
    }
    return offset < PAGE ? undefined : offset;
  }
  /** Must this end of a block go on without a breakpoint? */
  #isReserved(flow: Flow, va: bigint, locate: Locate): boolean {
    return (flow === Flow.branch || flow === Flow.jump) && keepsReservation(va, (at) => {
      const low = locate(at), high = locate(at + 2n), half = low === undefined ? undefined : this.#ram.u16(low);
      return half === undefined || !isLong(half) ? half : high === undefined ? undefined : half | (this.#ram.u16(high) << 16);
    });
  }
  /** The second half of a long instruction; if it ends in another page, that page is notified. undefined: it is absent. */
  #high(base: bigint, gpa: number, page: CodePage, locate: Locate): number | undefined {
    if (gpa % PAGE !== PAGE - 2) return this.#ram.u16(gpa + 2);
    const there = locate(base + BigInt(PAGE));
    if (there === undefined) return undefined;
    this.join(page, there);
    return this.#ram.u16(there);
  }
  /** An instruction begins at the end of `page` and ends at `there`. */
  join(page: CodePage, there: number): void {
    const next = this.#pages.get(there);
    if (!next?.copy) return;
    page.next.add(next);
    next.before.add(page);
    if (!next.tail(this.#ram.u16(there))) throw new Unrunnable(OVERLAP);
    next.flush();
  }
  #site(page: CodePage, offset: number, decoded: Decoded, high: number): boolean {
    this.counts.sites++;
    return page.stop(offset, decoded, high);
  }
  /** Within this instruction begins another, which nothing would make trap. */
  #hides(gpa: number): boolean { return neverTraps(this.#ram.u16(gpa + 2) | (this.#ram.u16(gpa + 4) << 16)); }
}

const OVERLAP = 'shares its bytes with another one that is sensitive, and scanning cannot tell which of them runs';
