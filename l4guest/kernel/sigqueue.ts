/** Signals as data: sets, pending queues, actions, siginfo. Sets are bigints with bit (n-1) for signal n. */
import { setU32 } from '../mm/uaccess.ts';
import type { Mm } from '../mm/mm.ts';
import { Handler, Sig } from '../abi/linux.ts';

export const bit = (sig: number): bigint => 1n << BigInt(sig - 1);
export const setOf = (...sigs: number[]): bigint => sigs.reduce((s, n) => s | bit(n), 0n);
export const UNBLOCKABLE = setOf(Sig.KILL, Sig.STOP);
export const STOPS = setOf(Sig.STOP, Sig.TSTP, Sig.TTIN, Sig.TTOU);
export const FAULTS = setOf(Sig.SEGV, Sig.BUS, Sig.ILL, Sig.TRAP, Sig.FPE, Sig.SYS);

export interface SigInfo {
  readonly signo: number; readonly code: number; readonly errno?: number;
  readonly pid?: number; readonly uid?: number; readonly status?: number; readonly addr?: number; readonly value?: bigint;
  readonly timer?: number; readonly overrun?: number; readonly band?: number;
  /** The system call that a filter trapped: its address, number, architecture. */
  readonly call?: { readonly at: number; readonly nr: number; readonly arch: number };
  /** Computes the siginfo when the signal leaves the queue. */
  readonly taken?: (info: SigInfo) => SigInfo;
}

export interface SigAction { readonly handler: number; readonly flags: number; readonly mask: bigint }
export interface AltStack { sp: number; flags: number; size: number }

const DEFAULT: SigAction = { handler: Handler.DFL, flags: 0, mask: 0n };
const IGNORED: SigAction = { handler: Handler.IGN, flags: 0, mask: 0n };

/** Actions of a process (or of several, with CLONE_SIGHAND). An action is never changed, only replaced: copies share them. */
export class SigActions {
  list: SigAction[];
  constructor(list: SigAction[] = new Array<SigAction>(65).fill(DEFAULT)) { this.list = list; }
  copy(): SigActions { return new SigActions(this.list.slice()); }
  toDefault(sig: number): void { this.list[sig] = DEFAULT; }
  /** SA_RESETHAND: resets the handler and keeps the rest of the action. */
  resetHandler(sig: number): void { this.list[sig] = { ...this.list[sig]!, handler: Handler.DFL }; }
  /** Resets handlers to the default and keeps ignored signals: exec, and CLONE_CLEAR_SIGHAND. */
  reset(): void { this.list = this.list.map((a) => (a.handler === Handler.IGN ? IGNORED : DEFAULT)); }
}

/** Server memory of a queued signal, bytes. */
const INFO_COST = 160;
/** Signals from here on queue; those below pend once. */
export const FIRST_REAL_TIME = 32;

/** The account for queued signals. */
export interface Purse { charge(bytes: number): boolean; uncharge(bytes: number): void }

class Line { infos: SigInfo[] = []; head = 0; get length(): number { return this.infos.length - this.head; } }

export class SignalQueue {
  bits = 0n;
  /** Signals that wait. */
  length = 0;
  private readonly lines: (Line | undefined)[] = [];
  private readonly purse: Purse | undefined;
  constructor(purse?: Purse) { this.purse = purse; }

