/**
 * Stubs of a virtual machine: where hot sensitive instructions go instead of leaving the guest, and the pages that make it possible.
 *
 *   site: jalr zero, k(zero) ──► entries, the top page ── jal ──► stub, in the 64 KiB below ──► back, behind the site
 *                                                               └─ page of virtual state (virtual-state.ts), one for each processor
 *
 * Entries and stubs are execute-only, so that an error pointer that is followed faults as ever; the entries lie within reach
 * of x0, the stubs within reach of a `jal` from there, and the state, which can be read and written, apart from both. They are there as
 * long as the guest has nothing of its own at these addresses. An entry and a stub are used once: a processor may still be in it.
 */
import type { Syscalls } from '../../binding/index.ts';
import { assemble } from '../../hardware/isa/assemble.ts';
import type { Decoded } from '../../hardware/isa/decode.ts';
import { Right, type Sys } from '../../microkernel/abi/index.ts';
import { allocate, type Env } from '../../roottask/client/index.ts';
import { walk, type Step, type View } from '../memory/walker.ts';
import type { GuestRam } from '../ram.ts';
import { freeRegister, type Free } from './free-register.ts';
import { SLOT, kindOf, needsPlain, reaches, stubFor, type StubCode } from './stub-code.ts';
import { VirtualState } from './virtual-state.ts';

const PAGE = 4096, MOST = 512, REACH = 2048, ENTRY = 4;
/** Addresses of the guest, as signed numbers. */
const ENTRIES = -PAGE, STUBS = ENTRIES - MOST * SLOT, STATE = -(2 ** 20);
const CODE = ENTRIES + PAGE - STUBS, LAST = 2n ** 21n;
const OWN: readonly number[] = [STATE, ...Array.from({ length: CODE / PAGE }, (_, i) => STUBS + i * PAGE)];
export const roomForStubs = (processors: number): number => CODE + processors * PAGE;

/** One stub: for the instruction at `site`, which ends at `next`. */
export interface Stub extends StubCode {
  readonly site: number;
  readonly next: number;
  readonly decoded: Decoded;
  readonly free: Free;
  /** The page that offsets of its window are of; the free register is kept on the page of state. */
  readonly page: number;
  readonly spills: boolean;
}
/** Where a processor is. `line`: of the stub's code; -1 at its entry. */
export interface Inside { readonly stub: Stub; readonly line: number }
/** A page of the monitor's that belongs at an address of the guest. */
export interface OwnPage { readonly va: number; readonly rights: number }

export class Stubs {
  /** The guest uses these addresses itself: there are no more. */
  closed = false;
  readonly #sys: Syscalls;
  readonly #va: number;
  #stubs: Stub[] = [];
  readonly #windows = new Map<number, Stub>();

  constructor(sys: Syscalls, va: number) {
    this.#sys = sys;
    this.#va = va;
  }
  static *make(sys: Syscalls, env: Env, processors: number): Sys<Stubs | undefined> {
    const got = yield* allocate(sys, env, roomForStubs(processors), { rights: Right.RWX, align: PAGE });
    return got.ok ? new Stubs(sys, got.value) : undefined;
  }

