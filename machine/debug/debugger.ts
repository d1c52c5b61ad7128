/**
 * Breakpoints, watchpoints, stepping. One object per machine, set as `machine.debug`; its driver runs the machine
 * until `run` answers 'debug', and finds the reason in `stop`.
 *
 *   const debug = new Debugger(machine);
 *   debug.insert('break', 0x8000_0010n, 2);
 *   machine.run();                              // { kind: 'debug' }
 *   debug.stop                                  // { hart: 0, kind: 'break', address: 0x80000010n }
 *   debug.resume([{ hart: 0, step: true }]);    // the others are held
 *   machine.run();                              // { kind: 'debug' }: one instruction later
 *
 * A breakpoint is a virtual address, in any address space. When a hart is about to execute a page with a breakpoint, the debugger marks
 * the instruction in the engine, by physical address. When a hart reaches a mark by another address, or continues from one, the debugger
 * removes the mark for one instruction. A watched page has no data tags in the TLBs, so the debugger sees each access; the machine stops
 * before the instruction that accesses watched memory, as hardware triggers do and GDB expects.
 */
import type { Hart } from '../hart/hart.ts';
import type { Machine } from '../machine.ts';
import type { DebugHooks } from './hooks.ts';
import { physicalAddress } from './translate.ts';

export type PointKind = 'break' | 'write' | 'read' | 'access';

/** Why the machine has stopped. `address`: of the breakpoint, or of the watched access. */
export interface Stop {
  readonly hart: number;
  readonly kind: PointKind | 'step' | 'first' | 'request';
  readonly address: bigint;
}

export interface Resumption { readonly hart: number; readonly step: boolean }

/** For a hosted machine, which runs many programs. It cannot hold a hart, because the kernel decides what runs where. */
export interface Hosted {
  /** Does the hart now execute the debugged program (a virtual machine, a process)? Points stop nothing else. */
  concerns(h: Hart): boolean;
  /** Does the hart now execute the thread that steps? A step ends only there. */
  steps(h: Hart): boolean;
  /** The hart is about to execute a page of code. True: a new program begins, and the machine stops before it. */
  arrives(h: Hart): boolean;
}

/** Asked when a hart is about to execute a point's instruction, or to access its memory; it must change nothing. */
export type Condition = (h: Hart) => boolean;

interface Point {
  readonly kind: PointKind;
  readonly address: bigint;
  readonly length: number;
  /** The point counts only while this returns true. */
  readonly condition: Condition | undefined;
  uses: number;
  /** Marks in the engine that are there for it. */
  readonly marks: Set<number>;
}

const U64 = 64;
const PAGE_BITS = 12n;

export class Debugger implements DebugHooks {
  /** Why the machine stopped last; undefined while it runs. */
  stop: Stop | undefined;
  readonly #machine: Machine;
  readonly #points = new Map<string, Point>();
  /** The same by virtual page: breakpoints, watchpoints. */
  readonly #codePages = new Map<number, Point[]>();
  readonly #dataPages = new Map<number, Point[]>();
  /** Marks in the engine: linear address, how many breakpoints want it. */
  readonly #marks = new Map<number, number>();
  readonly #held = new Set<Hart>();
  readonly #stepping = new Set<Hart>();
  /** Harts whose last slice the debugger interrupted, at this pc. */
  readonly #resuming = new Map<Hart, bigint>();
  /** The mark under the hart's next instruction, which the hart passes without a stop. */
  readonly #passing = new Map<Hart, number>();
  /** Harts that continue from a point where they have stopped: it is ignored for one instruction. */
  readonly #leaving = new Set<Hart>();
  /** Where a stop has been reported, so that continuing from there does not stop again. */
  readonly #reported = new Map<Hart, bigint>();
  /** The hart at the start of its slice; pc only while something steps. */
  #began = { cycles: 0, instret: 0, pc: 0n };

  readonly #hosted: Hosted | undefined;

  constructor(machine: Machine, hosted?: Hosted) {
    this.#machine = machine;
    this.#hosted = hosted;
  }

  // ---- for the debugger's driver ----------------------------------------------------------------------------------------------

