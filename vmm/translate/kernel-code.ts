/**
 * What a virtual processor does at faults and breakpoints of a kernel whose code is looked at before it runs: pages come in scanned, sites
 * are done to the supervisor in software, loads see the guest's own bytes, stores are done here.
 */
import { disassemble } from '../../hardware/isa/disassemble.ts';
import { createDecoder, type Decoded } from '../../hardware/isa/decode.ts';
import { FULL_ISA } from '../../hardware/isa/table.ts';
import type { Syscalls } from '../../binding/index.ts';
import { Right, S, type Sys, type Utcb } from '../../microkernel/abi/index.ts';
import { decodeAccess } from '../interpreter/access.ts';
import { isJump, jump } from '../interpreter/branch.ts';
import { store } from '../interpreter/store.ts';
import { instructionOf } from '../interpreter/walk.ts';
import type { ShadowMmu } from '../memory/shadow-mmu.ts';
import { pageOf, placeOf, walk, type Access, type View, type Walk } from '../memory/walker.ts';
import type { GuestRam } from '../ram.ts';
import { PAGE, type CodePage } from './code-page.ts';
import type { Copies } from './copies.ts';
import { HOT, instructionIn, mayHaveStub, type GuestCode, type Hands, type Site } from './guest-code.ts';
import { Unrunnable, type PatchCounts, type ScannedCode } from './scanned.ts';
import { neverTraps } from './sensitive.ts';
import type { Stubs } from './stubs.ts';

const decode = createDecoder(FULL_ISA);
/** Stores to a page in a row, without anything being scanned in it, after which it is data again. */
const FLOOD = 256;

/** The code of a virtual machine, and where its copies are. */
export interface Translation { readonly code: ScannedCode; readonly copies: Copies; readonly stubs: Stubs | undefined }
type Found = Exclude<Walk, string>;
const ILLEGAL = 2n;

export class KernelCode implements GuestCode {
  readonly #code: ScannedCode;
  readonly #copies: Copies;
  readonly #mmu: ShadowMmu;
  readonly #ram: GuestRam;
  readonly #hands: Hands;
  readonly #stubs: Stubs | undefined;

