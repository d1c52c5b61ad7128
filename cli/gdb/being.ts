/**
 * A thread as GDB sees it, whatever carries it: a thread of the microkernel, one that the Unix server has not started yet, a process of a
 * guest that is on no processor. Registers are numbered as in machine/debug/registers.ts.
 */
import type { Roots } from '../../machine/debug/translate.ts';
import { readMemory, writeMemory, type View } from '../../machine/debug/memory.ts';
import { REG } from '../../machine/debug/registers.ts';
import type { Machine } from '../../machine/index.ts';
import { ThreadState } from '../../microkernel/objects/object.ts';
import type { Thread } from '../../microkernel/objects/thread.ts';
import { registersOf, setPc } from '../../microkernel/state/user.ts';
import { guestRegister, setGuestRegister } from '../../system/guest-registers.ts';
import { readSoftware, writeSoftware } from './software.ts';
import { modeOfGuest, rootsOfThread, runsGuest, softwareOf, supervisorRegister } from '../../system/panic/roots.ts';
import { GUEST_OFFSET } from './description.ts';

export interface Being {
  /** GDB's number of its process. */
  readonly process: number;
  /** The same object for the same thread, as long as there is one. */
  readonly key: object;
  readonly name: string;
  /** Its state in a few words. */
  readonly state: string;
  /** The thread of the microkernel that carries it now. */
  readonly thread: Thread | undefined;
  /** How its memory is found. */
  readonly view: View | undefined;
  /** Undefined: there is no such register, or its value is unknown now. */
  register(n: number): bigint | undefined;
  setRegister(n: number, value: bigint): boolean;
  /** What could be read; undefined = nothing. */
  read(address: bigint, length: number): Uint8Array | undefined;
  write(address: bigint, bytes: Uint8Array): boolean;
}

const CSR = { hvip: 0x645, hideleg: 0x603, vsip: 0x244 } as const;
const STATES: Readonly<Record<number, string>> = {
  [ThreadState.inactive]: 'not started', [ThreadState.ready]: 'running', [ThreadState.calling]: 'waiting for an answer',
  [ThreadState.stopped]: 'stopped', [ThreadState.dead]: 'dead',
};

export const stateOf = (thread: Thread): string =>
  (thread.cpu.running === thread ? `on hart ${thread.cpu.id}` : STATES[thread.state] ?? 'waiting');

/** A thread of the microkernel: its registers are in a hart or in the thread object, its memory behind its task's page tables. */
export class ThreadBeing implements Being {
  readonly process: number;
  readonly thread: Thread;
  readonly name: string;
  protected readonly machine: Machine;
  readonly #physical: () => boolean;

  constructor(machine: Machine, process: number, thread: Thread, name: string, physical = () => false) {
    this.machine = machine; this.process = process; this.thread = thread; this.name = name; this.#physical = physical;
  }

  get key(): object { return this.thread; }
  get state(): string { return stateOf(this.thread); }

  get view(): View {
    const roots = rootsOfThread(this.thread);
    return runsGuest(this.thread) && this.#physical() ? { ...roots, first: 0n } : roots;
  }
  read(address: bigint, length: number): Uint8Array | undefined { return readAs(this.machine, this.thread, this.view, address, length); }
  write(address: bigint, bytes: Uint8Array): boolean { return writeAs(this.machine, this.thread, this.view, address, bytes); }

  register(n: number): bigint | undefined {
    const { thread } = this;
    if (n < REG.pc) return pair(registersOf(thread), n);
    if (n === REG.pc) return pair(this.#isLive ? thread.cpu.hart.pc32 : thread.pc32, 0);
    if (n < REG.csr) return this.#floats[n - REG.f]!;
    if (isOfFcsr(n)) return partOfFcsr(n, this.#fcsr);
    if (n === REG.priv) return BigInt(modeOfGuest(thread));
    return thread.guest ? guestCsr(thread, n - REG.csr + GUEST_OFFSET) : supervisorRegister(thread, n - REG.csr);
  }

  setRegister(n: number, value: bigint): boolean {
    const { thread } = this;
    if (n === 0) return true;
    if (n < REG.pc) setPair(registersOf(thread), n, value);
    else if (n === REG.pc) setPc(thread, Number(BigInt.asIntN(32, value)), Number(BigInt.asIntN(32, value >> 32n)));
    else if (n < REG.csr) this.#floats[n - REG.f] = BigInt.asIntN(64, value);
    else if (isOfFcsr(n)) this.#setFcsr(fcsrWith(n, this.#fcsr, value));
    else if (n >= REG.priv) return false;
    else if (!thread.guest) return softwareOf(thread)?.processor.setRegister(n - REG.csr, value) ?? false;
    else return setGuestRegister(thread, n - REG.csr + GUEST_OFFSET, value);
    return true;
  }

  /** Are its registers in a hart? */
  get #isLive(): boolean { return this.thread.cpu.owner === this.thread; }
  get #fcsr(): number { return this.#isLive ? this.thread.cpu.hart.fcsr : this.thread.fcsr; }
  get #floats(): BigInt64Array { return this.#isLive ? this.thread.cpu.hart.f : this.thread.f!; }
  #setFcsr(value: number): void {
    if (this.#isLive) this.thread.cpu.hart.fcsr = value;
    else this.thread.fcsr = value;
  }
}

/** Memory as this thread's code knows it, by these registers. */
export function readAs(machine: Machine, thread: Thread, view: View, address: bigint, length: number): Uint8Array | undefined {
  const software = softwareOf(thread);
  return software && isRoots(view) ? readSoftware(machine, software.processor, view, address, length)
    : readMemory(machine, view, address, length);
}
export function writeAs(machine: Machine, thread: Thread, view: View, address: bigint, bytes: Uint8Array): boolean {
  const software = softwareOf(thread);
  return software && isRoots(view) ? writeSoftware(machine, software.processor, view, address, bytes)
    : writeMemory(machine, view, address, bytes);
}
const isRoots = (view: View): view is Roots => typeof view === 'object' && 'first' in view;

/** The hart has no register for pending interrupts of a guest: they are the injected ones that are delegated to it. */
function guestCsr(thread: Thread, csr: number): bigint | undefined {
  if (csr !== CSR.vsip) return guestRegister(thread, csr);
  return (guestRegister(thread, CSR.hvip)! & guestRegister(thread, CSR.hideleg)!) >> 1n;
}

const FFLAGS = REG.csr + 1, FRM = REG.csr + 2, FCSR = REG.csr + 3;
/** Is it fcsr or a part of it? */
export const isOfFcsr = (n: number): boolean => n >= FFLAGS && n <= FCSR;
export const partOfFcsr = (n: number, fcsr: number): bigint => BigInt(n === FCSR ? fcsr : n === FRM ? fcsr >> 5 : fcsr & 31);
/** fcsr, once this part of it has the value. */
export function fcsrWith(n: number, fcsr: number, value: bigint): number {
  if (n === FCSR) return Number(value & 0xffn);
  return n === FRM ? (fcsr & 31) | (Number(value & 7n) << 5) : (fcsr & ~31) | Number(value & 31n);
}

const pair = (words: Int32Array, i: number): bigint => (BigInt(words[2 * i + 1]! >>> 0) << 32n) | BigInt(words[2 * i]! >>> 0);

function setPair(words: Int32Array, i: number, value: bigint): void {
  words[2 * i] = Number(BigInt.asIntN(32, value));
  words[2 * i + 1] = Number(BigInt.asIntN(32, value >> 32n));
}
