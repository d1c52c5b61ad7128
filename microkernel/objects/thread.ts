/**
 * Thread: an execution context in a task. RISC-V code in U mode, a virtual processor in VS and VU mode (`guest`), or a TypeScript
 * generator (`body`). It has a UTCB (guests and aliens may do without), an event table, and at most one thing that it waits for.
 *
 *            start              ipc, event              partner, time-out, kill
 *   inactive ─────→ ready ───────────────→ calling, sending, receiving, semaphore ─────→ ready … dead
 *                     └── event without portal, Resume.stop ─→ stopped ── resume ─→ ready
 */
import { CAUSES, CapRight, Cause, Kind, Status, U, UTCB_SIZE, Utcb, type IpcRequest, type Sys, type ThreadEntry } from '../abi/index.ts';
import type { Due } from '../../machine/deadlines.ts';
import type { Core } from '../core.ts';
import { BYTES, COSTS } from '../costs.ts';
import type { MapNode } from '../mem/node.ts';
import { REGISTERS, runningOn, type Cpu } from '../sched/cpu.ts';
import { account, detach, cutChain, endOfChain, makeReady, place, preempt, releaseHelpers, returnTime } from '../sched/place.ts';
import { List, WaitQueue, requeue } from '../sched/queue.ts';
import { endWait, leave } from '../sched/wait.ts';
import { VS_SLOTS, initGuest, shareWith } from '../state/guest.ts';
import { ALL_UNITS } from '../state/units.ts';
import { registersOf, setPc, moveState } from '../state/user.ts';
import type { Factory } from './factory.ts';
import { KernelObject, ObjectKind, ThreadState } from './object.ts';
import { answer, named, giveName, type Handlers, type Invocation } from './operation.ts';
import type { Portal } from './portal.ts';
import { Reply } from './reply.ts';
import type { SchedContext } from './sched-context.ts';
import type { Semaphore } from './semaphore.ts';
import type { Task } from './task.ts';

/** The body of a TypeScript thread, and its default name. */
export interface Body { readonly run: ThreadEntry; readonly name: string }
/** A system call of a TypeScript thread: a checked copy, which the thread cannot change. */
export type Asked = Omit<IpcRequest, 'body'> & { body: Body | undefined };
export interface ThreadKind { readonly guest: boolean; readonly alien: boolean; readonly body: Body | undefined }

export class Thread extends KernelObject implements Due {
  readonly kind = ObjectKind.thread;
  readonly task: Task;
  readonly cpu: Cpu;
  readonly guest: boolean;
  readonly alien: boolean;
  /** TypeScript threads: their body. */
  readonly body: Body | undefined;
  running: Sys<void> | undefined = undefined;
  /** The handler of its messages while it serves (`Syscalls.serve`). */
  handler: (() => boolean) | undefined = undefined;
  /** Its last system call, as it was copied from what the body has yielded. */
  readonly asked: Asked | undefined;
  utcb: Utcb | undefined = undefined;
  utcbFrame = 0;
  utcbNode: MapNode | undefined = undefined;

  state: number = ThreadState.inactive;
  /** Result of the last wait or system call, delivered when the thread runs next. */
  status: Status = Status.ok;
  /** A RISC-V thread is in its own system call: status and badge go to a0 and a1. */
  inSyscall = false;

  // The wait.
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
  receiveTimeout = 0;
  /** Trace record of the call or event that it waits for an answer to. */
  sequence = 0;
  keptReply: Reply | undefined = undefined;
  /** Place in a wait queue. */
  next: Thread | undefined = undefined;
  prev: Thread | undefined = undefined;
  inQueue: WaitQueue | undefined = undefined;
  rank = 0;
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
  readonly helpers = new List<SchedContext>();
  consumed = 0;
  /** Cycles of its work that have not passed yet. They pass before it resumes, and can be preempted (sched/debt.ts). */
  debt = 0;
  /** TypeScript: it has asked for a system call, which waits for the debt. */
  calls = false;

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
  /** … and report when that call is over. */
  watched = false;
  /** The task in whose memory it runs until its next event; undefined: its own. */
  visiting: Task | undefined = undefined;
  /** User: its permitted units (state/units.ts). */
  units = ALL_UNITS;

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

  constructor(id: number, factory: Factory, bytes: number, task: Task, cpu: Cpu, kind: ThreadKind) {
    super(id, factory, bytes);
    this.task = task;
    this.cpu = cpu;
    this.guest = kind.guest;
    this.alien = kind.alien;
    this.body = kind.body;
    this.asked = kind.body ? { flags: 0, cap: 0, sendTimeout: 0, receiveTimeout: 0, body: undefined, handler: undefined } : undefined;
    this.registers = kind.body ? NO_REGISTERS : new Int32Array(REGISTERS);
    this.x = this.registers.subarray(0, 64);
    this.f = kind.body ? undefined : new BigInt64Array(this.registers.buffer, 256, 32);
    this.vs = kind.guest ? new BigInt64Array(VS_SLOTS) : undefined;
    task.threads.add(this);
  }

