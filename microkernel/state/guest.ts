/**
 * The state of a virtual processor beyond its registers: the vs* CSRs, injected interrupts, and the controls of its exits. They stay in
 * the hart until another virtual processor needs it (`vsOwner`).
 * @spec priv 21.2
 */
import { Mtd, S, type Utcb } from '../abi/index.ts';
import { COSTS } from '../costs.ts';
import type { Stage } from '../core.ts';
import type { Task } from '../objects/task.ts';
import type { Thread } from '../objects/thread.ts';
import type { Cpu } from '../sched/cpu.ts';
import { countersAndEnvironment } from './units.ts';

/** VTVM, VTW, VTSR: what a virtual machine monitor may set of hstatus. */
const HSTATUS_MASK = 0x70_0000n;
const CSR = { hstatus: 0x600, hgatp: 0x680 } as const;

interface Row { readonly csr: number; readonly at: number; readonly group: number; readonly initial: bigint }
const row = (csr: number, at: number, group: number, initial = 0n): Row => ({ csr, at, group, initial });

/**
 * CSR number, place in the state area, group, and the value of a new virtual processor: exceptions that a guest operating system handles
 * itself and its interrupts are delegated, counters readable, Sstc and the cache-block operations on, `wfi` exits.
 */
export const ROWS: readonly Row[] = [
  row(0x200, S.vsstatus, Mtd.vs, 0x2_0000_2000n), row(0x205, S.vstvec, Mtd.vs), row(0x240, S.vsscratch, Mtd.vs),
  row(0x241, S.vsepc, Mtd.vs),
  row(0x242, S.vscause, Mtd.vs), row(0x243, S.vstval, Mtd.vs), row(0x280, S.vsatp, Mtd.vs),
  row(0x602, S.hedeleg, Mtd.control, 0xb1ffn), row(0x603, S.hideleg, Mtd.control, 0x444n), row(0x606, S.hcounteren, Mtd.control, 7n),
  row(0x60a, S.henvcfg, Mtd.control, 0xe000_0000_0000_00f0n), row(CSR.hstatus, S.hstatus, Mtd.control, 0x20_0000n),
  row(0x605, S.htimedelta, Mtd.time),
  row(0x645, S.hvip, Mtd.irq), row(0x204, S.vsie, Mtd.irq), row(0x24d, S.vstimecmp, Mtd.irq, 0xffff_ffff_ffff_ffffn),
  // Without a copy of their own in the hardware, and without a place in messages: scounteren, senvcfg.
  row(0x106, -1, 0, 7n), row(0x10a, -1, 0),
];
const SHARED = ROWS.length - 2;
export const VS_SLOTS = ROWS.length;
export const GUEST_GROUPS = Mtd.mode | Mtd.vs | Mtd.irq | Mtd.time | Mtd.control;

/** Switches scounteren and senvcfg to the user threads, or to the virtual processor. */
export function shareWith(cpu: Cpu, guest: boolean): void {
  if (cpu.sharedByGuest === guest) return;
  cpu.sharedByGuest = guest;
  const owner = cpu.vsOwner;
  const user = countersAndEnvironment(cpu.units);
  for (let i = 0; i < user.length; i++) {
    const { csr } = ROWS[SHARED + i];
    if (!guest && owner) owner.vs![SHARED + i] = cpu.hart.csr(csr);
    cpu.hart.setCsr(csr, guest ? owner!.vs![SHARED + i] : user[i]);
  }
}

export function initGuest(t: Thread): void { ROWS.forEach((r, i) => { t.vs![i] = r.initial; }); }

/** Copies groups of the state area from or to the thread; returns the bytes. */
export function moveGuest(thread: Thread, utcb: Utcb, mtd: number, out: boolean): number {
  const live = thread.cpu.vsOwner === thread;
  let bytes = 0;
  if ((mtd & Mtd.mode) !== 0) {
    if (out) utcb.setNum(S.mode, thread.mode);
    else thread.mode = utcb.num(S.mode) === 0 ? 0 : 1;
    bytes += 8;
  }
  if ((mtd & GUEST_GROUPS) === Mtd.mode) return bytes;
  for (let i = 0; i < ROWS.length; i++) {
    const { csr, at, group } = ROWS[i];
    if ((mtd & group) === 0) continue;
    if (out) utcb.setBig(at, live ? readVs(thread.cpu, csr) : thread.vs![i]);
    else if (live) writeVs(thread.cpu, csr, utcb.big(at));
    else thread.vs![i] = utcb.big(at);
    bytes += 8;
  }
  return bytes;
}

/** A monitor may set only these bits of hstatus, which force exits; the kernel owns the rest. */
export function writeVs(cpu: Cpu, csr: number, value: bigint): void {
  if (csr === CSR.hstatus) cpu.hart.setCsr(csr, (cpu.hart.csr(csr) & ~HSTATUS_MASK) | (value & HSTATUS_MASK));
  else cpu.hart.setCsr(csr, value);
}
export const readVs = (cpu: Cpu, csr: number): bigint => csr === CSR.hstatus ? cpu.hart.csr(csr) & HSTATUS_MASK : cpu.hart.csr(csr);

/** Loads the world of `thread` into the hart and saves the previous one. */
export function loadGuest(k: Stage, cpu: Cpu, thread: Thread): void {
  unloadGuest(cpu);
  cpu.vsOwner = thread;
  for (let i = 0; i < SHARED; i++) writeVs(cpu, ROWS[i].csr, thread.vs![i]);
  k.counters.worldSwitches++;
  k.charge(COSTS.worldSwitch);
}

/** Saves the world in the hart, which is then empty. */
export function unloadGuest(cpu: Cpu): void {
  const old = cpu.vsOwner;
  if (!old) return;
  shareWith(cpu, false);
  for (let i = 0; i < SHARED; i++) old.vs![i] = readVs(cpu, ROWS[i].csr);
  cpu.vsOwner = undefined;
}

/** Saves the world in the hart at once and charges the cost, where worlds are not kept. */
export function saveWorld(k: Stage, cpu: Cpu): void {
  unloadGuest(cpu);
  k.charge(COSTS.worldSwitch);
}

/** Guest-physical translation of this task: Sv39x4, its VMID, its root. */
export function switchGuestSpace(cpu: Cpu, task: Task): void {
  cpu.hgatp = task;
  cpu.hart.setCsr(CSR.hgatp, (8n << 60n) | (BigInt(task.space.asid) << 44n) | BigInt(task.space.root.pa / 4096));
  if (!cpu.tagsGuests) cpu.hart.hfenceGvma();
}
