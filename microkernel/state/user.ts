/**
 * The state of a thread that runs on a hart, by groups (abi/mtd.ts): out of it into a UTCB, and back. Integer and floating-point
 * registers stay in the hart until another thread needs it (`owner`), so that an event and its reply copy only what they carry.
 */
import { Mtd, S, type Utcb } from '../abi/index.ts';
import { COSTS } from '../costs.ts';
import type { Stage } from '../core.ts';
import type { Thread } from '../objects/thread.ts';
import type { Cpu } from '../sched/cpu.ts';
import { unitsIn, unitsOut, useUnits } from './units.ts';
import { guestIn, guestOut, loadGuest, shareWith, GUEST_GROUPS } from './guest.ts';

const X = S.x >> 2, A0 = 20, A7_END = 36;

/** The thread's integer registers, wherever they are, as 32-bit halves. */
export const registersOf = (t: Thread): Int32Array => t.cpu.owner === t ? t.cpu.hart.x32 : t.x;

/** Copies the groups of `mtd` to the state area; answers the bytes copied. */
export function stateOut(t: Thread, u: Utcb, mtd: number): number {
  const to = u.i32;
  let bytes = 0;
  if ((mtd & (Mtd.args | Mtd.regs | Mtd.result)) !== 0) {
    const x = registersOf(t);
    if ((mtd & Mtd.result) !== 0) { to[X + A0] = x[A0]; to[X + A0 + 1] = x[A0 + 1]; bytes += 8; }
    if ((mtd & Mtd.args) !== 0) { for (let i = A0; i < A7_END; i++) to[X + i] = x[i]; bytes += 64; }
    if ((mtd & Mtd.regs) !== 0) { copyOthers(to, X, x, 0); bytes += 184; }
  }
  if ((mtd & Mtd.pc) !== 0) { pcOut(t, u); bytes += 8; }
  if ((mtd & Mtd.fpu) !== 0) { floatOut(t, u); bytes += 264; }
  if (t.guest && (mtd & GUEST_GROUPS) !== 0) bytes += guestOut(t, u, mtd);
  if (!t.guest && (mtd & Mtd.units) !== 0) bytes += unitsOut(t, u);
  return bytes;
}

/** Takes the groups of `mtd` from the state area. */
export function stateIn(t: Thread, u: Utcb, mtd: number): number {
  const from = u.i32;
  let bytes = 0;
  if ((mtd & (Mtd.args | Mtd.regs | Mtd.result)) !== 0) {
    const x = registersOf(t);
    if ((mtd & Mtd.result) !== 0) { x[A0] = from[X + A0]; x[A0 + 1] = from[X + A0 + 1]; bytes += 8; }
    if ((mtd & Mtd.args) !== 0) { for (let i = A0; i < A7_END; i++) x[i] = from[X + i]; bytes += 64; }
    if ((mtd & Mtd.regs) !== 0) { copyOthers(x, 0, from, X); x[0] = x[1] = 0; bytes += 184; }
  }
  if ((mtd & Mtd.pc) !== 0) { setPc(t, from[S.pc >> 2], from[(S.pc >> 2) + 1]); bytes += 8; }
  if ((mtd & Mtd.fpu) !== 0) { floatIn(t, u); bytes += 264; }
  if (t.guest && (mtd & GUEST_GROUPS) !== 0) bytes += guestIn(t, u, mtd);
  if (!t.guest && (mtd & Mtd.units) !== 0) bytes += unitsIn(t, u);
  return bytes;
}

/** x1 … x9 and x18 … x31. */
function copyOthers(to: Int32Array, toBase: number, from: Int32Array, fromBase: number): void {
  for (let i = 2; i < A0; i++) to[toBase + i] = from[fromBase + i];
  for (let i = A7_END; i < 64; i++) to[toBase + i] = from[fromBase + i];
}

/** The thread's pc, wherever it is, as two halves. */
export const pcOf = (t: Thread): Int32Array => t.cpu.owner === t ? t.cpu.hart.pc32 : t.pc32;

/** … as a number, exact for the addresses that programs have. */
export const pcNumber = (t: Thread): number => pcOf(t)[1] * 2 ** 32 + (pcOf(t)[0] >>> 0);

function pcOut(t: Thread, u: Utcb): void {
  const pc = pcOf(t);
  u.i32[S.pc >> 2] = pc[0];
  u.i32[(S.pc >> 2) + 1] = pc[1];
}
/** Instructions are at even addresses. */
export function setPc(t: Thread, lo: number, hi: number): void {
  const pc = pcOf(t);
  pc[0] = lo & ~1;
  pc[1] = hi;
}

function floatOut(t: Thread, u: Utcb): void {
  const live = t.cpu.owner === t;
  u.i64.set(live ? t.cpu.hart.f : t.f!, S.f >> 3);
  u.setNum(S.fcsr, live ? t.cpu.hart.fcsr : t.fcsr);
}
function floatIn(t: Thread, u: Utcb): void {
  const from = u.i64.subarray(S.f >> 3, (S.f >> 3) + 32), fcsr = u.num(S.fcsr) & 0xff;
  if (t.cpu.owner === t) { t.cpu.hart.f.set(from); t.cpu.hart.fcsr = fcsr; }
  else { t.f!.set(from); t.fcsr = fcsr; }
}

/** Makes `t` the owner of its hart's registers. */
export function load(k: Stage, cpu: Cpu, t: Thread): void {
  if (cpu.owner !== t) {
    exchange(cpu, t);
    k.charge(COSTS.registers);
  }
  if (t.guest && cpu.vsOwner !== t) loadGuest(k, cpu, t);
  shareWith(cpu, t.guest);
  if (cpu.units !== t.units) useUnits(cpu, t.units);
}

/** The registers of who owns the hart's are saved, and those of `t` loaded. */
export function exchange(cpu: Cpu, t: Thread): void {
  save(cpu);
  const { hart } = cpu;
  cpu.registers.set(t.registers);
  hart.fcsr = t.fcsr;
  hart.pc32[0] = t.pc32[0];
  hart.pc32[1] = t.pc32[1];
  cpu.owner = t;
}

/** Saves the registers of who owns them. */
export function save(cpu: Cpu): void {
  const old = cpu.owner;
  if (!old) return;
  const { hart } = cpu;
  old.registers.set(cpu.registers);
  old.fcsr = hart.fcsr;
  old.pc32[0] = hart.pc32[0];
  old.pc32[1] = hart.pc32[1];
}
