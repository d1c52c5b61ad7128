/**
 * seccomp: restricts a thread's system calls. Strict mode allows four; filters are classic BPF programs that judge each call, and the
 * strictest verdict of all a thread's filters counts. A filter may delegate the verdict to another process, which has a descriptor for it
 * (user notification).
 */
import { E } from '../abi/errno.ts';
import { O, Poll, Sig } from '../abi/linux.ts';
import { File } from '../fs/file.ts';
import type { Inode } from '../fs/inode.ts';
import { copyIn, copyOut, getBig, getI32, getU32 } from '../mm/uaccess.ts';
import { runProgram, type Instruction } from './bpf.ts';
import { Reg } from './registers.ts';
import { TraceOption, eventStop } from './tracing.ts';
import type { Thread } from './thread.ts';
import { WaitQueue, type Co } from './wait.ts';

export const ARCH = 0xc00000f3;
export const Ret = {
  KILL_PROCESS: 0x80000000, KILL_THREAD: 0, TRAP: 0x30000, ERRNO: 0x50000, USER_NOTIF: 0x7fc00000, TRACE: 0x7ff00000, LOG: 0x7ffc0000,
  ALLOW: 0x7fff0000
} as const;
const ACTION = 0xffff0000, MOST_ERRNO = 4095, EVENT = 7;
/** Calls of strict mode: read, write, exit, rt_sigreturn. */
const STRICT = new Set([63, 64, 93, 139]);

/** A filter and the earlier ones. */
export interface Filter {
  readonly program: readonly Instruction[];
  readonly before: Filter | undefined;
  listener: ListenerFile | undefined;
  readonly log: boolean
}
export interface Seccomp { readonly strict: boolean; readonly filter: Filter | undefined }

export const seccompMode = (s: Seccomp | undefined): number => (s ? s.strict ? 1 : 2 : 0);
export function filtersOf(s: Seccomp | undefined): number { let n = 0; for (let f = s?.filter; f; f = f.before) n++; return n; }

/** struct seccomp_data as 32-bit words: number, architecture, address of the call, six arguments. */
function dataOf(thread: Thread, nr: number): Uint32Array {
  const words = new Uint32Array(16), big = new BigUint64Array(words.buffer);
  words[0] = nr; words[1] = ARCH;
  big[1] = BigInt(thread.regs.pc);
  for (let i = 0; i < 6; i++) big[2 + i] = BigInt.asUintN(64, thread.regs.big[10 + i]!);
  return words;
}
/** The strictest verdict of all filters, and its filter. */
function verdictOf(filter: Filter | undefined, data: Uint32Array): { readonly value: number; readonly by: Filter | undefined } {
  let value: number = Ret.ALLOW, by: Filter | undefined;
  for (let current = filter; current; current = current.before) {
    const verdict = runProgram(current.program, data);
    if (((verdict & ACTION) | 0) < ((value & ACTION) | 0)) { value = verdict; by = current; }
  }
  return { value, by };
}

/** The call proceeds with this number; or it does not, and its result is in a0. */
export type Judgement = { readonly nr: number } | 'done';
const refuse = (t: Thread, result: number): Judgement => { t.regs.setX(Reg.a0, result); return 'done'; };

/** Judges a call whose registers are all loaded. */
export function* judge(thread: Thread, nr: number, again = false): Co<Judgement> {
  const seccomp = thread.seccomp!;
  if (thread.traced?.has(TraceOption.SUSPEND_SECCOMP)) return { nr };
  if (seccomp.strict) { if (STRICT.has(nr)) return { nr }; thread.k.endThread(thread, Sig.KILL); return 'done'; }
  const data = dataOf(thread, nr), { value, by } = verdictOf(seccomp.filter, data), extra = value & 0xffff;
  switch ((value & ACTION) >>> 0) {
    case Ret.ALLOW: case Ret.LOG: return { nr };
    case Ret.ERRNO: return refuse(thread, -Math.min(extra, MOST_ERRNO));
    case Ret.TRAP:
      thread.call = -1;
      thread.k.signals.forceCall(thread, extra, { at: thread.regs.pc, nr, arch: ARCH });
      return 'done';
    case Ret.TRACE: return again ? { nr } : yield* askTracer(thread, extra);
    case Ret.USER_NOTIF: return by?.listener ? yield* by.listener.ask(thread, nr, data) : refuse(thread, -E.NOSYS);
    case Ret.KILL_THREAD:
      if (thread.proc.threads.size > 1) thread.k.endThread(thread, Sig.SYS); else thread.k.endProcess(thread.proc, Sig.SYS);
      return 'done';
    default: thread.k.endProcess(thread.proc, Sig.SYS); return 'done';
  }
}
/** A tracer with that option decides: it may change the number, or set it to -1 and the result. */
function* askTracer(thread: Thread, data: number): Co<Judgement> {
  if (!thread.traced?.has(TraceOption.SECCOMP)) return refuse(thread, -E.NOSYS);
  yield* thread.traced.pause(eventStop(EVENT, data));
  const nr = Number(BigInt.asIntN(32, thread.regs.big[Reg.a7]!));
  return nr < 0 ? 'done' : yield* judge(thread, nr, true);
}

// ── user notification ──────────────────────────────────────────────────────────────────────────────────────────────────

const Io = {
  RECV: 0xc0502100, SEND: 0xc0182101, ID_VALID: 0x40082102, ID_VALID_OLD: 0x80082102, ADDFD: 0x40182103, SET_FLAGS: 0x40082104
} as const;
const CONTINUE = 1, AddFd = { SETFD: 1, SEND: 2 } as const;

