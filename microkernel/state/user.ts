/**
 * The state of a thread that runs on a hart, by groups (abi/mtd.ts): from the hart into a UTCB, and back. Integer and floating-point
 * registers stay in the hart until another thread needs it (`owner`), so that an event and its reply copy only their groups.
 */
import { Mtd, S, type Utcb } from '../abi/index.ts';
import { COSTS } from '../costs.ts';
import type { Stage } from '../core.ts';
import type { Thread } from '../objects/thread.ts';
import type { Cpu } from '../sched/cpu.ts';
import { unitsIn, unitsOut, useUnits } from './units.ts';
import { moveGuest, loadGuest, shareWith, GUEST_GROUPS } from './guest.ts';

/** In halves: places of the state area, and of registers among the integer registers (x1 … x9 and x18 … x31 are `regs`). */
const X = S.x >> 2, PC = S.pc >> 2, X1 = 2, A0 = 20, A7_END = 36, X_END = 64;

/** The thread's integer registers, wherever they are, as 32-bit halves. */
export const registersOf = (t: Thread): Int32Array => t.cpu.owner === t ? t.cpu.hart.x32 : t.x;

/** Copies the groups of `mtd` to the state area, or takes them from it; answers the bytes copied. */
export function moveState(thread: Thread, utcb: Utcb, mtd: number, out: boolean): number {
  let bytes = 0;
  if ((mtd & (Mtd.args | Mtd.regs | Mtd.result)) !== 0) {
    const x = registersOf(thread), area = utcb.i32;
    if ((mtd & Mtd.result) !== 0) bytes += copy(x, area, A0, A0 + 2, out);
    if ((mtd & Mtd.args) !== 0) bytes += copy(x, area, A0, A7_END, out);
    if ((mtd & Mtd.regs) !== 0) bytes += copy(x, area, X1, A0, out) + copy(x, area, A7_END, X_END, out);
  }
  if ((mtd & Mtd.pc) !== 0) bytes += movePc(thread, utcb.i32, out);
  if ((mtd & Mtd.fpu) !== 0) bytes += moveFloat(thread, utcb, out);
  if (thread.guest && (mtd & GUEST_GROUPS) !== 0) bytes += moveGuest(thread, utcb, mtd, out);
  if (!thread.guest && (mtd & Mtd.units) !== 0) bytes += out ? unitsOut(thread, utcb) : unitsIn(thread, utcb);
  return bytes;
}

/** Copies halves [from, end) of the integer registers; returns the bytes. */
function copy(x: Int32Array, area: Int32Array, from: number, end: number, out: boolean): number {
  if (out) for (let i = from; i < end; i++) area[X + i] = x[i];
  else for (let i = from; i < end; i++) x[i] = area[X + i];
  return 4 * (end - from);
}

/** The thread's pc, wherever it is, as two halves. */
export const pcOf = (t: Thread): Int32Array => t.cpu.owner === t ? t.cpu.hart.pc32 : t.pc32;

/** … as a number, exact for the addresses that programs have. */
export const pcNumber = (t: Thread): number => pcOf(t)[1] * 2 ** 32 + (pcOf(t)[0] >>> 0);

/** Instructions are at even addresses. */
export function setPc(thread: Thread, lo: number, hi: number): void {
  const pc = pcOf(thread);
  pc[0] = lo & ~1;
  pc[1] = hi;
}

function movePc(thread: Thread, area: Int32Array, out: boolean): number {
  if (out) area.set(pcOf(thread), PC);
  else setPc(thread, area[PC], area[PC + 1]);
  return 8;
}

function moveFloat(thread: Thread, utcb: Utcb, out: boolean): number {
  const keeper = thread.cpu.owner === thread ? thread.cpu.hart : thread, area = utcb.i64.subarray(S.f >> 3, (S.f >> 3) + 32);
  if (out) {
    area.set(keeper.f!);
    utcb.setNum(S.fcsr, keeper.fcsr);
  } else {
    keeper.f!.set(area);
    keeper.fcsr = utcb.num(S.fcsr) & 0xff;
  }
  return 264;
}

/** Makes `thread` the owner of its hart's registers. */
export function load(k: Stage, cpu: Cpu, thread: Thread): void {
  if (cpu.owner !== thread) {
    exchange(cpu, thread);
    k.charge(COSTS.registers);
  }
  if (thread.guest && cpu.vsOwner !== thread) loadGuest(k, cpu, thread);
  shareWith(cpu, thread.guest);
  if (cpu.units !== thread.units) useUnits(cpu, thread.units);
}

/** Saves the registers of the hart's owner, and loads those of `thread`. */
export function exchange(cpu: Cpu, thread: Thread): void {
  save(cpu);
  const { hart } = cpu;
  cpu.registers.set(thread.registers);
  hart.fcsr = thread.fcsr;
  hart.pc32[0] = thread.pc32[0];
  hart.pc32[1] = thread.pc32[1];
  cpu.owner = thread;
}

/** Saves the registers of their owner. */
export function save(cpu: Cpu): void {
  const old = cpu.owner;
  if (!old) return;
  const { hart } = cpu;
  old.registers.set(cpu.registers);
  old.fcsr = hart.fcsr;
  old.pc32[0] = hart.pc32[0];
  old.pc32[1] = hart.pc32[1];
}
