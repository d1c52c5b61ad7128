/**
 * Thread: an execution context in a task. RISC-V code in U mode, a virtual processor in VS and VU mode (`guest`), or a TypeScript
 * generator (`body`). It has a UTCB (guests and aliens may do without), an event table, and at most one thing that it waits for.
 *
 *            start              ipc, event              partner, time-out, kill
 *   inactive ─────→ ready ───────────────→ calling, sending, receiving, semaphore ─────→ ready … dead
 *                     └── event without portal, Resume.stop ─→ stopped ── resume ─→ ready
 */
import { CAUSES, Status, type IpcRequest, type Look, type Sys, type Syscalls, type ThreadBody, type Utcb } from '../abi/index.ts';
import { BYTES } from '../costs.ts';
import type { Factory } from '../factory.ts';
import type { Kernel } from '../kernel.ts';
import type { MapNode } from '../mem/node.ts';
import { KernelObject, ObjectKind } from '../object.ts';
import { REGISTERS, type Cpu } from '../sched/cpu.ts';
import type { Timed } from '../sched/timeouts.ts';
import { WaitQueue } from '../sched/queue.ts';
import { VS_SLOTS } from '../state/guest.ts';
import { killThread } from '../threads/kill.ts';
import type { Portal } from './portal.ts';
import type { Reply } from './reply.ts';
import type { SchedContext } from './sched-context.ts';
import type { Semaphore } from './semaphore.ts';
import type { Task } from './task.ts';

export const ThreadState = { inactive: 0, ready: 1, receiving: 2, sending: 3, calling: 4, semaphore: 5, stopped: 6, dead: 7 } as const;

export class Thread extends KernelObject implements Timed {
  readonly kind = ObjectKind.thread;
  readonly task: Task;
  /** Its hart, and where it goes as soon as it does not execute there any more. */
  cpu: Cpu;
  movesTo: Cpu | undefined = undefined;
  readonly guest: boolean;
  readonly alien: boolean;
  /** TypeScript threads: what they run, and how they are spoken to. */
  readonly body: ThreadBody | undefined;
  sys: Syscalls | undefined = undefined;
  /** What it has shown to tools outside. */
  look: Look | undefined = undefined;
  running: Sys<void> | undefined = undefined;
  /** Who takes its messages while it serves (`Syscalls.serve`), and what the body would then yield again. */
  handler: (() => boolean) | undefined = undefined;
  again: IteratorYieldResult<IpcRequest> | undefined = undefined;
  utcb: Utcb | undefined = undefined;
  utcbFrame = 0;
  utcbNode: MapNode | undefined = undefined;

  state: number = ThreadState.inactive;
  /** Result of the last wait or system call, to be handed over when the thread runs next. */
  status: Status = Status.ok;
  /** A RISC-V thread is in its own system call: status and badge go to a0 and a1. */
  inSyscall = false;

  // What it waits for.
  /** sending: the thread whose queue it is in; calling: who has the call (undefined once the reply is kept). */
  partner: Thread | undefined = undefined;
  /** sending, calling: through which portal. */
  portal: Portal | undefined = undefined;
  waitingAt: Semaphore | undefined = undefined;
  /** receiving: from this portal only. */
  onlyFrom: Portal | undefined = undefined;
  /** sending: a call (or an event, with its cause) rather than a plain send; and what happens after a plain send. */
  sendsCall = false;
  event = -1;
  thenReceives = false;
  receiveFrom: Portal | undefined = undefined;
  receiveTimeout = 0;
  /** Trace record of the call or event that it waits for an answer to. */
  sequence = 0;
  keptReply: Reply | undefined = undefined;
  /** Place in a wait queue. */
  nextWaiting: Thread | undefined = undefined;
  prevWaiting: Thread | undefined = undefined;
  inQueue: WaitQueue | undefined = undefined;
  /** Time-out. */
  deadline = Infinity;
  order = 0;
  heapIndex = -1;

  // As a server.
  readonly senders = new WaitQueue();
  currentCaller: Thread | undefined = undefined;

  // Scheduling.
  context: SchedContext | undefined = undefined;
  /** Contexts that wait until this thread is ready. */
  helpers: SchedContext | undefined = undefined;
  consumed = 0;

  // Events.
  readonly events: (Portal | undefined)[] = new Array<Portal | undefined>(CAUSES).fill(undefined);
  recalled = false;
  starting = false;
  /** Scause, stval, htval, htinst of the event that is being raised, as they travel. */
  readonly exit = new Float64Array(4);
  /** exit[1] where a number does not hold it exactly: addresses of Sv57. */
  exactValue = 0n;
  /** Alien: execute its ecall as a system call when it runs next. */
  letThrough = false;

  // Saved state; live in the hart while it owns it.
  /** x and f in one piece, as 32-bit halves; x alone, and f. */
  readonly registers: Int32Array;
  readonly x: Int32Array;
  readonly f: BigInt64Array | undefined;
  fcsr = 0;
  readonly pc32 = new Int32Array(2);
  /** Guests: privilege and the vs* registers. */
  mode: 0 | 1 = 1;
  readonly vs: BigInt64Array | undefined;

  nextOfTask: Thread | undefined = undefined;
  prevOfTask: Thread | undefined = undefined;

  constructor(id: number, factory: Factory, bytes: number, task: Task, cpu: Cpu, kind: { guest: boolean; alien: boolean; body: ThreadBody | undefined }) {
    super(id, factory, bytes);
    this.task = task;
    this.cpu = cpu;
    this.guest = kind.guest;
    this.alien = kind.alien;
    this.body = kind.body;
    this.registers = kind.body ? NO_REGISTERS : new Int32Array(REGISTERS);
    this.x = this.registers.subarray(0, 64);
    this.f = kind.body ? undefined : new BigInt64Array(this.registers.buffer, 256, 32);
    this.vs = kind.guest ? new BigInt64Array(VS_SLOTS) : undefined;
    this.nextOfTask = task.firstThread;
    if (task.firstThread) task.firstThread.prevOfTask = this;
    task.firstThread = this;
  }

  /** Runs on others' time where it has no context of its own. */
  get priority(): number { return this.context ? this.context.priority : this.cpu.current ? this.cpu.current.priority : 0; }

  override teardown(k: Kernel): void {
    killThread(k, this);
    if (this.prevOfTask) this.prevOfTask.nextOfTask = this.nextOfTask;
    else this.task.firstThread = this.nextOfTask;
    if (this.nextOfTask) this.nextOfTask.prevOfTask = this.prevOfTask;
    if (this.utcbNode?.alive) this.utcbNode.space.remove(this.utcbNode);
    if (this.utcbFrame !== 0) k.frames.give(this.utcbFrame);
    this.utcb = undefined;
  }
}

const NO_REGISTERS = new Int32Array(0);

/** Bytes of a thread of this kind, its UTCB's frame included. */
export const threadBytes = (guest: boolean, withUtcb: boolean): number => (guest ? BYTES.guest : BYTES.thread) + (withUtcb ? BYTES.frame : 0);
