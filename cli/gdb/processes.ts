/**
 * The processes of a Unix server: the first one, and those of its children that a client wants to follow. The server's watcher tells of
 * forks, new programs, ends and signals; until a new process has its thread in the microkernel, its registers are those that the server
 * holds for it.
 */
import type { Steps, Switch } from '../../l4guest/arch/arch.ts';
import { mapsOf } from '../../l4guest/fs/proc/maps.ts';
import { glance, glanceAt } from '../../l4guest/mm/glance.ts';
import type { Kernel } from '../../l4guest/kernel/kernel.ts';
import type { Registers } from '../../l4guest/kernel/registers.ts';
import { Loaded, Run, type Thread as UnixThread } from '../../l4guest/kernel/thread.ts';
import { Pte } from '../../l4guest/mm/pagetable.ts';
import type { Process } from '../../l4guest/kernel/process.ts';
import type { Watched, Watcher } from '../../l4guest/kernel/watch.ts';
import { readMemory, type View } from '../../machine/debug/memory.ts';
import { REG } from '../../machine/debug/registers.ts';
import type { Hart } from '../../machine/hart/hart.ts';
import type { Machine } from '../../machine/index.ts';
import { Cause } from '../../microkernel/abi/index.ts';
import { ThreadState } from '../../microkernel/objects/object.ts';
import type { Thread } from '../../microkernel/objects/thread.ts';
import { auxiliaryVector } from './auxv.ts';
import { fcsrWith, isOfFcsr, partOfFcsr, ThreadBeing, type Being } from './being.ts';
import type { Debuggee, Happening, DebugScope } from './debuggee.ts';
import { Parking, showSignal } from './parking.ts';
import { gdbSignal } from './signals.ts';
import type { ClientFeatures, GuestFile, TargetStop } from './target.ts';

const A0 = 10, A7 = 17, SP = 2;

/** Passes the server's events to the debuggee, which is made after the boot. */
export class ProcessWatch implements Watcher {
  watched: Watched | undefined;
  to: ProcessDebuggee | undefined;
  readonly #parking = new Parking((t) => this.to?.isHeld(t.proc.pid) ?? false);

