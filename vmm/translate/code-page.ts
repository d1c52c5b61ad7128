/**
 * A page of the guest's code that holds something sensitive, and what runs in its place: a copy that can be executed and nothing else. The
 * copy begins full of breakpoints. Blocks are scanned when control reaches them: their instructions come into the copy, and where one is
 * sensitive (a site) the breakpoint stays. So what was never scanned never runs, wherever a computed jump leads.
 *
 *   guest's page   csrrci a5 · and · beqz ──► … (not reached yet)      what loads read
 *   copy           c.ebreak  · and · beqz      c.ebreak c.ebreak …     what is executed
 */
import type { Decoded } from '../../hardware/isa/decode.ts';
import type { Site } from './guest-code.ts';
import { C_EBREAK, isLong } from './sensitive.ts';

export const PAGE = 4096;
const HALVES = PAGE / 2;
/** The contents of the copy at each half word. */
const Half = { unscanned: 0, start: 1, inside: 2, site: 3 } as const;

/** Where the copy is: address in the monitor's task. */
export interface Copy { readonly va: number; write(offset: number, bytes: Uint8Array): void }

const BREAKPOINTS = new Uint16Array(HALVES).fill(C_EBREAK);

export class CodePage {
  /** Guest-physical address. */
  readonly gpa: number;
  /** undefined: no half word could begin a sensitive instruction; the page runs unchanged. */
  readonly copy: Copy | undefined;
  readonly sites = new Map<number, Site>();
  /** Sites that go to a stub, and where the window ends that it relies on; the only address at which they may be executed. */
  readonly #stubs = new Map<number, number>();
  stubsAt: number | undefined;
  /** Pages in which an instruction of this one ends, and of which one ends here. */
  readonly next = new Set<CodePage>();
  readonly before = new Set<CodePage>();
  /** Stores since code was last executed here. */
  writes = 0;
  readonly #halves = new Uint8Array(HALVES);
  /** The wanted copy, and the range that is not written yet. */
  readonly #image: Uint16Array;
  #from = HALVES;
  #to = 0;

  constructor(gpa: number, copy: Copy | undefined) {
    this.gpa = gpa;
    this.copy = copy;
    this.#image = copy ? BREAKPOINTS.slice() : BREAKPOINTS;
    copy?.write(0, new Uint8Array(BREAKPOINTS.buffer));
  }

  #set(half: number, value: number): void {
    this.#image[half] = value;
    this.#from = Math.min(this.#from, half);
    this.#to = Math.max(this.#to, half + 1);
  }
  /** Writes changes into the copy. */
  flush(): void {
    const length = this.#to - this.#from;
    if (length > 0) this.copy!.write(2 * this.#from, new Uint8Array(this.#image.buffer, 2 * this.#from, 2 * length));
    this.#from = HALVES;
    this.#to = 0;
  }

  isScanned(offset: number): boolean { const half = this.#halves[offset >> 1]; return half === Half.start || half === Half.site; }
  isSite(offset: number): boolean { return this.#halves[offset >> 1] === Half.site; }
  /** The last instruction ends in another page. */
  get straddles(): boolean { return this.#halves[HALVES - 1] === Half.start && this.#open; }
  #open = false;

  /** An instruction that may run as it is. `high`: its second half. False: a site begins where it ends, which cannot both be. */
  keep(offset: number, low: number, high: number): boolean {
    if (isLong(low) && offset < PAGE - 2 && !this.#inside(offset + 2, high)) return false;
    this.#halves[offset >> 1] = Half.start;
    this.#set(offset >> 1, low);
    if (offset === PAGE - 2) this.#open = isLong(low);
    return true;
  }
  /** The second half of an instruction that begins in the page before. */
  tail(half: number): boolean { return this.#inside(0, half); }
  #inside(offset: number, half: number): boolean {
    const at = offset >> 1, there = this.#halves[at];
    if (there === Half.site) return false;
    if (there === Half.unscanned) this.#halves[at] = Half.inside;
    this.#set(at, half);
    return true;
  }
  /** A breakpoint stays here. False: what is here is also the end of another instruction. */
  stop(offset: number, decoded: Decoded, high: number): boolean {
    if (this.#halves[offset >> 1] === Half.inside) return false;
    this.#halves[offset >> 1] = Half.site;
    this.sites.set(offset, { decoded, heat: 0 });
    return decoded.length === 2 || offset === PAGE - 2 || this.#inside(offset + 2, high);
  }

  /** The site becomes a jump, as long as nothing changes up to `end`. */
  useStub(offset: number, jump: number, end: number): void {
    this.#stubs.set(offset, end);
    this.#put(offset, jump);
  }
  #put(offset: number, word: number): void {
    this.#set(offset >> 1, word & 0xffff);
    this.#set((offset >> 1) + 1, word >>> 16);
    this.flush();
  }
  /** Breakpoints stand again for sites whose windows reach into [from, to). */
  dropStubs(from = 0, to = PAGE): void {
    for (const [offset, end] of this.#stubs) {
      if (offset >= to || end <= from) continue;
      this.#stubs.delete(offset);
      const site = this.sites.get(offset)!;
      site.heat = 0;
      this.#put(offset, (site.decoded.word & ~0xffff) | C_EBREAK);
    }
    if (this.#stubs.size === 0) this.stubsAt = undefined;
  }

  /** Bytes [from, to) change: what was scanned there is unscanned again. Answers whether anything was. */
  forget(from: number, to: number): boolean {
    let first = from >> 1, last = (to - 1) >> 1, any = false;
    this.dropStubs(from, to);
    if (this.#halves[first] === Half.inside && first > 0) first--;
    while (last < HALVES - 1 && this.#halves[last + 1] === Half.inside) last++;
    if (first === 0 && this.#halves[0] === Half.inside) for (const page of this.before) page.forget(PAGE - 2, PAGE);
    for (let at = first; at <= last; at++) {
      any ||= this.#halves[at] !== Half.unscanned;
      this.#halves[at] = Half.unscanned;
      this.sites.delete(2 * at);
      this.#set(at, C_EBREAK);
    }
    this.flush();
    return any;
  }
}
