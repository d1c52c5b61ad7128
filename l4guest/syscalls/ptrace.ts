/** ptrace(2), and reading and writing the memory of other processes. */
import { Cap, SiCode, Sig } from '../abi/linux.ts';
import { capable } from '../kernel/creds.ts';
import { E } from '../abi/errno.ts';
import { UserFault } from '../kernel/failure.ts';
import { putSigInfo, UNBLOCKABLE, type SigInfo } from '../kernel/sigqueue.ts';
import { NT, registerSet } from '../kernel/registers.ts';
import type { Thread } from '../kernel/thread.ts';
import { TRACE_OPTIONS, TraceEvent, TraceOption, Tracing, eventStop, mayTrace } from '../kernel/tracing.ts';
import { copyForced, copyIn, copyOut, getBig, getI32, getI64, getU32, setBig, setI64 } from '../mm/uaccess.ts';
import { longBits, row, type Row } from './row.ts';

const AUDIT_RISCV64 = 0xc000_00f3;

// ── beginning ──────────────────────────────────────────────────────────────────────────────────────────────────────────

function traceMe(thread: Thread): number {
  const parent = thread.proc.parent;
  if (thread.traced || !parent || parent === thread.k.init) return -E.PERM;
  new Tracing(thread, parent, false, 0);
  return 0;
}
/** Filters are suspended only by a superuser that no filter restricts. */
function refusedOptions(thread: Thread, options: number): number {
  if (options & ~TRACE_OPTIONS) return -E.INVAL;
  return options & TraceOption.SUSPEND_SECCOMP && (thread.seccomp || !capable(thread.creds, Cap.SYS_ADMIN)) ? -E.PERM : 0;
}
function attach(thread: Thread, pid: number, seize: boolean, addr: number, options: number): number {
  const target = thread.k.pids.threadOf(thread.proc.numbers, pid);
  if (!target) return thread.k.pids.processes.has(thread.proc.numbers.id(pid)) ? -E.PERM : -E.SRCH;
  if (seize && (addr !== 0 || options & ~TRACE_OPTIONS)) return -E.IO;
  const refused = seize ? refusedOptions(thread, options) : 0;
  if (refused) return refused;
  if (target.proc === thread.proc || target.traced || !mayTrace(thread, target.proc)) return -E.PERM;
  const x = new Tracing(target, thread.proc, seize, seize ? options : 0);
  if (target.proc.stopped) x.haltGroup(target.proc.stopSignal);
  else if (!seize) thread.k.signals.toThread(target, Sig.STOP, SiCode.USER);
  return 0;
}
function interrupt(x: Tracing): number {
  if (!x.seized) return -E.IO;
  if (x.listening) x.halt(eventStop(TraceEvent.STOP));
  else x.want(eventStop(TraceEvent.STOP));
  return 0;
}
function listen(x: Tracing): number {
  if (!x.seized || !x.stop || x.stop.status >> 16 !== TraceEvent.STOP) return -E.IO;
  const next = x.events.shift();
  if (next) x.halt(next); else x.listening = true;
  return 0;
}
function resume(thread: Thread, x: Tracing, sig: number, calls: boolean): number {
  if (sig < 0 || sig > 64) return -E.IO;
  pass(thread, x, sig);
  x.calls = calls;
  x.resume();
  return 0;
}
/** The signal that a resumed thread gets: the one it was stopped by, another, or none. */
function pass(thread: Thread, x: Tracing, sig: number): void {
  const { stop } = x;
  if (sig === 0) return;
  if (stop?.kind === 'signal')
    x.inject = stop.info?.signo === sig ? stop.info : { signo: sig, code: SiCode.USER, pid: thread.proc.pid, uid: thread.creds.uid };
  else if (stop?.kind === 'call') x.t.pending.add({ signo: sig, code: SiCode.USER, pid: thread.proc.pid, uid: thread.creds.uid });
}
function detach(x: Tracing, sig: number): number {
  if (sig < 0 || sig > 64) return -E.IO;
  const injected = x.stop?.kind === 'signal' && x.stop.info?.signo === sig ? x.stop.info : undefined;
  if (injected) x.t.pending.add(injected);
  x.end(injected || x.stop?.kind === 'group' ? 0 : sig);
  return 0;
}

// ── reading and changing ─────────────────────────────────────────────────────────────────────────────────────────────────