  began(watched: Watched): void { this.watched = watched; }
  park(t: UnixThread): boolean { return this.#parking.park(t); }
  unpark(k: Kernel): void { this.#parking.unpark(k); }
  *signal(thread: UnixThread, arch: Switch): Steps<void> {
    const { to } = this;
    if (to?.follows(thread.proc.pid)) yield* showSignal(thread, arch, (sig) => to.signalled(thread, sig));
  }
  forked(parent: UnixThread, child: UnixThread, how: 'fork' | 'vfork'): void { this.to?.forked(parent, child, how); }
  vforkDone(parent: UnixThread): void { this.to?.vforkDone(parent); }
  replaced(t: UnixThread, path: string): void { this.to?.replaced(t, path); }
  ended(p: Process): void { this.to?.ended(p); }
}

export class ProcessDebuggee implements Debuggee {
  readonly #machine: Machine;
  readonly #place: DebugScope;
  readonly #watch: ProcessWatch;
  readonly #happened: (what: Happening) => void;
  /** The first process, by its number in the server. */
  #first: number | undefined;
  readonly #followed = new Set<number>();
  #held: ReadonlySet<number> = new Set();
  readonly #vectors = new Map<number, Uint8Array>();
  #features: ClientFeatures | undefined;

  constructor(machine: Machine, place: DebugScope, watch: ProcessWatch, happened: (what: Happening) => void) {
    this.#machine = machine; this.#place = place; this.#watch = watch; this.#happened = happened;
    watch.to = this;
  }

  follows(pid: number): boolean { return this.#followed.has(pid); }
  isHeld(pid: number): boolean { return this.#held.has(pid) && this.follows(pid); }

  /** Threads in user mode leave it before their next instruction; the server does not resume threads of a held process. */
  hold(processes: ReadonlySet<number>): void {
    this.#held = new Set([...processes].map((p) => p - this.#place.base));
    for (const { process, thread } of this.beings()) {
      if (!processes.has(process) || thread === undefined || thread.state !== ThreadState.ready) continue;
      thread.recalled = true;
      if (thread.cpu.running !== thread) continue;
      thread.cpu.reschedule = true;
      thread.cpu.hart.kick();
    }
  }

  at(hart: Hart): Being[] {
    const thread = this.#place.kernel.cpus[hart.id]!.running;
    if (thread === undefined || hart.virt || hart.priv !== 0 || !(this.#place.mayBe ? this.#place.mayBe(thread.task) : thread.alien))
      return [];
    const unix = this.#carried(thread);
    if (!unix) return [];
    if (this.#first === undefined) {
      this.#first = unix.proc.pid;
      this.#followed.add(unix.proc.pid);
      this.#keepVector(unix, thread);
    }
    return this.follows(unix.proc.pid) ? [this.#being(unix, thread)] : [];
  }

  beings(): Being[] {
    const carriers = new Map<UnixThread, Thread>();
    for (const task of this.#place.kernel.tasks) {
      for (const thread of task.threads) {
        const unix = thread.state === ThreadState.dead || !thread.alien ? undefined : this.#carried(thread);
        if (unix) carriers.set(unix, thread);
      }
    }
    return this.#followedThreads().filter((t) => t.state !== Run.dead).map((t) => this.#being(t, carriers.get(t)));
  }

  client(features: ClientFeatures | undefined): void {
    this.#features = features;
    if (features !== undefined) return;
    this.#held = new Set();
    this.#followed.clear();
    if (this.#first !== undefined) this.#followed.add(this.#first);
  }

  /** Its process is followed from now on, in place of the first one. */
  turnTo(id: number): Being | undefined {
    const threads = [...this.#place.kernel.tasks].flatMap((task) => [...task.threads]);
    const thread = threads.find((one) => one.id === id && one.alien);
    const unix = thread && this.#carried(thread);
    if (!unix) return undefined;
    this.#first = unix.proc.pid;
    this.#followed.clear();
    this.#followed.add(unix.proc.pid);
    return this.#being(unix, thread);
  }

  /** The path of what it executes. */
  program(process: number): string | undefined {
    const proc = this.#threads().find((t) => t.proc.pid + this.#place.base === process)?.proc;
    return proc?.exe?.path(proc.fs.root);
  }

  release(process: number): boolean { return this.#followed.delete(process - this.#place.base); }
  auxv(process: number): Uint8Array | undefined { return this.#vectors.get(process - this.#place.base); }

  /** The areas of a process that is followed, its program, its libraries. */
  file(path: string): GuestFile | undefined {
    const processes = new Set(this.#followedThreads().map((t) => t.proc));
    const [, pid] = /^\/proc\/(\d+)(?:\/task\/\d+)?\/maps$/.exec(path) ?? [];
    for (const process of processes) {
      if (process.pid + this.#place.base === Number(pid)) return fileOf(new TextEncoder().encode(mapsOf(process)));
      const object = process.mm.areas.list.find((a) => a.name === path)?.object;
      const bytes = object && 'size' in object ? glanceAt(object, object.size as number) : undefined;
      if (bytes) return fileOf(bytes);
    }
    return undefined;
  }

  // ---- what the server tells ---------------------------------------------------------------------------------------

  signalled(thread: UnixThread, sig: number): () => boolean {
    const what: Happening = { stop: { kind: 'signal', thread: 0, signal: gdbSignal(sig) },
      thread: this.#being(thread, this.#carrier(thread)),
      deliver: true };
    this.#happened(what);
    return () => what.deliver !== false;
  }

  forked(parent: UnixThread, child: UnixThread, how: 'fork' | 'vfork'): void {
    if (!this.#features?.[how] || !this.follows(parent.proc.pid)) return;
    const { pid } = child.proc, vector = this.#vectors.get(parent.proc.pid);
    this.#followed.add(pid);
    if (vector) this.#vectors.set(pid, vector);
    this.#happened({ stop: { kind: 'fork', thread: 0, how, child: this.#being(child, undefined) }, thread: this.#being(parent,
      this.#carrier(parent)) });
  }

  vforkDone(parent: UnixThread): void {
    if (this.#features?.vfork && this.follows(parent.proc.pid)) this.#tell(parent, { kind: 'vforkdone', thread: 0 });
  }

  replaced(thread: UnixThread, path: string): void {
    this.#keepVector(thread, undefined);
    if (!this.follows(thread.proc.pid)) return;
    if (this.#features?.exec) this.#tell(thread, { kind: 'exec', thread: 0, process: this.#place.base + thread.proc.pid, path });
  }

  /** The end of the first process is the end of the run, and is reported as such. */
  ended(unix: Process): void {
    const { pid, status = 0 } = unix;
    this.#vectors.delete(pid);
    if (!this.#followed.delete(pid) || unix.k.mainPid === pid) return;
    const signal = status & 0x7f;
    this.#happened({ stop: { kind: 'over', status: signal === 0 ? (status >> 8) & 0xff : gdbSignal(signal), signalled: signal !== 0,
      process: this.#place.base + pid } });
  }

  #tell(t: UnixThread, stop: TargetStop): void { this.#happened({ stop, thread: this.#being(t, this.#carrier(t)) }); }

  // ---- inside ------------------------------------------------------------------------------------------------------

  #threads(): UnixThread[] { return [...this.#watch.watched?.threads() ?? []]; }
  #followedThreads(): UnixThread[] { return this.#threads().filter((t) => this.follows(t.proc.pid)); }

  /** Whose events this thread of the microkernel sends. */
  #carried(thread: Thread): UnixThread | undefined {
    const portal = thread.events[Cause.syscall];
    return portal && this.#watch.watched?.who(portal.label);
  }

  #carrier(unix: UnixThread): Thread | undefined { return this.beings().find((b) => b.key === unix)?.thread; }

  #being(unix: UnixThread, t: Thread | undefined): Being { return new UnixBeing(this.#machine, this.#place.base, unix, t); }

  /** While the stack is as the process got it. */
  #keepVector(unix: UnixThread, thread: Thread | undefined): void {
    const being = this.#being(unix, thread), sp = being.register(SP);
    const vector = sp === undefined ? undefined : auxiliaryVector(sp, (at) => {
      const bytes = being.read(at, 8);
      return bytes?.length === 8 ? new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true) : undefined;
    });
    if (vector) this.#vectors.set(unix.proc.pid, vector);
  }
}

/** A thread of a process. What the server holds of its registers is newer than what its thread in the microkernel has. */
class UnixBeing implements Being {
  readonly process: number;
  readonly thread: Thread | undefined;
  readonly #machine: Machine;
  readonly #unix: UnixThread;
  readonly #carried: ThreadBeing | undefined;

  constructor(machine: Machine, base: number, unix: UnixThread, thread: Thread | undefined) {
    this.#machine = machine; this.#unix = unix; this.thread = thread;
    this.process = base + unix.proc.pid;
    this.#carried = thread && new ThreadBeing(machine, this.process, thread, unix.name);
  }

  get key(): object { return this.#unix; }
  get name(): string { return this.#unix.name; }
  get state(): string { return this.#carried?.state ?? 'about to begin'; }
  get view(): View | undefined { return this.#carried?.view; }

  register(n: number): bigint | undefined {
    const { regs } = this.#unix;
    if (!this.#isHeld(n)) return this.#carried?.register(n);
    if (n < REG.pc) return regs.big[n];
    if (n === REG.pc) return BigInt(regs.pc);
    if (n < REG.csr) return regs.big[n - 1];
    return isOfFcsr(n) ? partOfFcsr(n, regs.fcsr) : undefined;
  }

  /** A thread about to get a signal has its registers in both places, and those below count when it continues: write both. */
  setRegister(n: number, value: bigint): boolean {
    const below = this.#carried?.setRegister(n, value) ?? false;
    return this.#isHeld(n) ? setHeld(this.#unix.regs, n, value) : below;
  }

  /** Pages that the process has not come to yet are not in the microkernel's tables, but the server knows what will be there. */
  read(address: bigint, length: number): Uint8Array | undefined {
    const mapped = this.#carried && readMemory(this.#machine, this.#carried.view, address, length);
    if (mapped?.length === length || address > BigInt(Number.MAX_SAFE_INTEGER)) return mapped;
    const bytes = glance(this.#unix.mm, Number(address), length);
    return bytes.length === 0 ? mapped : bytes;
  }

  /** Only pages that the process could write at once: other pages belong to files or to its parent, or do not exist yet. */
  write(address: bigint, bytes: Uint8Array): boolean {
    const { table } = this.#unix.mm, last = Number(address) + bytes.length - 1;
    if (!Number.isSafeInteger(last)) return false;
    for (let page = Math.floor(Number(address) / 4096); page <= Math.floor(last / 4096); page++)
      if ((table.get(page) & (Pte.W | Pte.NONE)) !== Pte.W) return false;
    return this.#carried?.write(address, bytes) ?? false;
  }

  /** Is the server's image the one that counts? */
  #isHeld(n: number): boolean {
    const { loaded } = this.#unix;
    return this.#carried === undefined || loaded === Loaded.all || (loaded === Loaded.args && n >= A0 && n <= A7);
  }
}

const fileOf = (bytes: Uint8Array): GuestFile => ({ size: bytes.length, read: (at, n) => bytes.subarray(at, at + n) });

function setHeld(regs: Registers, n: number, value: bigint): boolean {
  if (n === 0) return true;
  if (n < REG.pc) regs.big[n] = BigInt.asIntN(64, value);
  else if (n === REG.pc) regs.pc = Number(value);
  else if (n < REG.csr) regs.big[n - 1] = BigInt.asIntN(64, value);
  else if (isOfFcsr(n)) regs.fcsr = fcsrWith(n, regs.fcsr, value);
  else return false;
  return true;
}