  /** The same point may be inserted several times (with the first one's condition); it is there until removed as often. */
  insert(kind: PointKind, address: bigint, length: number, condition?: Condition): void {
    const key = keyOf(kind, address, length);
    const known = this.#points.get(key);
    if (known) {
      known.uses++;
      return;
    }
    const point: Point = { kind, address: BigInt.asUintN(U64, address), length, condition, uses: 1, marks: new Set() };
    this.#points.set(key, point);
    for (const page of pagesOf(point)) {
      const pages = kind === 'break' ? this.#codePages : this.#dataPages;
      pages.set(page, [...(pages.get(page) ?? []), point]);
      this.#machine.tlbs.forgetAddress(page * 4096 | 0);
    }
  }

  /** False: there is no such point. */
  remove(kind: PointKind, address: bigint, length: number): boolean {
    const key = keyOf(kind, address, length);
    const point = this.#points.get(key);
    if (!point) return false;
    if (--point.uses > 0) return true;
    this.#points.delete(key);
    for (const page of pagesOf(point)) {
      const pages = kind === 'break' ? this.#codePages : this.#dataPages;
      const rest = (pages.get(page) ?? []).filter((p) => p !== point);
      if (rest.length > 0) pages.set(page, rest);
      else pages.delete(page);
    }
    for (const mark of point.marks) this.#unmark(mark);
    return true;
  }