function regset(thread: Thread, x: Thread, type: number, iov: number, write: boolean): number {
  const now = registerSet(x.regs, type), base = getI64(thread.mm, iov), room = getI64(thread.mm, iov + 8);
  if (!now || room % 8 !== 0) return -E.INVAL;
  const n = Math.min(room, now.length);
  setI64(thread.mm, iov + 8, n);
  if (!write) { copyOut(thread.mm, base, now.subarray(0, n)); return 0; }
  const bytes = copyIn(thread.mm, base, n), registers = new Uint8Array(x.regs.big.buffer);
  if (type === NT.PRSTATUS) { registers.set(bytes.subarray(0, 8), 64 * 8); registers.set(bytes.subarray(8), 8); return 0; }
  registers.set(bytes.subarray(0, 256), 32 * 8);
  if (n > 256) x.regs.fcsr = bytes[256]!;
  return 0;
}
function peek(thread: Thread, x: Thread, addr: number, to: number): number {
  let word: bigint;
  try { word = getBig(x.mm, addr); } catch (e) { if (e instanceof UserFault) return -E.IO; throw e; }
  setBig(thread.mm, to, word);
  return 0;
}
function poke(x: Thread, addr: number, word: bigint): number {
  try {
    copyForced(x.mm, addr, new Uint8Array(new BigInt64Array([word]).buffer));
    return 0;
  } catch (error) { if (error instanceof UserFault) return -E.IO; throw error; }
}
function sigInfo(thread: Thread, x: Tracing, va: number): number {
  const info = x.stop?.info;
  if (!info) return -E.INVAL;
  putSigInfo(thread.mm, va, info);
  return 0;
}
function setSigInfo(thread: Thread, x: Tracing, va: number): number {
  const { stop } = x;
  if (!stop?.info) return -E.INVAL;
  const info: SigInfo = {
    signo: getU32(thread.mm, va), errno: getI32(thread.mm, va + 4), code: getI32(thread.mm, va + 8), pid: getU32(thread.mm, va + 16),
    uid: getU32(thread.mm, va + 20), value: getBig(thread.mm, va + 24)
  };
  x.stop = { ...stop, info };
  return 0;
}
/** struct ptrace_syscall_info: operation, architecture, pc, sp; number and arguments, or result and whether it is an error. */
function callInfo(thread: Thread, x: Tracing, size: number, va: number): number {
  const out = new Uint8Array(88), view = new DataView(out.buffer), { call, t: who } = x, registers = who.regs;
  view.setUint8(0, call?.op ?? 0);
  view.setUint32(4, AUDIT_RISCV64, true);
  view.setBigInt64(8, registers.big[64]!, true);
  view.setBigInt64(16, registers.big[2]!, true);
  let length = 24;
  if (call?.op === 1) {
    view.setBigInt64(24, BigInt(call.nr), true);
    call.args.forEach((a, i) => { view.setBigInt64(32 + 8 * i, a, true); });
    length = 80;
  }
  if (call?.op === 2) {
    const a0 = registers.big[10]!;
    view.setBigInt64(24, a0, true);
    view.setUint8(32, a0 < 0n && a0 >= -4095n ? 1 : 0);
    length = 33;
  }
  copyOut(thread.mm, va, out.subarray(0, Math.min(length, size)));
  return length;
}

/** struct ptrace_rseq_configuration: address, size, signature, flags, padding. */
function sequenceOf(thread: Thread, { rseq }: Thread, size: number, va: number): number {
  const out = new Uint8Array(24), view = new DataView(out.buffer);
  if (rseq) { view.setBigUint64(0, BigInt(rseq.area), true); view.setUint32(8, rseq.length, true); view.setUint32(12, rseq.sig, true); }
  copyOut(thread.mm, va, out.subarray(0, size));
  return out.length;
}
type Request = (t: Thread, x: Tracing, addr: number, data: number) => number;
/** Requests on a stopped thread. */
const requests: Record<number, Request> = {
  1: (t, x, addr, data) => peek(t, x.t, addr, data), 2: (t, x, addr, data) => peek(t, x.t, addr, data), 3: () => -E.IO, 6: () => -E.IO,
  9: () => -E.IO,
  4: (t, x, addr) => poke(x.t, addr, t.regs.big[13]!), 5: (t, x, addr) => poke(x.t, addr, t.regs.big[13]!),
  7: (t, x, _addr, sig) => resume(t, x, sig, false), 24: (t, x, _addr, sig) => resume(t, x, sig, true),
  17: (_t, x, _addr, sig) => detach(x, sig),
  0x4200: (t, x, _addr, options) => { const refused = refusedOptions(t, options); if (refused === 0) x.options = options; return refused; },
  0x4201: (t, x, _addr, data) => { setI64(t.mm, data, x.message); return 0; },
  0x4202: (t, x, _addr, data) => sigInfo(t, x, data), 0x4203: (t, x, _addr, data) => setSigInfo(t, x, data),
  0x4204: (t, x, type, iov) => regset(t, x.t, type, iov, false), 0x4205: (t, x, type, iov) => regset(t, x.t, type, iov, true),
  0x4208: (_t, x) => listen(x),
  0x4209: (t, x, how, data) => peekSignals(t, x, how, data),
  0x420a: (t, x, size, data) => { if (size !== 8) return -E.INVAL; setBig(t.mm, data, x.t.savedMask ?? x.t.mask); return 0; },
  0x420b: (t, x, size, data) => { if (size !== 8) return -E.INVAL; t.k.signals.setMask(x.t, getBig(t.mm, data) & ~UNBLOCKABLE); return 0; },
  0x420e: (t, x, size, data) => callInfo(t, x, size, data),
  0x420f: (t, x, size, data) => sequenceOf(t, x.t, size, data),
  // Calls are never dispatched to the process itself: the mode is PR_SYS_DISPATCH_OFF.
  0x4211: (t, _x, size, data) => { if (size !== 32) return -E.INVAL; copyOut(t.mm, data, new Uint8Array(32)); return 0; },
};
const Request = { TRACEME: 0, KILL: 8, ATTACH: 16, SEIZE: 0x4206, INTERRUPT: 0x4207 } as const;

