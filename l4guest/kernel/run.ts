/**
 * The policy above `Switch` (arch/arch.ts): which thread runs, and how a thread's return from user mode is handled. One instance serves one
 * processor. A system call that ends at once, and a page fault, stay in `call` and `fault`, without generators or allocations.
 */
import { Outcome, Trap, type Entry, type OwnCall, type Steps, type Switch } from '../arch/arch.ts';
import { E } from '../abi/errno.ts';
import { Sig } from '../abi/linux.ts';
import { around, type Runs } from '../mm/around.ts';
import { Access, Fault, TASK_SIZE } from '../mm/mm.ts';
import { interrupted } from './rseq.ts';
import { strace } from '../syscalls/strace.ts';
import { byNumber, dispatch, LAST } from '../syscalls/table.ts';
import { tracedCall } from '../syscalls/traced.ts';
import { continueCall, finishCall, pickThread } from './calls.ts';
import type { Kernel } from './kernel.ts';
import type { Process } from './process.ts';
import { NotHere } from './later.ts';
import { Reg } from './registers.ts';
import { swapOf } from './swap.ts';
import { KEEP_REGISTERS, Loaded, Run, type Thread } from './thread.ts';
import type { Co } from './wait.ts';

/** Calls that only read: getpid, getppid, the four ids of users and groups, gettid, getpgid, getsid. */
const QUICK: ReadonlySet<number> = new Set([172, 173, 174, 175, 176, 177, 178, 155, 156]);
/** The number of kernel calls in a7. */
const OWN = 0x4c34;
const EXECVE = 221, EXECVEAT = 281, SIGRETURN = 139, CLONE = 220, CLONE3 = 435;
/** Results up to this one are the server's own (restart), not the caller's. */
const INTERNAL = -512;
/** Signal and si_code of an exception; an access that no page resolves is SIGSEGV. */
const SIGNALS: Readonly<Record<Trap, readonly [number, number]>> = { [Trap.illegal]: [Sig.ILL, 1], [Trap.breakpoint]: [Sig.TRAP, 1],
  [Trap.misaligned]: [Sig.BUS, 1], [Trap.access]: [Sig.SEGV, 2] };

/** Names of accesses, for messages. */
const ACCESSES = { [Access.read]: 'load from', [Access.write]: 'store to', [Access.exec]: 'jump to' } as const;

/** The process with the most pages, which is killed when memory runs out. */
function largest(all: Iterable<Process>): Process | undefined {
  let best: Process | undefined;
  for (const process of all) if (process.alive && process.threads.size > 0 && (!best || process.mm.table.count > best.mm.table.count))
    best = process;
  return best;
}

export class Runner implements Entry {
  private readonly k: Kernel;
  private readonly arch: Switch;
  private readonly passage: number;
  /** The deferred call: its number (-1: none), and its result or the generator of a sleeping one; undefined: not begun. */
  private nr = -1;
  private result: number | Co<number> | undefined;
  ended = false;
  trace: ((line: string) => void) | undefined;

  constructor(k: Kernel, arch: (entry: Entry) => Switch) { this.k = k; this.arch = arch(this); this.passage = k.arch.passage; }

  /** Serves until `ended`. */
  *serve(): Steps<void> {
    const { k: { cpu, work, lock }, arch } = this;
    for (;;) {
      if (work.owed > lock.most) yield* this.payAll();
      const thread = cpu.inUser ? cpu.current : yield* this.choose();
      if (this.ended) break;
      this.nr = -1;
      this.pay();
      const outcome = yield* arch.switch(thread);
      lock.taken();
      switch (outcome) {
        case Outcome.deferred: if (this.nr >= 0) yield* this.goOn(cpu.current!, this.nr); break;
        case Outcome.trap: yield* this.trapped(cpu.current!); break;
        case Outcome.recalled: cpu.account(cpu.current!); break;
        case Outcome.interrupt: cpu.tick(); break;
        case Outcome.full: this.full(cpu.current!); break;
        case Outcome.retry: break;
      }
    }
    yield* this.payAll();
    yield* arch.finish();
  }
  /** Charges for work done, at most as much as the lock may be held. */
  private pay(): void {
    const { work, lock } = this.k, cycles = work.take(lock.left);
    if (cycles <= 0) return;
    this.k.arch.charge(cycles);
    if (this.k.cpu.current) this.k.cpu.current.systemNs += cycles;
    lock.passes(cycles);
  }
  /** Charges for all work done. If that takes longer than the lock may be held, interrupts are handled in between. */
  private *payAll(): Steps<void> {
    const { k: { work, lock, cpu }, arch } = this;
    this.pay();
    while (work.owed >= 1) {
      lock.open();
      if (yield* arch.open()) { lock.admitted++; cpu.tick(); }
      this.pay();
    }
  }

