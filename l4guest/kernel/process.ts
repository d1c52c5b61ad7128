/** A process: what its threads share. Process groups and sessions. */
import type { DirPath, MountSpace } from '../fs/path.ts';
import { FdTable } from '../fs/file.ts';
import type { File } from '../fs/file.ts';
import type { Mm } from '../mm/mm.ts';
import { rootCreds, Limits, type Creds } from './creds.ts';
import type { Kernel } from './kernel.ts';
import { Sig } from '../abi/linux.ts';
import { SigActions, SignalQueue } from './sigqueue.ts';
import type { CpuTimer } from './cputimers.ts';
import type { IpcSpace } from '../ipc/space.ts';
import type { PidNumbers } from './spaces.ts';
import { firstTime, type TimeSpace } from './timespace.ts';
import type { UtsSpace } from './uts.ts';
import type { Thread } from './thread.ts';
import type { Timer } from './timers.ts';
import { WaitQueue } from './wait.ts';

/** Root, working directory and umask (shared with CLONE_FS). */
export interface FsContext { root: DirPath; cwd: DirPath; umask: number }

export interface Terminal { session: Session | undefined; foreground: ProcessGroup | undefined; hangUp(): void; readonly rdev: number }

export class Session {
  readonly id: number;
  terminal: Terminal | undefined;
  constructor(id: number) { this.id = id; }
}
export class ProcessGroup {
  readonly id: number;
  readonly session: Session;
  readonly members = new Set<Process>();
  constructor(id: number, session: Session) { this.id = id; this.session = session; }
  /** No member has a parent in another group of the same session that could continue it (orphaned). */
  get isOrphaned(): boolean {
    for (const process of this.members) if (process.parent && process.alive && process.parent.group !== this
        && process.parent.session === this.session) return false;
    return true;
  }
}

export interface ItimerState { timer: Timer | undefined; at: number; interval: number }

/** The login id of a process that nobody logged in to: (uid_t) −1. */
export const NOBODY = 2 ** 32 - 1;

