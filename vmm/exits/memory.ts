/**
 * Guest-page faults. All of the guest's memory is mapped from the start, so a fault is an access to a device register or to an unmapped
 * address.
 * Event words: scause, stval, htval (guest-physical >> 2), htinst, or the instruction as the kernel read it. @spec priv 21.6.3
 */
import { Mtd, S, U, type Sys, type Utcb } from '../../microkernel/abi/index.ts';
import type { Window } from '../devices/bus.ts';
import { type Access, decodeAccess, decodeTransformed } from '../interpreter/access.ts';
import { groupOf } from '../interpreter/store.ts';
import { fetchInstruction } from '../interpreter/walk.ts';
import type { Vcpu } from '../vcpu.ts';
import { RESERVED } from '../processor.ts';
import { RAM_BASE } from '../ram.ts';
import { Trap, injectFault } from './inject.ts';

const Scause = { fetch: 20, load: 21, store: 23 } as const;

export function onMemory(vcpu: Vcpu): number | Sys<number> {
  const utcb = vcpu.utcb, gpa = utcb.word(2) * 4 + (utcb.u32[(U.words + 8) >> 2] & 3), htinst = utcb.u32[(U.words + 24) >> 2];
  const isRaw = utcb.u32[(U.words + 28) >> 2] !== 0, access = isRaw ? decodeAccess(htinst) : decodeTransformed(htinst);
  if (!access) return isRaw ? refuse(vcpu) : slowly(vcpu, gpa, htinst);
  const window = vcpu.vm.bus.find(gpa, access.size);
  return window && gpa % access.size === 0 ? perform(vcpu, window, gpa - window.base, access) : refuse(vcpu);
}

/** Neither processor nor kernel say which instruction it was, so it is read from the guest's memory. */
function* slowly(vcpu: Vcpu, gpa: number, htinst: number): Sys<number> {
  const scause = vcpu.utcb.word(0), window = vcpu.vm.bus.find(gpa, 1);
  if (scause === Scause.fetch || !window || htinst !== 0) return yield* refuse(vcpu);
  yield* vcpu.fetch(Mtd.vs | Mtd.mode);
  const instruction = fetchInstruction(vcpu.vm.ram, vcpu.utcb.big(S.vsatp), vcpu.utcb.big(S.pc));
  const access = instruction === undefined ? undefined : decodeAccess(instruction);
  if (!access || gpa % access.size !== 0 || gpa + access.size > window.end) return yield* refuse(vcpu);
  return perform(vcpu, window, gpa - window.base, access);
}

const perform = (v: Vcpu, window: Window, offset: number, a: Access): number =>
  accessDevice(v.utcb, window, offset, a) | advance(v.utcb, a.length);

/** One access of an instruction to a device register. Returns the register groups that it changed. */
export function accessDevice(utcb: Utcb, window: Window, offset: number, access: Access): number {
  if (!access.store) return load(utcb, window, offset, access);
  store(utcb, window, offset, access);
  return 0;
}

/** A register of 8 bytes is two of 4. */
function load(utcb: Utcb, { device }: Window, offset: number, access: Access): number {
  const at = (S.x >> 2) + 2 * access.register, part = Math.min(access.size, 4), low = device.read(offset, part), bits = 32 - 8 * part;
  const value = access.signed ? (low << bits) >> bits : low >>> 0;
  if (access.register === 0) return 0;
  utcb.u32[at] = value;
  utcb.u32[at + 1] = access.size === 8 ? device.read(offset + 4, 4) : value < 0 ? 0xffff_ffff : 0;
  return groupOf(access.register);
}

function store(utcb: Utcb, { device }: Window, offset: number, access: Access): void {
  const at = (S.x >> 2) + 2 * access.register, low = access.register === 0 ? 0 : utcb.u32[at], part = Math.min(access.size, 4);
  device.write(offset, part === 4 ? low : low & (2 ** (8 * part) - 1), part);
  if (access.size === 8) device.write(offset + 4, access.register === 0 ? 0 : utcb.u32[at + 1], 4);
}

/** No page table could cause this fault, so the monitor cannot resolve it and must not resume the guest. */
function outOfReach(vcpu: Vcpu, address: bigint): number {
  const { utcb, vm } = vcpu, doing = utcb.word(0) === Scause.fetch ? 'runs' : 'accesses memory';
  vm.end({
    kind: 'stopped',
    why: `vCPU ${vcpu.id} ${doing} at 0x${address.toString(16)} (pc 0x${utcb.big(S.pc).toString(16)}), and memory begins at 0x`
      + `${vm.ram.base.toString(16)}: ${RESERVED}`
  });
  return 0;
}

/** No device, or an unknown instruction: an access fault, as on a real machine. */
function* refuse(vcpu: Vcpu): Sys<number> {
  const utcb = vcpu.utcb, scause = utcb.word(0), address = utcb.bigWord(1);
  if (address >= BigInt(RAM_BASE) && address < BigInt(vcpu.vm.ram.base)) return outOfReach(vcpu, address);
  yield* vcpu.fetch(Mtd.vs | Mtd.mode);
  return injectFault(vcpu, scause === Scause.fetch ? Trap.fetchAccess : scause === Scause.store ? Trap.storeAccess : Trap.loadAccess,
    address);
}

/** Advances pc past an instruction of `length` bytes. */
export function advance(utcb: Utcb, length: number): number {
  const at = S.pc >> 2, low = utcb.u32[at] + length;
  utcb.u32[at] = low;
  if (low > 0xffff_ffff) utcb.u32[at + 1] += 1;
  return Mtd.pc;
}