  // ── while the arch layer runs the thread ────────────────────────────────────────────────────────────────────

  entered(thread: Thread): void {
    const { cpu, clock } = this.k;
    cpu.current = thread;
    cpu.inUser = true;
    thread.startedAt = clock.now();
  }
  left(_t: Thread): void { this.k.cpu.inUser = false; }

  call(thread: Thread, nr: number, a0: number, a1: number, a2: number, a3: number, a4: number, a5: number): number | undefined {
    const { cpu } = this.k, row = nr >= 0 && nr < LAST ? byNumber[nr] : undefined;
    cpu.inUser = false;
    thread.systemNs += this.passage;
    this.k.lock.taken();
    if (thread.traced !== undefined || thread.seccomp !== undefined || (row !== undefined && (row.regs || this.trace !== undefined))) {
      this.putOff(nr, undefined);
      return undefined;
    }
    this.k.work.called();
    const result = dispatch(thread, nr, a0, a1, a2, a3, a4, a5);
    this.pay();
    if (typeof result !== 'number' || thread.work || cpu.resched || thread.state !== Run.current || thread.loaded !== Loaded.none ||
      result <= INTERNAL || thread.mm.flushes.length !== 0 || this.arch.busy || this.k.work.owed >= 1) {
      this.putOff(nr, result);
      return undefined;
    }
    cpu.inUser = true;
    return result;
  }

  /** An invalid number is still a call. */
  private putOff(nr: number, result: number | Co<number> | undefined): void { this.nr = nr >= 0 ? nr : LAST; this.result = result; }

  quick(thread: Thread, nr: number, a0: number): number | undefined {
    if (!QUICK.has(nr) || thread.work || thread.traced !== undefined || thread.seccomp !== undefined || this.trace !== undefined ||
      this.k.cpu.resched) return undefined;
    const result = dispatch(thread, nr, a0, 0, 0, 0, 0, 0);
    if (typeof result !== 'number') return undefined;
    thread.systemNs += this.passage;
    return result;
  }

  own(thread: Thread, call: OwnCall): number | undefined {
    const { cpu, gates } = this.k;
    cpu.inUser = false;
    const result = gates!.ask(thread, call);
    if (typeof result !== 'number' || thread.work || cpu.resched || thread.mm.flushes.length !== 0 || this.arch.busy) {
      this.nr = OWN;
      this.result = result;
      return undefined;
    }
    cpu.inUser = true;
    return result;
  }

  fault(thread: Thread, va: number, access: Access, runs: Runs): boolean {
    const { cpu } = this.k, mm = thread.mm;
    cpu.inUser = false;
    thread.systemNs += this.passage;
    this.k.lock.taken();
    this.k.work.called();
    this.k.work.found();
    let fault: Fault;
    const wait = this.k.frames.store && swapOf(this.k).pressed();
    if (wait) { cpu.account(thread); continueCall(this.k, thread, this.fetchPage(thread, va, new NotHere(wait))); return false; }
    try { fault = va >= 0 && va < TASK_SIZE ? mm.fault(va, access) : Fault.mapErr; } catch (error) {
      if (!(error instanceof NotHere)) throw error;
      cpu.account(thread);
      continueCall(this.k, thread, this.fetchPage(thread, va, error));
      return false;
    }
    if (fault > Fault.none) { this.badAccess(thread, fault, va, access); return false; }
    if (thread.work || cpu.resched || this.arch.busy || mm.flushes.length !== 0) {
      if (fault === Fault.replaced) mm.oweAt(va);
      return false;
    }
    around(mm, va, access, runs);
    this.pay();
    cpu.inUser = true;
    return true;
  }

  // ── after its return ───────────────────────────────────────────────────────────────────────────────────────────────

