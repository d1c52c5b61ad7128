/**
 * What runs on the microkernel as GDB sees it: the processors of the virtual machine, or the threads of the first process of the
 * Unix world. Their registers are in a hart or in the kernel's thread object, their memory behind the task's page tables. The whole
 * machine stands still while they do, so virtual time does not pass for anybody.
 */
import { Debugger, type PointKind } from '../../machine/debug/debugger.ts';
import { readMemory, writeMemory, type View } from '../../machine/debug/memory.ts';
import { REG } from '../../machine/debug/registers.ts';
import { walk } from '../../machine/debug/translate.ts';
import { walkLines } from '../../machine/debug/walk.ts';
import type { Hart } from '../../machine/hart/hart.ts';
import type { Machine } from '../../machine/index.ts';
import { Cause } from '../../microkernel/abi/index.ts';
import type { Kernel } from '../../microkernel/index.ts';
import type { Task } from '../../microkernel/objects/task.ts';
import type { Thread } from '../../microkernel/objects/thread.ts';
import { ThreadState } from '../../microkernel/objects/object.ts';
import { guestRegister, setGuestRegister } from '../../system/guest-registers.ts';
import { registersOf, setPc } from '../../microkernel/state/user.ts';
import { readerOf } from '../../system/capture/peek.ts';
import { auxiliaryVector } from './auxv.ts';
import { gdbSignal } from './signals.ts';
import { GUEST_OFFSET, guestDescription, registerBytes, userDescription } from './description.ts';
import { hexNumber } from './packets.ts';
import type { MonitorCommand, PointCondition, Target, TargetStop, ThreadAction, ThreadInfo } from './target.ts';

export type Debugged = 'guest' | 'process';

const SIGTRAP = 5;
const SP = 2;
/** Page tables of the kernel: Sv39, and Sv39x4 for guests. */
const SV39 = 8n << 60n;
const FFLAGS = REG.csr + 1, FRM = REG.csr + 2, FCSR = REG.csr + 3;
const CSR = { hvip: 0x645, hideleg: 0x603, vsip: 0x244, vsatp: 0x280 } as const;
const STATES: Readonly<Record<number, string>> = {
  [ThreadState.inactive]: 'not started', [ThreadState.ready]: 'running', [ThreadState.calling]: 'waiting for an answer',
    [ThreadState.stopped]: 'stopped', [ThreadState.dead]: 'dead',
};

export class KernelTarget implements Target {
  readonly coreRegisters = REG.f;
  readonly description: string;
  readonly debug: Debugger;
  isPhysical = false;
  readonly #machine: Machine;
  readonly #kernel: Kernel;
  readonly #kind: Debugged;
  /** The process: the first that comes to run. */
  #process: Task | undefined;
  /** Numbers that threads were given when they were first seen. */
  readonly #numbers = new Map<Thread, number>();
  /** What the process is about to get. */
  #signal: { readonly signal: number; readonly thread: Thread | undefined; deliver: boolean } | undefined;
  #auxv: Uint8Array | undefined;
  readonly #bytes = new DataView(new ArrayBuffer(8));

  /** Whose tasks it may be; without it, anybody's. */
  readonly #mayBe: ((task: Task) => boolean) | undefined;