interface Notice {
  readonly id: bigint;
  readonly t: Thread;
  readonly data: Uint32Array;
  state: 'new' | 'sent' | 'answered';
  value: bigint;
  error: number;
  flags: number;
  readonly wq: WaitQueue
}

/** The descriptor of a supervisor. */
export class ListenerFile extends File {
  override readonly wq = new WaitQueue();
  private readonly notices: Notice[] = [];
  private last: bigint;
  private open = true;
  constructor(inode: Inode, cookie: bigint) { super(inode, O.RDWR); this.last = cookie; this.name = 'anon_inode:seccomp notify'; }

  /** The thread waits for the supervisor's answer. */
  *ask(thread: Thread, nr: number, data: Uint32Array): Co<Judgement> {
    if (!this.open) return refuse(thread, -E.NOSYS);
    const n: Notice = { id: ++this.last, t: thread, data, state: 'new', value: 0n, error: 0, flags: 0, wq: new WaitQueue() };
    this.notices.push(n);
    this.wq.wakeAll(Poll.IN | Poll.RDNORM);
    try {
      while (n.state !== 'answered') {
        if (!this.open) return refuse(thread, -E.NOSYS);
        const slept = yield* thread.sleep(n.wq);
        if (slept < 0) return refuse(thread, slept);
      }
    } finally { this.notices.splice(this.notices.indexOf(n), 1); }
    if (n.flags & CONTINUE) return { nr };
    thread.regs.big[Reg.a0] = n.error ? BigInt(n.error) : n.value;
    return 'done';
  }
  private find(id: bigint): Notice | undefined { return this.notices.find((n) => n.id === id); }
  override ioctl(thread: Thread, command: number, arg: number): number | Co<number> {
    switch (command) {
      case Io.RECV: return this.receive(thread, arg);
      case Io.SEND: return this.answer(thread, arg);
      case Io.ID_VALID: case Io.ID_VALID_OLD: return this.find(getBig(thread.mm, arg))?.state === 'sent' ? 0 : -E.NOENT;
      case Io.SET_FLAGS: return arg & ~1 ? -E.INVAL : 0;
      case Io.ADDFD: return this.addFd(thread, arg);
      default: return -E.INVAL;
    }
  }
  /** struct seccomp_notif: id, pid, flags, data. */
  private *receive(thread: Thread, va: number): Co<number> {
    if (copyIn(thread.mm, va, 80).some((b) => b !== 0)) return -E.INVAL;
    for (;;) {
      const n = this.notices.find((x) => x.state === 'new');
      if (n) {
        const out = new Uint8Array(80), view = new DataView(out.buffer);
        view.setBigUint64(0, n.id, true);
        view.setUint32(8, thread.proc.numbers.of(n.t.tid), true);
        out.set(new Uint8Array(n.data.buffer), 16);
        copyOut(thread.mm, va, out);
        n.state = 'sent';
        this.wq.wakeAll(Poll.OUT | Poll.WRNORM);
        return 0;
      }
      const slept = yield* thread.sleep(this.wq);
      if (slept < 0) return slept;
    }
  }
  /** struct seccomp_notif_resp: id, value, error, flags. */
  private answer(thread: Thread, va: number): number {
    const id = getBig(thread.mm, va), value = BigInt.asIntN(64, getBig(thread.mm, va + 8)), error = getI32(thread.mm, va + 16),
      flags = getU32(thread.mm, va + 20), n = this.find(id);
    if (flags & ~CONTINUE || (flags & CONTINUE && (error !== 0 || value !== 0n))) return -E.INVAL;
    if (!n) return -E.NOENT;
    if (n.state !== 'sent') return -E.INPROGRESS;
    this.reply(n, value, error, flags);
    return 0;
  }
  private reply(n: Notice, value: bigint, error: number, flags: number): void {
    Object.assign(n, { state: 'answered', value, error, flags });
    n.wq.wakeAll();
  }
  /** struct seccomp_notif_addfd: id, flags, source, number wanted, its flags. */
  private addFd(thread: Thread, va: number): number {
    const id = getBig(thread.mm, va), flags = getU32(thread.mm, va + 8), source = thread.proc.fds.get(getI32(thread.mm, va + 12)),
      to = getU32(thread.mm, va + 16),
      how = getU32(thread.mm, va + 20), n = this.find(id);
    if (how & ~O.CLOEXEC || flags & ~3 || (to !== 0 && !(flags & AddFd.SETFD))) return -E.INVAL;
    if (!source) return -E.BADF;
    if (!n) return -E.NOENT;
    if (n.state !== 'sent') return -E.INPROGRESS;
    const { fds, limits } = n.t.proc, cloexec = (how & O.CLOEXEC) !== 0;
    let fd = to;
    if (!(flags & AddFd.SETFD)) {
      fd = fds.add(source.hold(), cloexec, limits.files);
      if (fd < 0) { source.release(); return fd; }
    } else if (to >= limits.files) return -E.BADF; else if (!fds.hasRoom(to)) return -E.NOMEM; else fds.put(to, source.hold(), cloexec);
    if (flags & AddFd.SEND) this.reply(n, BigInt(fd), 0, 0);
    return fd;
  }
  override poll(): number {
    return (this.notices.some((n) => n.state === 'new') ? Poll.IN | Poll.RDNORM : 0)
      | (this.notices.some((n) => n.state === 'sent') ? Poll.OUT | Poll.WRNORM : 0);
  }
  protected override closed(): void {
    this.open = false;
    for (const n of this.notices) n.wq.wakeAll();
  }
}