  /** A deferred call: begins it if necessary, then records what its end or restart needs. */
  private *goOn(thread: Thread, nr: number): Steps<void> {
    if (this.result !== undefined) { yield* this.settle(thread, nr, this.result); return; }
    if (thread.traced || thread.seccomp || byNumber[nr]!.regs) yield* this.arch.load(thread);
    if (thread.seccomp || thread.traced?.wantsCall(nr)) { yield* this.settle(thread, nr, tracedCall(thread, nr)); return; }
    this.k.work.called();
    const registers = thread.regs,
      args = [10, 11, 12, 13, 14, 15].map((i) => registers.x(i)) as [number, number, number, number, number, number];
    const line = this.trace && strace(thread, nr, args), result = dispatch(thread, nr, ...args);
    if (line !== undefined) this.trace!(`${line}${typeof result === 'number' ? ` = ${result}` : ' …'}`);
    if (nr === CLONE || nr === CLONE3) thread.loaded = Loaded.args;
    yield* this.settle(thread, nr, result);
  }
  private *settle(thread: Thread, nr: number, result: number | Co<number>): Steps<void> {
    const { k } = this;
    yield* this.payAll();
    k.cpu.account(thread);
    // These calls have set new registers.
    if (result === 0 && (nr === EXECVE || nr === EXECVEAT || nr === SIGRETURN)) { thread.call = -1; return; }
    thread.call = nr;
    thread.arg0 = thread.regs.big[10]!;
    if (typeof result !== 'number') continueCall(k, thread, result);
    else if (thread.state === Run.current) finishCall(thread, result);
  }
  private *trapped(thread: Thread): Steps<void> {
    const { k, arch } = this, { trap, trapAddress } = arch;
    k.cpu.account(thread);
    yield* arch.load(thread);
    const [sig, code] = SIGNALS[trap];
    k.signals.force(thread, sig, code, trap === Trap.illegal || trap === Trap.breakpoint ? thread.regs.pc : trapAddress);
  }
  private badAccess(thread: Thread, fault: Fault, va: number, access: Access): void {
    const { k } = this;
    thread.badAccess = ACCESSES[access];
    k.cpu.account(thread);
    if (fault === Fault.noMemory) this.endLargest(thread);
    else k.signals.force(thread, fault === Fault.busErr ? Sig.BUS : Sig.SEGV, fault === Fault.busErr ? 2 : fault, va);
  }
  /** The page of a fault is not in memory: the thread sleeps until it is, and repeats the access. */
  private *fetchPage(thread: Thread, va: number, need: NotHere): Co<number> {
    const fetched = yield* need.fetch(thread);
    if (fetched === -E.NOMEM) this.endLargest(thread); else if (fetched < 0) this.k.signals.force(thread, Sig.BUS, 2, va);
    return KEEP_REGISTERS;
  }
  /** Memory is used up: kills the process with the most pages. */
  private endLargest(thread: Thread): void {
    const { k } = this, victim = largest(k.pids.processes.values()) ?? thread.proc;
    k.arch.log(`l4guest: out of memory: ended ${victim.name}[${victim.pid}], which held ${victim.mm.table.count} pages`);
    k.endProcess(victim, Sig.KILL);
  }
  /** The kernel below has no memory left for this thread. */
  private full(thread: Thread): void {
    const { k } = this;
    k.arch.log(`l4guest: kernel memory is used up: ${thread.hardware === undefined
      ? `${thread.name}[${thread.tid}] cannot start` : `ended ${thread.name}[${thread.tid}]`}`);
    k.endProcess(thread.proc, Sig.KILL);
  }

  // ── choosing the next thread ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** A thread ready for user mode, its signals looked at; undefined when all sleep. */
  private *choose(): Steps<Thread | undefined> {
    const { k, k: { cpu } } = this;
    for (;;) {
      k.watcher?.unpark(k);
      let thread: Thread | undefined = cpu.current;
      if (thread && (thread.state !== Run.current || thread.co)) thread = undefined;
      if (thread && cpu.resched && cpu.ready.length > 0) {
        if (thread.rseq) interrupted(thread);
        cpu.account(thread);
        cpu.yield(thread);
        thread = undefined;
      }
      cpu.resched = false;
      thread ??= pickThread(k);
      if (!thread || this.ended) { cpu.rearm(); return undefined; }
      if (thread.work) {
        if (thread.hardware) yield* this.arch.load(thread);
        if (k.watcher && thread.hardware) yield* k.watcher.signal(thread, this.arch);
        if (!this.deliver(thread)) { cpu.current = undefined; continue; }
        if (thread.state !== Run.current) { cpu.current = undefined; continue; }
        if (thread.work) continue;
      }
      if (k.watcher?.park(thread)) continue;
      thread.call = -1;
      cpu.rearm();
      return thread;
    }
  }
  /** False: memory for the signal's frame must be fetched first; the thread sleeps. */
  private deliver(thread: Thread): boolean {
    try { this.k.signals.deliver(thread); return true; } catch (error) {
      if (!(error instanceof NotHere)) throw error;
      continueCall(this.k, thread, this.fetchPage(thread, thread.regs.x(Reg.sp), error));
      return false;
    }
  }
}
