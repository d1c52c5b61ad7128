/**
 * The kernel as one object: the tables of everything, the run queue, and the passage of a thread through a system call. Below it stands
 * an Arch; above it the system call table. Exactly one thread is in the server at a time, so nothing here needs a lock.
 */
import type { Arch } from '../arch/arch.ts';
import { Frames } from '../mm/frames.ts';
import { UserIo } from '../mm/uaccess.ts';
import type { Mm } from '../mm/mm.ts';
import type { Inode, Directory, Time } from '../fs/inode.ts';
import type { RegularInode } from '../fs/regular.ts';
import { IpcSpace } from '../ipc/space.ts';
import { TmpFs, type OpenSpecial, type TmpDir } from '../fs/tmpfs.ts';
import { E } from '../abi/errno.ts';
import { CallError, UserFault } from './failure.ts';
import { runCpuTimers, untilCpuTimer } from './cputimers.ts';
import { endProcess, endThread, reapChild } from './exit.ts';
import { trampolineCode } from './sigframe.ts';
import type { Mappable, Vma } from '../mm/vma.ts';
import { FutexTable } from './futex.ts';
import { Random } from './random.ts';
import { ProcessGroup, Session, type Process } from './process.ts';
import { Reg } from './registers.ts';
import { Signals } from './signals.ts';
import { Loaded, Run, type Thread } from './thread.ts';
import { Timers } from './timers.ts';
import { RunQueue } from './runqueue.ts';
import { WaitQueue, type Co } from './wait.ts';

export interface MountEntry { readonly root: Directory; readonly covers: Directory | undefined; readonly source: string; readonly path: string; readonly type: string }

export interface KernelOptions { readonly epoch: number; readonly seed: number; readonly hostname?: string; readonly openSpecial: OpenSpecial }

/** Time slice when several threads want to run, ns. */
export const SLICE = 10_000_000;

export class Kernel {
  readonly arch: Arch;
  readonly frames: Frames;
  readonly timers = new Timers();
  readonly signals = new Signals(this);
  readonly futexes = new FutexTable();
  readonly ipc = new IpcSpace();
  readonly random: Random;
  readonly processes = new Map<number, Process>();
  readonly threads = new Map<number, Thread>();
  readonly groups = new Map<number, ProcessGroup>();
  readonly sessions = new Map<number, Session>();
  readonly ready = new RunQueue();
  /** The thread that is in user mode, or in the server with its call. */
  current: Thread | undefined;
  /** The current thread is in user mode now. */
  inUser = false;
  /** The current thread should make room at its next return. */
  resched = false;
  sliceEnd = Infinity;
  /** Woken when a blocked signal arrives somewhere: signalfd, sigtimedwait. */
  readonly signalWq = new WaitQueue();
  readonly io: UserIo = new UserIo(undefined as unknown as Mm, 0, 0);
  hostname: string;
  domainname = '(none)';
  init!: Process;
  /** Called when the program that the server was started for has ended, with its wait status. */
  onEnd: (status: number) => void = () => undefined;
  mainPid = 0;
  readonly mounts: MountEntry[] = [];
  /** The wall clock's second at which the kernel's own clock began. */
  epoch: number;
  readonly rootFs: TmpFs;
  /** Where pipes, sockets and other inodes without names come from. */
  readonly anon: { make(mode: number): Inode };
  readonly openSpecial: OpenSpecial;
  /** The page that signal handlers return to; every address space maps it. */
  readonly trampoline: Mappable;
  private lastPid = 0;
  private lastDev = 0;
  forks = 0;
  switches = 0;
  private readonly said = new Set<string>();
  private cachedTime: Time = { s: 0, n: 0 };
  private cachedAt = -1;
  /** What the wall clock is ahead of `epoch`, ns; within a second. */
  private shift = 0;

