/**
 * Gates: capabilities of the system below that processes can get at /dev/l4/NAME (drivers/gates.ts). A process with a gate makes its own
 * calls of the kernel below. The layer below reports each call before it happens; this policy refuses it with an errno or permits it, and
 * logs the decision. During such a call its thread is uninterruptible (state D): the message is sent exactly once, and signals wait.
 *
 *   own call ─→ decide ─→ refused: -errno, nothing has happened
 *                    └──→ through ─→ asleep until the layer below says that it is over ─→ signals
 *                              └ killed: the partner has GRACE, then the capability is revoked and the call ends as `aborted`
 */
import type { Beyond, OwnCall } from '../arch/arch.ts';
import { E, errnoName } from '../abi/errno.ts';
import type { Mm } from '../mm/mm.ts';
import type { Kernel } from './kernel.ts';
import { KEEP_REGISTERS, type Thread } from './thread.ts';
import type { Timer } from './timers.ts';
import { WaitQueue, type Co } from './wait.ts';

/** A scenario's description of a gate. Operations are labels of messages. */
export interface GateSpec {
  readonly name: string;
  /** Names of operations, for audit lines and for `refuse`. */
  readonly operations?: Readonly<Record<string, number>>;
  /** Operations (by name) that are refused, and with which error: { reset: 'EACCES' }. */
  readonly refuse?: Readonly<Record<string, string>>;
  /** Treatment of unnamed operations: 'allow' (default), or an error. */
  readonly others?: string;
  /** Messages may carry memory and capabilities. */
  readonly items?: boolean;
  /** Permissions of /dev/l4/NAME (default 0666), in octal digits: '600'. */
  readonly mode?: string;
}

/** Behaviour of a server's gates. */
export interface GatePolicy {
  /** Off: every call passes without a log. */
  readonly policy?: boolean;
  /** Off: a signal aborts the call, which then restarts like an ordinary system call. */
  readonly uninterruptible?: boolean;
  /** Also logs permitted calls. */
  readonly audit?: 'all' | 'refused';
}

const SEND = 1, CALL = 7, ABORTED = 9;
/** How many decisions of one kind are each logged; later ones only at powers of two. And the most kinds. */
const EACH = 16, MOST_KINDS = 1024;
/** Time left for a partner once the process has to die, ns. */
const GRACE = 10_000_000;

/** A thread's own kernel call in progress. */
export class Passage {
  /** The thread, or its process, must end: starts the partner's time limit. */
  doomed = false;
  /** The thread ends with its call, and the process continues. */
  isLast = false;
  private timer: Timer | undefined;
  private readonly k: Kernel;
  private readonly t: Thread;
  private readonly beyond: Beyond;
  constructor(k: Kernel, t: Thread, beyond: Beyond) { this.k = k; this.t = t; this.beyond = beyond; }

  doom(): void {
    if (this.doomed) return;
    this.doomed = true;
    const { k, t: thread } = this;
    this.timer = k.timers.add(k.clock.now() + GRACE, () => {
      this.timer = undefined;
      k.arch.log(`l4guest: gate: ${who(thread)} is to end and its partner is silent: its capabilities are revoked`);
      this.beyond.revoke(thread);
    });
    k.cpu.rearm();
  }
  /** Another thread replaces the program: this one ends with its call. */
  endWith(): void {
    this.isLast = true;
    this.doom();
  }
  over(): void { this.k.timers.cancel(this.timer); }
}

const who = (t: Thread): string => `${t.name}[${t.tid}]`;

export class Gates {
  readonly list: readonly GateSpec[];
  readonly beyond: Beyond;
  private readonly k: Kernel;
  private readonly policy: GatePolicy;
  private readonly written = new Map<string, number>();
  constructor(k: Kernel, beyond: Beyond, list: readonly GateSpec[], policy: GatePolicy) {
    this.k = k; this.beyond = beyond; this.list = list; this.policy = policy;
  }