  removeAll(): void {
    for (const point of [...this.#points.values()]) {
      point.uses = 1;
      this.remove(point.kind, point.address, point.length);
    }
  }

  /** Stops the machine from outside: at the end of the present slice. */
  request(): void { this.#halt({ hart: 0, kind: 'request', address: 0n }); }

  /** Sets what the next run does: harts that are not named are held. An empty list: all run. */
  resume(harts: readonly Resumption[] = []): void {
    this.stop = undefined;
    this.#stepping.clear();
    const before = new Set(this.#held);
    this.#held.clear();
    for (const hart of this.#machine.harts) {
      const named = harts.find((r) => r.hart === hart.id);
      if (harts.length > 0 && named === undefined && this.#hosted === undefined) this.#held.add(hart);
      if (named?.step) this.#stepping.add(hart);
      // A held hart misses that time, like one that waits.
      if (before.has(hart) && !this.#held.has(hart)) hart.sliceEnd = Math.max(hart.sliceEnd, this.#machine.events.now);
    }
  }

  // ---- for harts and run loop (DebugHooks) --------------------------------------------------------------------

  begin(hart: Hart): number {
    if (this.#held.has(hart)) return 0;
    this.#began = { cycles: hart.sliceEnd, instret: hart.instret, pc: this.#stepping.size > 0 ? hart.pc : 0n };
    const again = this.#reported.get(hart) === hart.pc;
    const fresh = this.#stepping.has(hart) || again ? this.#markAt(hart) : undefined;
    if (again) this.#leaving.add(hart);
    this.#reported.delete(hart);
    const mark = this.#passing.get(hart) ?? fresh;
    if (mark !== undefined) {
      this.#passing.set(hart, mark);
      this.#machine.engine.setBreak(mark, false);
    }
    return mark !== undefined || again || this.#stepping.has(hart) ? 1 : Infinity;
  }

  end(hart: Hart, interrupted: boolean): void {
    const mark = this.#passing.get(hart);
    const touched = this.#leaving.delete(hart);
    const moved = hart.sliceEnd > this.#began.cycles || interrupted;
    if (mark !== undefined && moved) {
      this.#passing.delete(hart);
      if (this.#marks.has(mark)) this.#machine.engine.setBreak(mark, true);
    }
    const stepped = this.#stepping.has(hart) && moved && this.#hasStepped(hart);
    if (stepped) this.#halt({ hart: hart.id, kind: 'step', address: hart.pc });
    if (mark !== undefined || touched || stepped || this.stop !== undefined) this.#resuming.set(hart, hart.pc);
  }

  resumes(hart: Hart): boolean {
    const pc = this.#resuming.get(hart);
    this.#resuming.delete(hart);
    if (pc !== undefined && this.stop !== undefined) this.#resuming.set(hart, pc); // it does so when the machine runs on
    return pc === hart.pc;
  }

  steps(h: Hart): boolean { return this.#stepping.has(h); }
  holds(h: Hart): boolean { return this.#held.has(h); }

  reached(hart: Hart): void {
    const point = this.#points.get(keyOf('break', hart.pc, 0));
    if (point !== undefined && !this.#leaving.has(hart) && this.#isConcerned(hart) && point.condition?.(hart) !== false) {
      this.#reported.set(hart, hart.pc);
      this.#halt({ hart: hart.id, kind: 'break', address: hart.pc });
      return;
    }
    const mark = this.#markAt(hart);
    if (mark !== undefined) this.#passing.set(hart, mark);
    this.#resuming.set(hart, hart.pc);
  }

  fetched(hart: Hart, lo: number, hi: number, page: number): boolean {
    const first = this.#hosted?.arrives(hart) === true;
    if (first) this.#halt({ hart: hart.id, kind: 'first', address: hart.pc });
    for (const point of this.#codePages.get(pageNumber(lo, hi)) ?? []) {
      const mark = page + Number(point.address & 0xfffn);
      if (point.marks.has(mark)) continue;
      point.marks.add(mark);
      const uses = this.#marks.get(mark) ?? 0;
      this.#marks.set(mark, uses + 1);
      if (uses === 0) this.#machine.engine.setBreak(mark, true);
    }
    return first;
  }

  cacheable(lo: number, hi: number): boolean {
    return this.#dataPages.size === 0 || !this.#dataPages.has(pageNumber(lo, hi));
  }

  touches(hart: Hart, lo: number, hi: number, size: number, write: boolean): boolean {
    if (this.#dataPages.size === 0 || this.#leaving.has(hart) || !this.#isConcerned(hart)) return false;
    const from = BigInt.asUintN(U64, (BigInt(hi) << 32n) | BigInt(lo >>> 0));
    const to = from + BigInt(size);
    for (const point of this.#points.values()) {
      if (point.kind === 'break' || point.kind === (write ? 'read' : 'write')) continue;
      if (point.address >= to || point.address + BigInt(point.length) <= from) continue;
      if (point.condition?.(hart) === false) continue;
      this.#reported.set(hart, hart.pc);
      this.#halt({ hart: hart.id, kind: point.kind, address: point.address > from ? point.address : from });
      return true;
    }
    return false;
  }

  // ---- inside ------------------------------------------------------------------------------------------------------

  /** On a hosted machine a fault that the kernel has resolved is no step: the instruction has not run yet. */
  #hasStepped(hart: Hart): boolean {
    if (this.#hosted === undefined) return true;
    return this.#hosted.steps(hart) && (hart.instret > this.#began.instret || hart.pc !== this.#began.pc);
  }

  #isConcerned(h: Hart): boolean { return this.#hosted === undefined || this.#hosted.concerns(h); }

  #halt(stop: Stop): void {
    this.stop ??= stop;
    this.#machine.stop({ kind: 'debug' });
  }

  #unmark(mark: number): void {
    const uses = this.#marks.get(mark)! - 1;
    if (uses > 0) this.#marks.set(mark, uses);
    else {
      this.#marks.delete(mark);
      this.#machine.engine.setBreak(mark, false);
    }
  }

  /** The mark under the hart's pc, if there is one. */
  #markAt(hart: Hart): number | undefined {
    const pa = this.#marks.size === 0 ? undefined : physicalAddress(hart, hart.pc);
    const mark = pa === undefined ? 0 : hart.host.linear.at(pa, 2);
    return this.#marks.has(mark) ? mark : undefined;
  }
}

const keyOf = (kind: PointKind, address: bigint, length: number): string =>
  `${kind} ${BigInt.asUintN(U64, address)} ${kind === 'break' ? 0 : length}`;

/** Virtual page number as the TLBs count: signed, from the halves of an address. */
const pageNumber = (lo: number, hi: number): number => hi * 0x10_0000 + (lo >>> 12);

function pagesOf({ address, length }: Point): number[] {
  const first = BigInt.asIntN(U64, address) >> PAGE_BITS;
  const last = BigInt.asIntN(U64, address + BigInt(Math.max(length, 1) - 1)) >> PAGE_BITS;
  const pages: number[] = [];
  for (let page = first; page <= last; page++) pages.push(Number(page));
  return pages;
}