  constructor(arch: Arch, options: KernelOptions) {
    this.arch = arch;
    this.epoch = options.epoch;
    this.hostname = options.hostname ?? 'tessera';
    this.random = new Random(options.seed);
    this.openSpecial = options.openSpecial;
    this.frames = new Frames(arch.pool, (pfn) => arch.changedCode(pfn));
    this.rootFs = this.newTmpFs('rootfs');
    this.trampoline = this.makeTrampoline();
    const anonymous = this.newTmpFs('anon').root;
    this.anon = { make: (mode) => { const i = anonymous.create(mode); i.nlink = 1; return i; } };
  }

  // ── time, names, notes ───────────────────────────────────────────────────────────────────────────────────────────────

  now(): number { return this.arch.now(); }
  /** Wall-clock time in whole milliseconds' steps: for file times. */
  time(): Time {
    const now = this.now();
    if (now - this.cachedAt > 1e6 || this.cachedAt < 0) { this.cachedTime = this.wall(now); this.cachedAt = now; }
    return this.cachedTime;
  }
  wall(now = this.now()): Time {
    const ns = now + this.shift, s = Math.floor(ns / 1e9);
    return { s: this.epoch + s, n: ns - s * 1e9 };
  }
  /** Sets the wall clock: seconds and nanoseconds since 1970. */
  setWall(s: number, n: number): void {
    const now = this.now(), whole = Math.floor(now / 1e9);
    this.epoch = s - whole;
    this.shift = n - (now - whole * 1e9);
    this.cachedAt = -1;
  }
  /** The time on the kernel's own clock at which the wall clock shows `ns`. */
  fromWall(ns: number): number { return ns - this.epoch * 1e9 - this.shift; }
  newDev(): number { return ++this.lastDev; }
  newTmpFs(type: string, source = type, mode = 0o755): TmpFs {
    return new TmpFs({ type, dev: this.newDev(), source, frames: this.frames, clock: () => this.time(), openSpecial: this.openSpecial }, mode);
  }
  newPid(): number {
    do this.lastPid = this.lastPid >= 4_194_303 ? 300 : this.lastPid + 1;
    while (this.threads.has(this.lastPid) || this.processes.has(this.lastPid) || this.groups.has(this.lastPid) || this.sessions.has(this.lastPid));
    return this.lastPid;
  }
  /** Says something on the log, once for each key. */
  once(key: string, text: string): void {
    if (this.said.has(key)) return;
    this.said.add(key);
    this.arch.log(text);
  }
  get root(): TmpDir { return this.rootFs.root; }
  /** Whether some process runs this file (ETXTBSY). */
  isExecuting(inode: Inode): boolean {
    for (const p of this.processes.values()) if (p.exe?.inode === inode) return true;
    return false;
  }
  newSession(id: number): ProcessGroup {
    const s = new Session(id);
    this.sessions.set(id, s);
    return this.newGroup(id, s);
  }
  newGroup(id: number, s: Session): ProcessGroup {
    const g = new ProcessGroup(id, s);
    this.groups.set(id, g);
    return g;
  }
  /** No member has a parent in another group of the same session: nobody could continue it. */
  isOrphaned(g: ProcessGroup): boolean {
    for (const p of g.members) if (p.parent && p.alive && p.parent.group !== g && p.parent.session === g.session) return false;
    return true;
  }
  endProcess(p: Process, status: number): void { endProcess(this, p, status); }
  endThread(t: Thread, status: number): void { endThread(this, t, status); }
  /** Ends a sibling of an execing thread. */
  dropThread(t: Thread): void { endThread(this, t, 0); }
  reap(p: Process): void { reapChild(this, p); }
  memfd(mode: number): RegularInode { return this.anon.make(mode) as RegularInode; }

  private makeTrampoline(): Mappable {
    const pfn = this.frames.alloc();
    this.frames.page(pfn).set(trampolineCode);
    return { frameToRead: () => pfn, frameToWrite: () => -1, resident: () => true, unmapped: () => undefined, areas: new Set<Vma>(), ino: 0, dev: 0 };
  }