function ptrace(thread: Thread, request: number, pid: number, addr: number, data: number): number {
  if (request === Request.TRACEME) return traceMe(thread);
  if (request === Request.ATTACH || request === Request.SEIZE) return attach(thread, pid, request === Request.SEIZE, addr, data);
  const x = thread.k.pids.threadOf(thread.proc.numbers, pid)?.traced;
  if (!x || x.tracer !== thread.proc) return -E.SRCH;
  if (request === Request.KILL) { thread.k.signals.toProcess(x.t.proc, Sig.KILL, SiCode.KERNEL); return 0; }
  if (request === Request.INTERRUPT) return interrupt(x);
  if (!x.stop || x.listening) return -E.SRCH;
  return requests[request]?.(thread, x, addr, data) ?? -E.IO;
}

// ── memory of other processes ────────────────────────────────────────────────────────────────────────────────────────────

/** PTRACE_PEEKSIGINFO: pending signals from the nth on; bit 0 selects those of the whole process. */
function peekSignals(thread: Thread, x: Tracing, how: number, data: number): number {
  const from = getI64(thread.mm, how), flags = getU32(thread.mm, how + 8), most = getI32(thread.mm, how + 12);
  if (flags & ~1 || most < 0) return -E.INVAL;
  const all = (flags & 1 ? x.t.proc.pending : x.t.pending).list(0n).slice(Math.max(0, from), Math.max(0, from) + most);
  all.forEach((s, i) => { putSigInfo(thread.mm, data + 128 * i, s); });
  return all.length;
}
/** process_vm_readv and process_vm_writev: copies from one vector to the other until either ends. */
function processVm(thread: Thread, pid: number, localVa: number, localCount: number, remoteVa: number, remoteCount: number,
    write: boolean): number {
  const process = thread.k.pids.processOf(thread.proc.numbers, pid);
  if (localCount < 0 || localCount > 1024 || remoteCount < 0 || remoteCount > 1024) return -E.INVAL;
  const vector = (va: number, n: number): [number, number][] =>
    Array.from({ length: n }, (_, i) => [getI64(thread.mm, va + 16 * i), getI64(thread.mm, va + 16 * i + 8)]);
  const local = vector(localVa, localCount);
  if (local.every(([, n]) => n === 0)) return 0;
  const remote = vector(remoteVa, remoteCount);
  if ([...local, ...remote].some(([, n]) => n < 0)) return -E.INVAL;
  if (!process?.alive || process.threads.size === 0) return -E.SRCH;
  if (!mayTrace(thread, process)) return -E.PERM;
  let done = 0;
  for (let here = local.shift(), there = remote.shift(); here && there; ) {
    const n = Math.min(here[1], there[1], 4096 - (there[0] % 4096));
    try {
      if (n > 0 && write) copyOut(process.mm, there[0], copyIn(thread.mm, here[0], n));
      else if (n > 0) copyOut(thread.mm, here[0], copyIn(process.mm, there[0], n));
    } catch (error) { if (!(error instanceof UserFault)) throw error; return done || -E.FAULT; }
    done += n;
    here = here[1] > n ? [here[0] + n, here[1] - n] : local.shift();
    there = there[1] > n ? [there[0] + n, there[1] - n] : remote.shift();
  }
  return done;
}

export const traceCalls: Row[] = [
  row('ptrace', (t, request, pid, addr, data) => ptrace(t, request, pid | 0, addr, data),
    { regs: true, note: 'no single steps (riscv64 has none), no seccomp stops' }),
  row('process_vm_readv', (t, pid, a, n, b, m) => processVm(t, pid | 0, a, n, b, m, false), { checks: [longBits(5, 0)] }),
  row('process_vm_writev', (t, pid, a, n, b, m) => processVm(t, pid | 0, a, n, b, m, true), { checks: [longBits(5, 0)] }),
];