  constructor(machine: Machine, kernel: Kernel, kind: Debugged, mayBe?: (task: Task) => boolean) {
    this.#mayBe = mayBe;
    this.#machine = machine;
    this.#kernel = kernel;
    this.#kind = kind;
    this.description = kind === 'guest' ? guestDescription : userDescription;
    this.debug = new Debugger(machine, (h) => this.#concerns(h));
    machine.debug = this.debug;
  }

  threads(): ThreadInfo[] {
    return this.#threads().map((t, i) => ({
      id: this.#numberOf(t), name: this.#kind === 'guest' ? `processor ${i}` : `thread ${i + 1}`, state: t.cpu.running === t
        ? `on hart ${t.cpu.id}` : STATES[t.state] ?? 'waiting',
    }));
  }

  /**
   * The process is about to get this signal (Linux's number), and stands at this pc. The answer says, when it goes on, whether it gets
   * it.
   */
  signalled(signal: number, pc: number): () => boolean {
    const thread = this.#threads().find((t) => t.state !== ThreadState.inactive && this.#register(t, REG.pc) === BigInt.asUintN(64,
      BigInt(pc)));
    const stop = (this.#signal = { signal: gdbSignal(signal), thread, deliver: true });
    this.debug.request();
    return () => stop.deliver;
  }

  get current(): number {
    const signalled = this.debug.stop?.kind === 'request' ? this.#signal?.thread : undefined;
    if (signalled !== undefined) return this.#numberOf(signalled);
    const hart = this.debug.stop?.hart;
    const stopped = hart === undefined ? undefined : this.#kernel.cpus[hart]?.running;
    const threads = this.#threads();
    const shown = threads.find((t) => t === stopped) ?? threads.find((t) => t.cpu.running === t)
      ?? threads.find((t) => t.state === ThreadState.ready) ?? threads[0];
    return shown === undefined ? 0 : this.#numberOf(shown);
  }

  stopped(): TargetStop {
    const { stop } = this.debug;
    if (stop?.kind === 'request') return { kind: 'signal', thread: this.current, signal: this.#signal?.signal ?? SIGTRAP };
    if (stop === undefined || stop.kind === 'step' || stop.kind === 'first') return { kind: 'signal', thread: this.current,
      signal: SIGTRAP };
    return { kind: 'point', thread: this.current, point: stop.kind, address: stop.address };
  }

  readRegister(thread: number, register: number): Uint8Array | undefined {
    const t = this.#thread(thread);
    const value = t === undefined ? undefined : this.#register(t, register);
    if (value === undefined) return undefined;
    this.#bytes.setBigUint64(0, BigInt.asUintN(64, value), true);
    return new Uint8Array(this.#bytes.buffer.slice(0, registerBytes(register)));
  }

  writeRegister(thread: number, register: number, bytes: Uint8Array): boolean {
    const t = this.#thread(thread);
    if (t === undefined || bytes.length !== registerBytes(register)) return false;
    this.#bytes.setBigUint64(0, 0n, true);
    bytes.forEach((byte, i) => this.#bytes.setUint8(i, byte));
    return this.#setRegister(t, register, this.#bytes.getBigUint64(0, true));
  }

  readMemory(thread: number, address: bigint, length: number): Uint8Array | undefined {
    const view = this.#view(thread);
    if (view === undefined) return undefined;
    const mapped = readMemory(this.#machine, view, address, length);
    return this.#kind === 'guest' || mapped?.length === length ? mapped : this.#untouched(this.#thread(thread)!, address, length) ?? mapped;
  }

  writeMemory(thread: number, address: bigint, bytes: Uint8Array): boolean {
    const view = this.#view(thread);
    return view !== undefined && writeMemory(this.#machine, view, address, bytes);
  }

  /** Found at the first instruction, while the stack is as the process got it. */
  get auxv(): Uint8Array | undefined {
    const first = this.debug.stop?.kind === 'first' && this.#kind === 'process' ? this.#thread(this.current) : undefined;
    if (first !== undefined) {
      const word = (at: bigint): bigint | undefined => {
        const bytes = this.readMemory(this.current, at, 8);
        return bytes?.length === 8 ? new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true) : undefined;
      };
      this.#auxv ??= auxiliaryVector(this.#register(first, SP)!, word);
    }
    return this.#auxv;
  }

  insert(kind: PointKind, address: bigint, length: number, condition?: PointCondition): void {
    this.debug.insert(kind, address, length, condition && ((h) => {
      const t = this.#kernel.cpus[h.id]!.running;
      return t === undefined || condition(this.#numberOf(t));
    }));
  }
  remove(kind: PointKind, address: bigint, length: number): boolean { return this.debug.remove(kind, address, length); }
  removeAll(): void { this.debug.removeAll(); }

  /** Who is not named runs as well: which thread is on which hart is the kernel's business. */
  resume(actions: readonly ThreadAction[]): void {
    const stopped = this.debug.stop?.kind === 'request' ? this.#signal : undefined;
    if (stopped?.thread !== undefined) stopped.deliver = actions.find((a) => a.thread === this.#numberOf(stopped.thread!))?.signalled
      ?? true;
    this.debug.resume(actions.flatMap(({ thread, step }) => {
      const t = this.#thread(thread);
      return step && t !== undefined ? [{ hart: t.cpu.id, step }] : [];
    }));
  }

  physical(on: boolean): boolean {
    if (on && this.#kind === 'process') return false;
    this.isPhysical = on;
    return true;
  }

  readonly commands: Record<string, MonitorCommand> = {
    info: { help: 'the threads, and virtual time', run: () => this.#info() },
    translate: { help: "translate ADDRESS: where the selected thread's memory is, level by level", run: (words, thread) =>
      this.#translate(words, thread) },
  };

  // ---- inside ------------------------------------------------------------------------------------------------------

  #concerns(h: Hart): boolean {
    const t = this.#kernel.cpus[h.id]!.running;
    if (this.#kind === 'guest') return h.virt && (!this.#mayBe || (t !== undefined && this.#mayBe(t.task)));
    if (t === undefined || h.virt || h.priv !== 0 || !(this.#mayBe ? this.#mayBe(t.task) : t.alien)) return false;
    this.#process ??= t.task;
    return t.task === this.#process;
  }

  /** Those that are debugged, oldest first. */
  #threads(): Thread[] {
    const tasks = this.#kind === 'guest' ? [...this.#kernel.tasks].filter((task) => task.guest && (!this.#mayBe || this.#mayBe(task)))
      : this.#process === undefined ? [] : [this.#process];
    const found: Thread[] = [];
    for (const task of tasks) found.unshift(...[...task.threads].filter(t => t.state !== ThreadState.dead));
    return found;
  }

  #numberOf(t: Thread): number {
    const known = this.#numbers.get(t);
    if (known === undefined) this.#numbers.set(t, this.#numbers.size + 1);
    return known ?? this.#numbers.size;
  }

  #thread(number: number): Thread | undefined { return this.#threads().find((t) => this.#numberOf(t) === number); }

  /** Do its registers stand in a hart? */
  #isLive(t: Thread): boolean { return t.cpu.owner === t; }
  #pc(t: Thread): Int32Array { return this.#isLive(t) ? t.cpu.hart.pc32 : t.pc32; }
  #fcsr(t: Thread): number { return this.#isLive(t) ? t.cpu.hart.fcsr : t.fcsr; }
  #floats(t: Thread): BigInt64Array { return this.#isLive(t) ? t.cpu.hart.f : t.f!; }
  #mode(t: Thread): number { return !t.guest ? 0 : t.cpu.running === t && t.cpu.hart.virt ? t.cpu.hart.priv : t.mode; }

  #register(t: Thread, n: number): bigint | undefined {
    if (n < REG.pc) return pair(registersOf(t), n);
    if (n === REG.pc) return pair(this.#pc(t), 0);
    if (n < REG.csr) return this.#floats(t)[n - REG.f]!;
    if (n === FFLAGS) return BigInt(this.#fcsr(t) & 31);
    if (n === FRM) return BigInt(this.#fcsr(t) >> 5);
    if (n === FCSR) return BigInt(this.#fcsr(t));
    if (n === REG.priv) return BigInt(this.#mode(t));
    return t.guest ? this.#guestCsr(t, n - REG.csr + GUEST_OFFSET) : undefined;
  }

  /** What is pending is not stored: it is what is injected, as far as it is the guest's. */
  #guestCsr(t: Thread, csr: number): bigint | undefined {
    if (csr !== CSR.vsip) return guestRegister(t, csr);
    return (guestRegister(t, CSR.hvip)! & guestRegister(t, CSR.hideleg)!) >> 1n;
  }

  #setRegister(t: Thread, n: number, value: bigint): boolean {
    if (n === 0) return true;
    if (n < REG.pc) setPair(registersOf(t), n, value);
    else if (n === REG.pc) setPc(t, Number(BigInt.asIntN(32, value)), Number(BigInt.asIntN(32, value >> 32n)));
    else if (n < REG.csr) this.#floats(t)[n - REG.f] = BigInt.asIntN(64, value);
    else if (n === FFLAGS) return this.#setFcsr(t, (this.#fcsr(t) & ~31) | Number(value & 31n));
    else if (n === FRM) return this.#setFcsr(t, (this.#fcsr(t) & 31) | (Number(value & 7n) << 5));
    else if (n === FCSR) return this.#setFcsr(t, Number(value & 0xffn));
    else return t.guest && n < REG.priv && setGuestRegister(t, n - REG.csr + GUEST_OFFSET, value);
    return true;
  }

  #setFcsr(t: Thread, value: number): boolean {
    if (this.#isLive(t)) t.cpu.hart.fcsr = value;
    else t.fcsr = value;
    return true;
  }

  #view(thread: number): View | undefined {
    const t = this.#thread(thread);
    if (t === undefined) return undefined;
    const tables = SV39 | BigInt(t.task.space.root.pa / 4096);
    if (!t.guest) return { first: tables };
    return { first: this.isPhysical ? 0n : guestRegister(t, CSR.vsatp)!, second: tables };
  }

  /** Pages that the process has not come to yet are not in the kernel's tables, but the Unix server knows what will be there. */
  #untouched(t: Thread, address: bigint, length: number): Uint8Array | undefined {
    if (address > BigInt(Number.MAX_SAFE_INTEGER)) return undefined;
    const bytes = readerOf(this.#machine.memory, t, Cause.syscall)(Number(address), length);
    return bytes.length === 0 ? undefined : bytes;
  }

  #info(): string {
    const lines = this.threads().map((info) =>
      `${info.name}: pc 0x${this.#register(this.#thread(info.id)!, REG.pc)!.toString(16)}, ${info.state}`);
    return `${lines.join('\n')}\n${this.#machine.instructions} instructions of all, cycle ${this.#machine.events.now}\n`;
  }

  #translate([text = '']: readonly string[], thread: number): string {
    const address = hexNumber(text.replace(/^0x/, ''));
    const view = this.#view(thread);
    if (address === undefined || view === undefined || typeof view === 'string'
      || !('first' in view)) return 'give an address in hexadecimal\n';
    return `${walkLines(walk(this.#machine.linear, view, address)).join('\n')}\n`;
  }
}

const pair = (words: Int32Array, i: number): bigint => (BigInt(words[2 * i + 1]! >>> 0) << 32n) | BigInt(words[2 * i]! >>> 0);

function setPair(words: Int32Array, i: number, value: bigint): void {
  words[2 * i] = Number(BigInt.asIntN(32, value));
  words[2 * i + 1] = Number(BigInt.asIntN(32, value >> 32n));
}