  /** The thread wants to make its own kernel call: -errno, or a sleep until the call is over. */
  ask(thread: Thread, call: OwnCall): number | Co<number> {
    if (this.policy.policy === false) return this.through(thread, call);
    const gate = call.gate, refused = this.decide(thread, call, gate < 0 ? undefined : this.list[gate]);
    if (refused !== 0 || this.policy.audit === 'all') this.write(thread, call, refused);
    return refused !== 0 ? -refused : this.through(thread, call);
  }
  private decide(thread: Thread, { flags, label, items, gate: index }: OwnCall, gate: GateSpec | undefined): number {
    if (flags !== CALL && flags !== SEND) return E.INVAL;
    if (!gate || !thread.mm.gates.has(index)) return E.BADF;
    if (thread.seccomp !== undefined) return E.PERM;
    if (items && gate.items !== true) return E.PERM;
    const name = nameOf(gate, label), answer = name === undefined ? gate.others ?? 'allow' : gate.refuse?.[name] ?? 'allow';
    return answer === 'allow' ? 0 : E[answer.replace(/^E/, '') as keyof typeof E];
  }
  private write(thread: Thread, { label, gate: index }: OwnCall, refused: number): void {
    const gate = this.list[index], what = gate && nameOf(gate, label), operation = what ?? `0x${label.toString(16)}`;
    const times = this.count(`${thread.proc.pid} ${index} ${label} ${refused}`);
    if (times > EACH && (times & (times - 1)) !== 0) return;
    const verdict = `${refused === 0 ? 'allowed' : `refused, ${errnoName(refused)}`}${times > EACH ? ` (${times} times)` : ''}`;
    this.k.arch.log(`l4guest: gate ${gate?.name ?? '?'}: ${who(thread)} ${operation}: ${verdict}`);
  }
  /** Number of log lines for this decision, because a process must not fill the log. */
  private count(what: string): number {
    if (this.written.size >= MOST_KINDS) this.written.clear();
    const times = (this.written.get(what) ?? 0) + 1;
    this.written.set(what, times);
    return times;
  }
  /** Sleeps, ignoring signals, until the call is over; its results are in the registers of the layer below. */
  private *through(thread: Thread, { label }: OwnCall): Co<number> {
    const { k, beyond, policy: { uninterruptible = true } } = this, done = new WaitQueue(), passage = new Passage(k, thread, beyond);
    let status = -1;
    thread.passage = passage;
    beyond.through(thread, (s) => { status = s; done.wakeAll(); });
    while (status < 0) {
      yield* thread.nap(done);
      if (status >= 0 || !thread.interrupted) continue;
      if (thread.isKilled) passage.doom();
      else if (!uninterruptible) beyond.cancel(thread);
    }
    thread.passage = undefined;
    passage.over();
    if (thread.proc.doomed !== undefined) k.endProcess(thread.proc, thread.proc.doomed);
    else if (passage.isLast) k.endThread(thread, 0);
    else if (!uninterruptible && status === ABORTED) return this.again(thread, label);
    return KEEP_REGISTERS;
  }
  /** A signal cut the call off and it starts again: whether its partner has handled it is unknown. */
  private again(thread: Thread, label: number): number {
    this.k.once('gate cut off', `l4guest: gate: ${who(thread)} 0x${label.toString(16)}: cut off by a signal, starts again`);
    this.beyond.restart(thread);
    return -E.RESTARTNOINTR;
  }
}

const nameOf = (gate: GateSpec, label: number): string | undefined =>
  Object.entries(gate.operations ?? {}).find(([, l]) => l === label)?.[0];

/** What is wrong in a scenario's gates; undefined if nothing is. */
export function wrongGate(gate: GateSpec): string | undefined {
  const errors = [...Object.values(gate.refuse ?? {}), ...(gate.others === undefined || gate.others === 'allow' ? [] : [gate.others])];
  const error = errors.find((e) => !Object.hasOwn(E, e.replace(/^E/, '')));
  if (error !== undefined) return `gate '${gate.name}': there is no error '${error}'`;
  const name = Object.keys(gate.refuse ?? {}).find((n) => !Object.hasOwn(gate.operations ?? {}, n));
  return name === undefined ? undefined : `gate '${gate.name}': '${name}' is none of its operations`;
}

/** The processes of this space may no longer use the gate. */
export function takeGate(k: Kernel, mm: Mm, gate: number): void {
  mm.gates.delete(gate);
  k.gates?.beyond.take(mm, gate);
}