export class Process {
  readonly k: Kernel;
  readonly pid: number;
  /** The pid space that it lives in, and its number there; the pid space of its children. */
  numbers: PidNumbers;
  number: number;
  childNumbers: PidNumbers;
  parent: Process | undefined;
  /** The thread of the parent that made it. */
  parentThread: Thread | undefined;
  readonly children = new Set<Process>();
  group: ProcessGroup;
  readonly threads = new Set<Thread>();
  /** The wait status with which it ends once no thread is in its own kernel call. */
  doomed: number | undefined;
  mm: Mm;
  fds: FdTable;
  fs: FsContext;
  /** The mounts that it sees. */
  mounts: MountSpace;
  /** The data of uname(2): its own after unshare(CLONE_NEWUTS). */
  uts: UtsSpace;
  /** Its System V objects and message queues: its own after unshare(CLONE_NEWIPC). */
  ipc: IpcSpace;
  /** Offsets of its clocks; and those of its children. */
  time: TimeSpace = firstTime;
  childTime: TimeSpace = firstTime;
  /** The credentials of its first thread. */
  creds: Creds;
  limits: Limits;
  actions: SigActions;
  readonly pending: SignalQueue;
  /** The signal to the parent when it ends. */
  exitSignal: number = Sig.CHLD;
  /** undefined while it lives, then the wait status. */
  status: number | undefined;
  /** exit_group has begun with this wait status. */
  ending: number | undefined;
  stopped = false;
  /** The signal that stopped it last. */
  stopSignal: number = Sig.STOP;
  /** Threads that this process traces, and unreported wait statuses of ended ones. */
  readonly tracees = new Set<Thread>();
  readonly deadTracees: { readonly tid: number; readonly group: number; readonly status: number }[] = [];
  /** Wait status of a stop or continue that the parent has not fetched. */
  report: number | undefined;
  /** Woken when a child changes its state. */
  readonly childWq = new WaitQueue();
  /** Woken when this process has ended or execed: vfork, pidfd. */
  readonly endWq = new WaitQueue();
  /** A vfork child: the parent waits until it releases the address space. */
  borrowsMm = false;
  name = '';
  exe: File | undefined;
  readonly startedAt: number;
  /** Processor time of threads that have ended, ns, and what of it was the server's. */
  cpuNs = 0;
  systemNs = 0;
  /** Bytes charged for it. */
  cost = 0;
  /** It has run another program since it was made. */
  execed = false;
  childCpuNs = 0;
  childSystemNs = 0;
  childFaults = 0;
  /** Peak pages with earlier programs; peak of any reaped child. */
  pagesBefore = 0;
  childPages = 0;
  get mostPages(): number { return Math.max(this.pagesBefore, this.mm.peak, this.mm.table.count); }
  real: ItimerState = { timer: undefined, at: 0, interval: 0 };
  /** Timers on processor time; ITIMER_VIRTUAL and ITIMER_PROF; RLIMIT_CPU. */
  readonly cpuTimers: CpuTimer[] = [];
  readonly cpuItimers: { timer: CpuTimer | undefined; at: number; interval: number }[] = [{ timer: undefined, at: 0, interval: 0 },
    { timer: undefined, at: 0, interval: 0 }];
  cpuLimit: CpuTimer | undefined;
  timers: unknown = undefined;
  deathSignal = 0;
  subreaper = false;
  dumpable = 1;
  ioFlusher = false;
  personality = 0;
  noHugePages = false;
  oomScore = 0;
  /** Who logged in, and which login that was; 2³² − 1: nobody. Inherited; PAM's sessions set it (audit). */
  loginUid = NOBODY;
  loginSession = NOBODY;
  /** Core dump filter (core(5)); inherited. */
  coreFilter = 0x33;
  /** Identities of further shared state: its I/O context, its list of semaphore adjustments. */
  ioContext: object = {};
  undoList: object = {};

  /** A first process, or a child that has its parent's values; `clone` replaces those that are not shared. */
  constructor(k: Kernel, pid: number, mm: Mm, group: ProcessGroup, fs: FsContext, parent?: Process) {
    this.pending = new SignalQueue(k.frames);
    this.fds = parent?.fds ?? new FdTable(k.frames);
    this.creds = parent?.creds ?? rootCreds();
    this.limits = new Limits(parent?.limits);
    this.actions = parent?.actions ?? new SigActions();
    this.k = k; this.pid = pid; this.mm = mm; this.group = group; this.fs = fs;
    this.startedAt = k.clock.now();
    this.mounts = (parent ?? k).mounts.hold();
    this.uts = k.uts;
    this.ipc = k.ipc;
    this.numbers = this.childNumbers = k.pids.first;
    this.number = pid;
    group.members.add(this);
    if (parent) this.inherit(parent);
  }
  get session(): Session { return this.group.session; }
  get leader(): Thread | undefined { for (const t of this.threads) return t; return undefined; }
  get alive(): boolean { return this.status === undefined; }
  joinGroup(processGroup: ProcessGroup): void {
    if (processGroup === this.group) return;
    this.group.members.delete(this);
    if (this.group.members.size === 0) this.k.pids.dropGroup(this.group);
    this.group = processGroup;
    processGroup.members.add(this);
  }
  private inherit(parent: Process): void {
    this.uts = parent.uts;
    this.ipc = parent.ipc;
    this.time = this.childTime = parent.childTime;
    this.time.settled = true;
    this.name = parent.name;
    this.exe = parent.exe?.hold();
    this.dumpable = parent.dumpable;
    this.personality = parent.personality;
    this.noHugePages = parent.noHugePages;
    this.oomScore = parent.oomScore;
    this.loginUid = parent.loginUid;
    this.loginSession = parent.loginSession;
    this.coreFilter = parent.coreFilter;
  }
}
