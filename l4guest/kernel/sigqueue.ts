/** Signals as data: sets, pending queues, actions, siginfo. Sets are bigints with bit (n-1) for signal n. */
import { setBig, setI64, setU32 } from '../mm/uaccess.ts';
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
}

export interface SigAction { readonly handler: number; readonly flags: number; readonly mask: bigint }
export interface AltStack { sp: number; flags: number; size: number }

const DEFAULT: SigAction = { handler: Handler.DFL, flags: 0, mask: 0n };
const IGNORED: SigAction = { handler: Handler.IGN, flags: 0, mask: 0n };

/** Actions of a process (or of several, with CLONE_SIGHAND). An action is never changed, only replaced: copies share them. */
export class SigActions {
  list: SigAction[] = new Array<SigAction>(65).fill(DEFAULT);
  copy(): SigActions { const c = new SigActions(); c.list = this.list.slice(); return c; }
  toDefault(sig: number): void { this.list[sig] = DEFAULT; }
  /** Handlers go back to the default, what is ignored stays so: exec, and CLONE_CLEAR_SIGHAND. */
  reset(): void { this.list = this.list.map((a) => (a.handler === Handler.IGN ? IGNORED : DEFAULT)); }
}

export class SignalQueue {
  bits = 0n;
  private readonly infos: SigInfo[] = [];
  /** Standard signals pend once, real-time signals queue. False: it was there already. */
  add(info: SigInfo): boolean {
    const b = bit(info.signo);
    if (info.signo < 32 && (this.bits & b) !== 0n) return false;
    this.bits |= b;
    this.infos.push(info);
    return true;
  }
  /** The next one outside `mask`: faults first, then by number; 0 = none. */
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
    const i = this.infos.findIndex((x) => x.signo === sig), [info] = this.infos.splice(i, 1);
    if (!this.infos.some((x) => x.signo === sig)) this.bits &= ~bit(sig);
    return info;
  }
  remove(set: bigint): void {
    if ((this.bits & set) === 0n) return;
    this.bits &= ~set;
    for (let i = this.infos.length - 1; i >= 0; i--) if ((bit(this.infos[i]!.signo) & set) !== 0n) this.infos.splice(i, 1);
  }
}

/** Writes a siginfo_t (128 bytes). */
export function putSigInfo(mm: Mm, va: number, s: SigInfo): void {
  for (let i = 0; i < 128; i += 4) setU32(mm, va + i, 0);
  setU32(mm, va, s.signo);
  setU32(mm, va + 4, s.errno ?? 0);
  setU32(mm, va + 8, s.code);
  if (s.addr !== undefined) { setI64(mm, va + 16, s.addr); return; }
  if (s.band !== undefined) { setI64(mm, va + 16, s.band); setU32(mm, va + 24, Number((s.value ?? 0n) & 0xffffffffn)); return; }
  if (s.timer !== undefined) { setU32(mm, va + 16, s.timer); setU32(mm, va + 20, s.overrun ?? 0); }
  else { setU32(mm, va + 16, s.pid ?? 0); setU32(mm, va + 20, s.uid ?? 0); }
  if (s.value !== undefined) setBig(mm, va + 24, s.value);
  else if (s.status !== undefined) setU32(mm, va + 24, s.status);
}