  /** Runs on others' time where it has no context of its own. */
  get priority(): number { return this.context ? this.context.priority : this.cpu.current ? this.cpu.current.priority : 0; }

  override teardown(k: Core): void {
    killThread(k, this);
    this.task.threads.delete(this);
    if (this.utcbNode?.alive) this.utcbNode.space.remove(this.utcbNode);
    if (this.utcbFrame !== 0) k.frames.give(this.utcbFrame);
    this.utcb = undefined;
  }
}

const NO_REGISTERS = new Int32Array(0), SP = 2, A0 = 10;

/** Bytes of a thread of this kind, its UTCB's frame included. */
export const threadBytes = (guest: boolean, withUtcb: boolean): number =>
  (guest ? BYTES.guest : BYTES.thread) + (withUtcb ? BYTES.frame : 0);

/** A page that no code can detach from the kernel: its buffer is of a kind that cannot be detached. */
const ownPage = (): ArrayBufferLike =>
  typeof SharedArrayBuffer === 'function' ? new SharedArrayBuffer(UTCB_SIZE) : new WebAssembly.Memory({ initial: 1, maximum: 1 }).buffer;

/** A thread, charged to `factory`; its UTCB, if it has one, is a kernel frame, mapped at `utcbVa` for RISC-V code. */
export function newThread(k: Core, factory: Factory, bytes: number, task: Task, cpu: Cpu, kind: ThreadKind, withUtcb: boolean,
    utcbVa: number | undefined): Thread | undefined {
  if (!factory.charge(bytes)) return undefined;
  const frame = withUtcb && !kind.body ? k.frames.take() : 0;
  const node = utcbVa === undefined ? undefined : task.space.install(utcbVa, 0, frame, 3, undefined, true);
  if (utcbVa !== undefined && !node) {
    k.frames.give(frame);
    factory.refund(bytes);
    return undefined;
  }
  if (withUtcb) k.work(COSTS.frame);
  const thread = new Thread(k.newId(), factory, bytes, task, cpu, kind);
  if (kind.body) thread.utcb = new Utcb(ownPage(), 0);
  else if (withUtcb) {
    const view = k.memory.view(frame, BYTES.frame);
    thread.utcb = new Utcb(view.buffer, view.byteOffset);
    thread.utcbFrame = frame;
    thread.utcbNode = node;
  }
  if (kind.guest) initGuest(thread);
  k.trace.name('thread', thread.id, task.id, kind.body?.name || `thread ${thread.id}`);
  return thread;
}

function unbind(k: Core, thread: Thread): void {
  if (!thread.context) return;
  detach(k, thread.context);
  thread.context = thread.context.thread = undefined;
}

/** Ends a thread: aborts its operation and wakes its waiters. The dead object stays until its capabilities are gone. */
export function killThread(k: Core, thread: Thread): void {
  if (thread.state === ThreadState.dead) return;
  const { cpu } = thread, end = thread.partner ? endOfChain(thread) : undefined;
  leave(k, thread);
  thread.state = ThreadState.dead;
  unbind(k, thread);
  const caller = thread.currentCaller;
  if (caller) endWait(k, caller, Status.dead);
  for (let sender = thread.senders.first; sender; sender = thread.senders.first) endWait(k, sender, Status.dead);
  releaseHelpers(k, thread);
  if (end) cutChain(k, thread, end);
  if (cpu.running === thread) { account(cpu); cpu.running = undefined; preempt(k, cpu); }
  if (cpu.owner === thread) cpu.owner = undefined;
  if (cpu.vsOwner === thread) { shareWith(cpu, false); cpu.vsOwner = undefined; }
  thread.running = undefined;
  k.trace.record(k.cpu.hart.cycles, Kind.destroy, cpu.id, 0, runningOn(k.cpu), thread.id, 0, thread.kind, 0, 0);
}

/** Ready at `pc` with `sp` and a0 = `arg`, as 64-bit values. busy: it has begun already. */
function start(i: Invocation, thread: Thread): Status {
  if (thread.state === ThreadState.dead) return Status.dead;
  if ((thread.state !== ThreadState.inactive && thread.state !== ThreadState.stopped) || thread.running) return Status.busy;
  if (!thread.body) {
    const x = registersOf(thread), words = i.u.i32.subarray(U.words >> 2);
    setPc(thread, words[0], words[1]);
    x.set(words.subarray(2, 4), 2 * SP);
    x.set(words.subarray(4, 6), 2 * A0);
    thread.inSyscall = false;
    thread.starting = thread.events[Cause.startup]?.dead === false; // first run of a thread that has a portal for it
  }
  thread.status = Status.ok;
  makeReady(i.k, thread);
  return Status.ok;
}

