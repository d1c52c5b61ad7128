/**
 * The kernel object: everything that exists once. Clocks, process numbers, the processor and its run queue are separate objects; `calls.ts`
 * runs calls, `run.ts` schedules. Below it is an Arch, above it the system call table. Exactly one thread at a time is in the server, so
 * nothing here needs a lock.
 */
import type { Rates } from '../../roottask/client/rates.ts';
import type { Arch } from '../arch/arch.ts';
import type { Inode, Directory } from '../fs/inode.ts';
import type { RegularInode } from '../fs/regular.ts';
import { Mount, MountSpace, type DirPath } from '../fs/path.ts';
import { TmpFs, type OpenSpecial, type TmpDir, type TmpOptions } from '../fs/tmpfs.ts';
import { IpcSpace } from '../ipc/space.ts';
import { Frames } from '../mm/frames.ts';
import { TASK_SIZE, type Mm } from '../mm/mm.ts';
import { UserIo } from '../mm/uaccess.ts';
import { Clocks } from './clocks.ts';
import { ServerCpu } from './cpu.ts';
import { beginDump } from './coredump.ts';
import { endProcess, endThread, collectChild } from './exit.ts';
import { FutexTable } from './futex.ts';
import type { Gates } from './gates.ts';
import { IrqLock } from './irqlock.ts';
import { PidSpace } from './pids.ts';
import type { Process } from './process.ts';
import { Random } from './random.ts';
import { Sysctls } from './sysctl.ts';
import { Signals } from './signals.ts';
import type { SigInfo } from './sigqueue.ts';
import type { Thread } from './thread.ts';
import { TimePages } from './timepage.ts';
import { PLAIN_ISA, hardwareValues, isaForPrograms } from '../abi/hwprobe.ts';
import { Timers } from './timers.ts';
import { WaitQueue } from './wait.ts';
import { UtsSpace } from './uts.ts';
import type { Watcher } from './watch.ts';
import { Work } from './work.ts';
import { Workers } from './workers.ts';

export interface KernelOptions { readonly epoch: number; readonly seed: number; readonly hostname?: string;
  readonly openSpecial: OpenSpecial; readonly rates?: Rates;
  /** The longest time for which the interrupt lock is held, cycles. */ readonly longestHold?: number | undefined;
  /** The processor's ISA string; empty where it is not known. */ readonly isa?: string }

export class Kernel {
  readonly arch: Arch;
  readonly frames: Frames;
  /** Work that is not charged yet. */
  readonly work: Work;
  readonly clock: Clocks;
  /** The lock that replaces disabled interrupts. */
  readonly lock: IrqLock;
  readonly timers = new Timers();
  readonly cpu: ServerCpu;
  readonly pids = new PidSpace();
  readonly signals = new Signals(this);
  readonly futexes = new FutexTable();
  readonly ipc = new IpcSpace();
  readonly workers = new Workers();
  readonly sysctl = new Sysctls();
  readonly random: Random;
  /** Woken when a blocked signal arrives somewhere: signalfd, sigtimedwait. */
  readonly signalWq = new WaitQueue();
  readonly io: UserIo = new UserIo(undefined as unknown as Mm, 0, 0);
  /** The data of uname(2). */
  readonly uts: UtsSpace;
  /** Gates for processes; undefined for a server without any. */
  gates: Gates | undefined;
  init!: Process;
  /** Called with the wait status when the server's program has ended. */
  onEnd: (status: number) => void = () => undefined;
  mainPid = 0;
  /** The attached debugger, if any. */
  watcher: Watcher | undefined;
  /** Logins so far: the audit session gets this number. */
  logins = 0;
  /** The fault that ended the server's program: its access and address. */
  fatal: { readonly signo: number; readonly address: number; readonly access: string; readonly pc: number } | undefined;
  readonly rootFs: TmpFs;
  /** The mounts of the first process, and the mount of nameless inodes: pipes, sockets. */
  readonly mounts: MountSpace;
  readonly nowhere: Mount;
  /** Where pipes, sockets and other inodes without names come from. */
  readonly anon: { make(mode: number): Inode };
  readonly openSpecial: OpenSpecial;
  /** The processor's ISA string, as programs see it, and the values of riscv_hwprobe's keys. */
  readonly isa: string;
  readonly hardware: readonly bigint[];
  /** The pages of every address space: the time without a call, and the return from signal handlers. */
  readonly timePages: TimePages;
  forks = 0;
  /** When input last arrived from outside: keys, frames. */
  lastArrival = -Infinity;
  private lastDev = 0;
  private lastMount = 20;
  private lastSpace = 4026532000;
  private readonly said = new Set<string>();

  constructor(arch: Arch, options: KernelOptions) {
    this.arch = arch;
    this.clock = new Clocks(() => arch.now(), options.epoch);
    this.cpu = new ServerCpu(arch, this.timers);
    // As on Linux, 0 and negative values mean the default.
    this.cpu.realtimeSlice = () => { const ms = this.sysctl.number('kernel/sched_rr_timeslice_ms'); return 1e6 * (ms > 0 ? ms : 100); };
    this.uts = new UtsSpace(options.hostname ?? 'tessera', '(none)');
    this.random = new Random(options.seed);
    this.openSpecial = options.openSpecial;
    this.work = new Work(options.rates);
    this.lock = new IrqLock(options.longestHold);
    this.frames = new Frames(arch.pool, (pfn) => arch.changedCode(pfn), this.work);
    this.mounts = new MountSpace(this.frames);
    this.rootFs = this.newTmpFs('rootfs');
    this.mounts.root = new Mount(this.newMountId(), this.rootFs.root, 'rootfs', 0);
    this.mounts.add(this.mounts.root);
    const isa = options.isa || PLAIN_ISA;
    this.isa = isaForPrograms(isa);
    this.hardware = hardwareValues(isa, TASK_SIZE);
    this.timePages = new TimePages(this.frames, this.clock, this.hardware);
    const anonymous = this.newTmpFs('anon').root;
    this.nowhere = new Mount(0, anonymous, 'none', 0);
    this.anon = { make: (mode) => { const i = anonymous.create(mode); i.nlink = 1; return i; } };
  }

  newDev(): number { return ++this.lastDev; }
  newMountId(): number { return ++this.lastMount; }
  /** The inode number of a new name space. */
  newSpaceIno(): number { return ++this.lastSpace; }
  newTmpFs(type: string, source = type, mode = 0o755, limits: TmpOptions = {}, magic?: number): TmpFs {
    return new TmpFs({ type, magic, dev: this.newDev(), source, frames: this.frames, clock: () => this.clock.time(),
      openSpecial: this.openSpecial }, mode, limits);
  }
  /** Logs a line once for each key. */
  once(key: string, text: string): void {
    if (this.said.has(key)) return;
    this.said.add(key);
    this.arch.log(text);
  }
  get root(): TmpDir { return this.rootFs.root; }
  /** Where paths of the first process start. */
  get top(): DirPath { return { mount: this.mounts.root, inode: this.mounts.root.root as Directory }; }
  /** Whether some process runs this file (ETXTBSY). */
  isExecuting(inode: Inode): boolean {
    for (const process of this.pids.processes.values()) if (process.exe?.inode === inode) return true;
    return false;
  }
  endProcess(p: Process, status: number): void { endProcess(this, p, status); }
  beginDump(t: Thread, info: SigInfo): boolean { return beginDump(this, t, info); }
  endThread(t: Thread, status: number): void { endThread(this, t, status); }
  reap(p: Process): void { collectChild(this, p); }
  memfd(mode: number): RegularInode { return this.anon.make(mode) as RegularInode; }

}