  /** Standard signals pend once, real-time signals queue. False: already pending, or no memory for another one. */
  add(info: SigInfo): boolean {
    const flag = bit(info.signo), queues = info.signo >= FIRST_REAL_TIME;
    if (!queues && (this.bits & flag) !== 0n) return false;
    if (queues && this.purse && !this.purse.charge(INFO_COST)) return false;
    this.bits |= flag;
    (this.lines[info.signo] ??= new Line()).infos.push(info);
    this.length++;
    return true;
  }
  /** The next signal outside `mask`: faults first, then by number; 0 = none. */
  next(mask: bigint): number {
    const open = this.bits & ~mask;
    if (open === 0n) return 0;
    const from = (open & FAULTS) !== 0n ? open & FAULTS : open;
    let sig = 1;
    while ((from & bit(sig)) === 0n) sig++;
    return sig;
  }
  take(mask: bigint): SigInfo | undefined {
    const sig = this.next(mask);
    if (sig === 0) return undefined;
    const line = this.lines[sig]!, info = line.infos[line.head++]!;
    this.gone(sig, 1);
    if (line.length === 0) {
      this.bits &= ~bit(sig);
      this.lines[sig] = undefined;
    } else if (line.head > 256) { line.infos = line.infos.slice(line.head); line.head = 0; }
    return info.taken ? info.taken(info) : info;
  }
  /** Lists signals outside `mask` without taking them, from the `skip`th on. */
  list(mask: bigint): SigInfo[] { return this.lines.flatMap((l, sig) => (l && (bit(sig) & mask) === 0n ? l.infos.slice(l.head) : [])); }
  private gone(sig: number, n: number): void {
    this.length -= n;
    if (sig >= FIRST_REAL_TIME) this.purse?.uncharge(INFO_COST * n);
  }
  remove(set: bigint): void {
    if ((this.bits & set) === 0n) return;
    this.bits &= ~set;
    this.lines.forEach((l, sig) => { if (l && (bit(sig) & set) !== 0n) { this.gone(sig, l.length); this.lines[sig] = undefined; } });
  }
  /** Removes a timer's undelivered signal. */
  removeTimer(sig: number, timer: number): void {
    const line = this.lines[sig];
    if (!line) return;
    const rest = line.infos.slice(line.head).filter((x) => x.timer !== timer);
    this.gone(sig, line.length - rest.length);
    line.infos = rest;
    line.head = 0;
    if (rest.length === 0) { this.bits &= ~bit(sig); this.lines[sig] = undefined; }
  }
  /** Drops all signals: their owner ends. */
  clear(): void { this.remove(~0n); }
}

const INFO_BYTES = 128;
/** A siginfo_t. */
export function sigInfoBytes(sigInfo: SigInfo): Uint8Array {
  const view = new DataView(new ArrayBuffer(INFO_BYTES)), bytes = new Uint8Array(view.buffer);
  const u32 = (at: number, value: number): void => { view.setUint32(at, value, true); };
  const i64 = (at: number, value: number): void => { view.setBigInt64(at, BigInt(value), true); };
  u32(0, sigInfo.signo);
  u32(4, sigInfo.errno ?? 0);
  u32(8, sigInfo.code);
  if (sigInfo.call) {
    i64(16, sigInfo.call.at);
    u32(24, sigInfo.call.nr);
    u32(28, sigInfo.call.arch);
    return bytes;
  }
  if (sigInfo.addr !== undefined) { i64(16, sigInfo.addr); return bytes; }
  if (sigInfo.band !== undefined) {
    i64(16, sigInfo.band);
    u32(24, Number((sigInfo.value ?? 0n) & 0xffffffffn));
    return bytes;
  }
  if (sigInfo.timer !== undefined) { u32(16, sigInfo.timer); u32(20, sigInfo.overrun ?? 0); }
  else { u32(16, sigInfo.pid ?? 0); u32(20, sigInfo.uid ?? 0); }
  if (sigInfo.value !== undefined) view.setBigUint64(24, BigInt.asUintN(64, sigInfo.value), true);
  else if (sigInfo.status !== undefined) u32(24, sigInfo.status);
  return bytes;
}
/** Writes a siginfo_t to a process. */
export function putSigInfo(mm: Mm, va: number, sigInfo: SigInfo): void {
  const words = new Uint32Array(sigInfoBytes(sigInfo).buffer);
  words.forEach((word, i) => { setU32(mm, va + 4 * i, word); });
}