  // ── a system call's way ──────────────────────────────────────────────────────────────────────────────────────────────

  /** The call has its result: into a0. */
  finish(t: Thread, result: number): void {
    if (Number.isNaN(result)) { t.sleepUntil = -1; return; }
    t.regs.setX(Reg.a0, result);
    if (result === -E.RESTARTSYS || result === -E.RESTARTNOHAND) t.work = true;
    else t.sleepUntil = -1;
  }
  /** Runs a call that sleeps until it sleeps or ends. */
  continueCall(t: Thread, co: Co<number>): void {
    this.current = t;
    t.state = Run.current;
    t.co = co;
    try {
      const r = co.next();
      if (!r.done) return;
      t.co = undefined;
      if (t.state === Run.current) this.finish(t, r.value);
    } catch (e) {
      t.co = undefined;
      this.finish(t, this.failed(t, e));
    }
  }
  /** What an exception out of a system call means. */
  failed(t: Thread, e: unknown): number {
    if (e instanceof UserFault) return -E.FAULT;
    if (e instanceof CallError) return -e.errno;
    this.arch.log(`l4guest: bug in a system call of ${t.name}[${t.tid}]: ${e instanceof Error ? e.stack ?? e.message : String(e)}`);
    return -E.IO;
  }

  // ── scheduling ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The next thread that can return to user mode, or undefined when all sleep. Calls in progress go on on the way. */
  pick(): Thread | undefined {
    for (;;) {
      const t = this.ready.shift();
      if (!t) { this.current = undefined; return undefined; }
      if (t.state !== Run.ready) continue;
      t.state = Run.current;
      this.current = t;
      if (t.co) this.continueCall(t, t.co);
      if (this.current === t && t.state === Run.current && !t.co) {
        this.switches++;
        this.sliceEnd = this.now() + SLICE;
        return t;
      }
    }
  }
  /** Puts the current thread behind the others. */
  yieldCpu(t: Thread): void {
    t.state = Run.ready;
    this.ready.push(t);
    this.resched = false;
  }
  /** A thread has something to look at: if it runs in user mode, get it back. */
  kick(t: Thread): void { if (this.inUser && t === this.current) this.arch.recall(t); }

  /** A thread that slept is ready while another one runs: from now on the end of the slice must ring. */
  somebodyReady(): void { if (this.ready.length === 1 && this.current?.state === Run.current) this.rearm(); }

  /** Time has passed: timers, time slice. To be called when the alarm rang, from between events. */
  tick(): void {
    const now = this.now();
    this.timers.run(now);
    if (this.current) runCpuTimers(this.current);
    this.preempt(now >= this.sliceEnd);
    this.rearm();
  }
  /** Takes the processor from the current thread if somebody deserves it more, or its slice is over. */
  preempt(over = false): void {
    const t = this.current;
    if (!t || this.ready.length === 0) return;
    this.account(t);
    if (!(over && this.ready.sliceEnds(t)) && !this.ready.beats(t)) return;
    this.resched = true;
    if (this.inUser) this.arch.recall(t);
  }
  /** Notes the processor time of the current thread up to now. */
  account(t: Thread): void {
    const now = this.now(), ns = Math.max(0, now - t.startedAt);
    t.cpuNs += ns;
    t.startedAt = now;
    this.ready.used(t, ns);
  }
  /** Tells the arch layer when to ring next. A slice that has been called back rings no more: it would ring before the thread can answer. */
  rearm(): void {
    const slice = this.ready.length > 0 && this.current && !this.resched ? this.sliceEnd : Infinity;
    const t = this.current, cpu = t && t.proc.cpuTimers.length > 0 && t.state === Run.current ? this.now() + Math.max(0, untilCpuTimer(t)) : Infinity;
    this.arch.setAlarm(Math.min(this.timers.next, slice, cpu));
  }
  markLoaded(t: Thread, what: 0 | 1 | 2): void { if (t.loaded < what || what === Loaded.none) t.loaded = what; }
}