/** May its state be read and written? busy: it is about to run. */
const stands = (t: Thread): Status =>
  t.state === ThreadState.dead ? Status.dead : t.state === ThreadState.ready || t.body ? Status.busy : Status.ok;

function getState(i: Invocation, thread: Thread): Status {
  const mtd = i.u.word(0), status = stands(thread);
  if (status !== Status.ok) return status;
  moveState(thread, i.u, mtd, true);
  i.u.mtd = mtd;
  return status;
}
function setState(i: Invocation, thread: Thread): Status {
  const status = stands(thread);
  if (status === Status.ok) moveState(thread, i.u, i.u.word(0), false);
  return status;
}

function setEvents(i: Invocation, thread: Thread): Status {
  const selector = i.u.word(0), causes = i.u.word(1);
  const portal = selector === 0 ? undefined : named<Portal>(i.caller.task.caps, selector, ObjectKind.portal, CapRight.use);
  if (typeof portal === 'number') return portal;
  if (!(causes >= 0) || causes >= 2 ** CAUSES) return Status.badArgument;
  for (let cause = 0; cause < CAUSES; cause++) if (((causes >> cause) & 1) !== 0) thread.events[cause] = portal;
  return Status.ok;
}

/** Binding requires a free context, and a thread without one. */
function bind(i: Invocation, thread: Thread): Status {
  const { k } = i, selector = i.u.word(0);
  if (selector === 0) {
    unbind(k, thread);
    return Status.ok;
  }
  const context = named<SchedContext>(i.caller.task.caps, selector, ObjectKind.schedContext, CapRight.control);
  if (typeof context === 'number') return context;
  if (thread.state === ThreadState.dead) return Status.dead;
  if (context.priority > thread.factory!.highest) return Status.badRights;
  if (thread.context || context.thread) return Status.busy;
  thread.context = context;
  context.thread = thread;
  place(k, context);
  requeue(thread);
  return Status.ok;
}

/** An event still waits for its reply; its own wait ends; a running thread stops at once. */
function recall(i: Invocation, thread: Thread): Status {
  const { k } = i;
  if (thread.state === ThreadState.dead) return Status.dead;
  k.trace.note(k.cpu, Kind.recall, i.caller.id, thread.id);
  if (!thread.body) thread.recalled = true;
  if (thread.state === ThreadState.ready) {
    if (thread.cpu !== k.cpu && thread.cpu.running === thread) preempt(k, thread.cpu);
  } else if (thread.event < 0) cancel(i, thread);
  return Status.ok;
}
function cancel(i: Invocation, thread: Thread): Status {
  if (thread.state === ThreadState.dead) return Status.dead;
  if (thread.state >= ThreadState.receiving && thread.state <= ThreadState.semaphore) endWait(i.k, thread, Status.aborted);
  return Status.ok;
}
function kill(i: Invocation, thread: Thread): Status {
  killThread(i.k, thread);
  return Status.ok;
}

/** badArgument: not the caller itself; dead: there is no caller to answer (any more). */
function keepReply(i: Invocation, thread: Thread): Status {
  const { k } = i, selector = i.u.word(0), waiting = thread.currentCaller, { caps, factory } = thread.task;
  if (thread !== i.caller) return Status.badArgument;
  if (!waiting) return Status.dead;
  const status = caps.canPut(selector);
  if (status !== Status.ok) return status;
  if (factory!.free < 2 * BYTES.cap + BYTES.capChunk || !factory!.charge(BYTES.cap)) return Status.noQuota;
  const reply = new Reply(k.newId(), factory!, waiting);
  factory!.objects.add(reply);
  caps.put(selector, reply, CapRight.all, undefined);
  waiting.keptReply = reply;
  waiting.partner = undefined;
  thread.currentCaller = undefined;
  returnTime(k, thread);
  return Status.ok;
}

function info(i: Invocation, thread: Thread): Status {
  account(thread.cpu);
  return answer(i.u, thread.state, thread.consumed);
}
function resume(i: Invocation, thread: Thread): Status {
  if (thread.state !== ThreadState.stopped) return thread.state === ThreadState.dead ? Status.dead : Status.busy;
  makeReady(i.k, thread);
  return Status.ok;
}

export const thread: Handlers<'thread', Thread> = {
  start, getState, setState, setEvents, bind, recall, kill, cancel, keepReply, info, resume,
  name: (i, { id, task }) => giveName(i, 'thread', id, task.id),
};