  /** Another guest begins: no page is known to have anything in it. */
  reset(processors: number): void {
    const { memory } = this.#sys, nothing = new Uint8Array(CODE);
    for (let i = 0; i < CODE; i += 2) nothing.set(EBREAK, i);
    memory.write(this.#va, nothing);
    memory.fill(this.#va + CODE, processors * PAGE, 0);
    this.#stubs = [];
    this.#windows.clear();
    this.closed = false;
  }
  get count(): number { return this.#stubs.length; }
  /** Its page of state as a processor's thread sees it. */
  state(sys: Syscalls, processor: number): VirtualState | undefined {
    const window = sys.memory.window(this.#stateVa(processor), PAGE, Right.R | Right.W);
    return window && new VirtualState(window);
  }
  #stateVa(processor: number): number { return this.#va + CODE + processor * PAGE; }

  /** The monitor's page for an address of the guest; undefined: it has none there. */
  pageAt(address: number, processor: number): OwnPage | undefined {
    if (this.count === 0 || this.closed) return undefined;
    if (address >= STUBS && address < 0) return { va: this.#va + Math.floor((address - STUBS) / PAGE) * PAGE, rights: Right.X };
    return address >= STATE && address < STATE + PAGE ? { va: this.#stateVa(processor), rights: Right.R | Right.W } : undefined;
  }

  /**
   * Has the guest something of its own at these addresses, now that it has changed its tables (`address`: there)? All lie in the last
   * 2 MiB, where most kernels have nothing at all.
   */
  meets(ram: GuestRam, view: View, address?: bigint): boolean {
    const steps: Step[] = [], isElsewhere = address !== undefined && BigInt.asIntN(64, address) < -LAST;
    if (this.count === 0 || this.closed || isElsewhere || view.satp === 0n) return false;
    const top = walk(ram, view, -1n, 'load', steps);
    if (typeof top === 'object') return true;
    if (steps.at(-1)?.level !== 0) return false;
    return OWN.some((page) => typeof walk(ram, view, BigInt(page), 'load') === 'object');
  }

  /** The register that a stub for this instruction can come back through, if there can be one. `at`: the guest's code, by offset. */
  freeFor(decoded: Decoded, next: number, at: (offset: number) => Decoded | undefined, from: number): Free | undefined {
    const kind = kindOf(decoded), { rd = 0, rs1 = 0 } = decoded.operands;
    if (!kind || this.closed || this.count === MOST || !reaches(STUBS + this.count * SLOT, next)) return undefined;
    return freeRegister(at, from, [rd, rs1], needsPlain(kind));
  }
  /** Makes one. Answers the instruction that goes to it. `page`: what the offsets of `free` are of. */
  add(decoded: Decoded, next: number, free: Free, page: number): number {
    const n = this.#stubs.length, at = STUBS + n * SLOT, entry = ENTRIES + PAGE - REACH + n * ENTRY, { memory } = this.#sys;
    const kind = kindOf(decoded)!, code = stubFor({ decoded, kind, free: free.register, stub: at, state: STATE, next });
    const stub: Stub = { ...code, site: next - decoded.length, next, decoded, free, page, spills: !needsPlain(kind) };
    memory.write(this.#va + at - STUBS, code.bytes);
    memory.write(this.#va + entry - STUBS, wordOf(`j . + ${at - entry}`));
    this.#stubs.push(stub);
    for (const { offset } of free.window) this.#windows.set(page + offset, stub);
    return new DataView(wordOf(`jalr zero, ${entry}(zero)`).buffer).getInt32(0, true);
  }

  /** The stub that a processor at this address is in; undefined: none. */
  inside(pc: number): Inside | undefined {
    if (pc < STUBS || pc >= 0) return undefined;
    const isEntry = pc >= ENTRIES, slot = isEntry ? (pc - (ENTRIES + PAGE - REACH)) / ENTRY : Math.floor((pc - STUBS) / SLOT);
    const stub = this.#stubs[slot], line = isEntry ? -1 : ((pc - STUBS) % SLOT) / 4;
    return stub && (isEntry || stub.lines[line]) ? { stub, line } : undefined;
  }
  /** The stub that a processor has just come back from, if it is at this address and that is so. */
  behind(pc: number): Stub | undefined { return this.#windows.get(pc); }
  /** There are no more stubs. Answers the monitor's pages, to be taken away from the guest. */
  *close(processors: number): Generator<number> {
    this.closed = true;
    for (let va = this.#va; va < this.#stateVa(processors); va += PAGE) yield va;
  }
  /** Addresses that only the monitor's own code is at. */
  covers(pc: bigint): boolean {
    const at = BigInt.asIntN(64, pc);
    return this.count > 0 && !this.closed && at < 0n && at >= STUBS;
  }
}

const EBREAK = Uint8Array.of(0x02, 0x90);
const wordOf = (text: string): Uint8Array => assemble(text, 0).bytes.slice();