  get counts(): PatchCounts { return this.#code.counts; }

  constructor({ code, copies, stubs }: Translation, mmu: ShadowMmu, ram: GuestRam, hands: Hands) {
    this.#code = code;
    this.#copies = copies;
    this.#stubs = stubs;
    this.#mmu = mmu;
    this.#ram = ram;
    this.#hands = hands;
  }

  // ── faults ──

  *fault(sys: Syscalls, access: Access, found: Found, address: bigint, pc: bigint): Sys<void> {
    const view = this.#hands.view();
    if (access === 'fetch' && view.privileged) return yield* this.#fetch(sys, view, address, found);
    if (access === 'fetch' && this.#code.leaks) return yield* this.#program(sys, view, address, found);
    // It faults again then: others may have run meanwhile.
    if (access === 'store' && this.#code.doubt(found.page)) return yield* this.#mmu.withdraw(sys, this.#ram.va(found.page, PAGE), Right.X);
    if (access === 'store' && this.#code.has(found.page)) return yield* this.#store(sys, view, pc, address, found);
    if (access === 'load' && this.#isHidden(view, address, found)) this.#hands.setPc(pc + BigInt(this.#load(view, pc, address)));
    else this.#mmu.plan(view, address, found);
  }

  /** A program's fetch, where programs are scanned: a harmless page runs as it is, others like the kernel's. */
  *#program(sys: Syscalls, view: View, pc: bigint, { page }: Found): Sys<void> {
    const code = this.#code;
    if (!code.isHarmless(page)) yield* this.#mmu.withdraw(sys, this.#ram.va(page, PAGE), Right.W);
    const found = walk(this.#ram, view, pc, 'fetch'); // other threads may have run meanwhile
    if (typeof found === 'string' || found.page !== page) return;
    if (!code.page(page) && (code.isHarmless(page) || code.findHarmless(page))) this.#mmu.plan(view, pc, found);
    else yield* this.#fetch(sys, view, pc, found);
  }

  /** A fetch: examines the page, scans its first block, and allows execution. */
  *#fetch(sys: Syscalls, view: View, pc: bigint, first: Found): Sys<void> {
    let found: Walk = first;
    for (let code = this.#code.page(first.page); ; code = this.#code.page(found.page)) {
      if (code) return this.#enter(view, pc, found, code);
      yield* this.#look(sys, found.page);
      found = walk(this.#ram, view, pc, 'fetch'); // other threads may have run meanwhile
      if (typeof found === 'string' || !this.#ram.isRam(found.page, PAGE)) return;
    }
  }
  #enter(view: View, pc: bigint, found: Found, code: CodePage): void {
    const locate = this.#locate(view), base = pc - (pc & 0xfffn), before = locate(base - 2n), after = locate(base + BigInt(PAGE));
    const previous = before === undefined ? undefined : this.#code.page(before - (before % PAGE));
    if (previous?.straddles) this.#code.join(previous, found.page);
    if (code.straddles && after !== undefined) this.#code.join(code, after);
    if (code.stubsAt !== undefined && code.stubsAt !== pageOf(pc)) code.dropStubs(); // they would come back to the other address
    this.#code.scan(pc, locate);
    this.#mmu.planCode(view, pc, found, code);
  }
  /** A page becomes code: from now on it is write-protected, and gets a copy unless it is clean. */
  *#look(sys: Syscalls, page: number): Sys<void> {
    yield* this.#mmu.withdraw(sys, this.#ram.va(page, PAGE), Right.W);
    if (this.#code.has(page)) return;
    if (this.#code.isClean(page)) return void this.#code.add(page, undefined);
    const copy = (yield* this.#copies.take(sys)) ?? (yield* this.#makeRoom(sys));
    if (!copy) throw new Unrunnable('needs a copy of its page, for which there is no memory');
    if (this.#code.has(page) || this.#code.isClean(page)) this.#copies.give(copy);
    else this.#code.add(page, copy);
  }
  *#makeRoom(sys: Syscalls): Sys<CodePage['copy']> {
    const { oldest } = this.#code;
    if (oldest) yield* this.#release(sys, oldest);
    this.#code.counts.evicted++;
    return yield* this.#copies.take(sys);
  }
  /** Makes the page data again. */
  *#release(sys: Syscalls, page: CodePage): Sys<void> {
    if (this.#code.page(page.gpa) !== page) return;
    this.#code.remove(page);
    yield* this.#mmu.withdraw(sys, page.copy?.va ?? this.#ram.va(page.gpa, PAGE), page.copy ? Right.RWX : Right.X);
    if (page.copy) this.#copies.give(page.copy);
  }

  /** Is this a load from a copy, which can only be executed? */
  #isHidden(view: View, address: bigint, { page }: Found): boolean {
    return (view.privileged || this.#code.leaks) && this.#code.page(page)?.copy !== undefined && this.#mmu.holds(view, address);
  }
  /** Performs such a load from the guest's own bytes. Returns the instruction's length. */
  #load(view: View, pc: bigint, address: bigint): number {
    const decoded = this.#at(view, pc), access = decoded && decodeAccess(decoded.word);
    if (!decoded || !access || access.store) throw new Unrunnable('reads code in a way that the monitor does not do for it');
    const { operands: { rs1, imm } } = decoded, from = this.#hands.x.get(rs1 ?? 0) + BigInt(imm ?? 0), bits = access.size * 8;
    let value = 0n;
    for (let i = 0; i < access.size; i++) {
      const gpa = placeOf(this.#ram, view, from + BigInt(i), 'load');
      if (gpa === undefined || !this.#ram.isRam(gpa, 1)) throw new Unrunnable(`reads code and no memory at once (${address})`);
      value |= BigInt(this.#ram.u8(gpa)) << BigInt(8 * i);
    }
    this.#code.counts.reads++;
    if (access.register !== 0) this.#hands.x.set(access.register, BigInt.asIntN(64, access.signed ? BigInt.asIntN(bits, value) : value));
    return decoded.length;
  }

  /** A store to a page of code: done here, or the page is data again, and the guest does it itself: it faults again then, as above. */
  *#store(sys: Syscalls, view: View, pc: bigint, address: bigint, { page }: Found): Sys<void> {
    const code = this.#code.page(page)!, decoded = this.#at(view, pc);
    if (code.writes < FLOOD && decoded && store(decoded, this.#hands.x, this.#ram, page + Number(address & 0xfffn)) !== undefined)
      return this.#hands.setPc(pc + BigInt(decoded.length));
    if (view.privileged && this.#mmu.codeAt(pageOf(pc)) === code && code.writes < FLOOD)
      throw new Unrunnable('changes its own page in a way that the monitor does not do for it');
    yield* this.#release(sys, code);
  }

  // ── breakpoints ──

  #siteAt(utcb: Utcb): Site | undefined {
    const low = utcb.u32[S.pc >> 2]!, at = utcb.i32[(S.pc >> 2) + 1]! * 2 ** 32 + (low - (low & 0xfff));
    return this.#mmu.codeAt(at)?.sites.get(low & 0xfff);
  }
  nextSite(utcb: Utcb): number | undefined { return this.#siteAt(utcb)?.decoded.word; }
  siteAt(utcb: Utcb): number | undefined {
    const site = this.#siteAt(utcb);
    return site && ++site.heat !== HOT ? site.decoded.word : undefined;
  }
  *breakpoint(sys: Syscalls, pc: bigint): Sys<boolean> {
    const page = this.#mmu.codeAt(pageOf(pc)), offset = Number(pc & 0xfffn), { counts } = this.#code;
    const { x, setPc, execute, reflect, view } = this.#hands, { privileged } = view();
    if (!privileged && !this.#code.leaks) return false;
    const site = page?.sites.get(offset), decoded = site?.decoded;
    if (!page?.copy || (!decoded && page.isScanned(offset))) return false;
    if (!decoded) {
      counts.scanTraps++;
      this.#code.scan(pc, this.#locate(view()));
    } else if (isJump(decoded)) {
      counts.endTraps++;
      setPc(jump(decoded, x, pc));
    } else {
      counts.siteTraps++;
      if (!privileged && neverTraps(decoded.word)) return this.#leak(decoded, pc);
      const isHot = privileged && site!.heat === HOT && mayHaveStub(site!, this.#hands);
      if (isHot && this.#stubs) yield* this.#heat(sys, this.#stubs, page, site!, pc);
      if (!(yield* execute(decoded, pc))) reflect(ILLEGAL, BigInt(decoded.word >>> 0), pc);
    }
    return true;
  }
  /** A program's access to sstatus, where that does not trap: it reads the guest's own, and a write is lost. */
  #leak({ operands: { rd }, length }: Decoded, pc: bigint): true {
    const { x, setPc, leaked } = this.#hands;
    if (rd !== 0) x.set(rd!, BigInt.asIntN(64, leaked()));
    setPc(pc + BigInt(length));
    return true;
  }
  /** A site is hot: a stub takes its place, if there can be one, and if its page is executed at one address only. */
  *#heat(sys: Syscalls, stubs: Stubs, page: CodePage, site: Site, pc: bigint): Sys<void> {
    const base = pageOf(pc), offset = Number(pc & 0xfffn), from = offset + site.decoded.length;
    if (page.stubsAt === undefined) yield* this.#mmu.withdraw(sys, page.copy!.va, Right.X); // who executes it comes here first
    if (this.#code.page(page.gpa) !== page || page.sites.get(offset) !== site) return;
    if (page.stubsAt !== undefined && page.stubsAt !== base) return;
    const free = stubs.freeFor(site.decoded, base + from, (at) => instructionIn(this.#ram, page.gpa, at), from);
    if (!free) return;
    page.stubsAt = base;
    page.useStub(offset, stubs.add(site.decoded, base + from, free, base), free.end);
  }
  closeStubs(): void { for (const page of this.#code.copied()) page.dropStubs(); }

  // ── the guest's memory ──

  #locate(view: View): (va: bigint) => number | undefined {
    let last = 0n, there: number | undefined;
    return (va) => {
      const page = va >> 12n;
      if (page !== last || there === undefined) {
        const found = walk(this.#ram, view, va, 'fetch');
        last = page;
        there = typeof found === 'object' && this.#ram.isRam(found.page, PAGE) ? found.page : undefined;
      }
      return there === undefined ? undefined : there + Number(va & 0xfffn);
    };
  }
  #at(view: View, pc: bigint): Decoded | undefined {
    const word = instructionOf(this.#locate(view), this.#ram, pc);
    return word === undefined ? undefined : decode(word);
  }
  text(pc: bigint): string {
    const decoded = this.#at(this.#hands.view(), pc);
    return decoded ? disassemble(decoded) : 'what cannot be read';
  }
}
