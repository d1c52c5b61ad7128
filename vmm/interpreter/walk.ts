/**
 * The guest's own page tables, walked by software: the interpreter routines use this to find the instruction of an exit that the machine
 * did not report (htinst = 0). Guest-physical to VMM memory is a constant distance (ram.ts).
 * @spec priv 12.3.2, 12.4, 12.5, 12.6
 */
import type { GuestRam } from '../ram.ts';

const Pte = { valid: 1, read: 2, execute: 8 } as const;
const PAGE = 4096;
/** Pages in a contiguous run. @spec priv 13 (64 KiB only) */
const NAPOT = 16;
/** satp.MODE → levels. */
const levels: Record<number, number> = { 8: 3, 9: 4, 10: 5 };

/**
 * Guest-physical address behind a virtual one, whatever its rights; undefined where nothing is mapped. Bare mode: the same number. Signed
 * and unsigned registers are the same.
 */
export function translate(ram: GuestRam, vsatp: bigint, va: bigint): number | undefined {
  const mode = Number(BigInt.asUintN(64, vsatp) >> 60n), depth = levels[mode];
  if (mode === 0) return Number(va);
  if (depth === undefined || !isCanonical(va, depth)) return undefined;
  let table = Number(vsatp & 0xfff_ffff_ffffn) * PAGE;
  for (let level = depth - 1; level >= 0; level--) {
    const index = Number((va >> BigInt(12 + 9 * level)) & 511n), at = table + index * 8;
    if (!ram.isRam(at, 8)) return undefined;
    const low = ram.u32(at), frame = (ram.u32(at + 4) & 0x3f_ffff) * 2 ** 22 + (low >>> 10);
    if ((low & Pte.valid) === 0) return undefined;
    if ((low & (Pte.read | Pte.execute)) !== 0) return leaf(frame, va, PAGE * 512 ** level * (ram.u32(at + 4) >>> 31 ? NAPOT : 1));
    table = frame * PAGE;
  }
  return undefined;
}

/** The low frame bits come from the address: in a superpage, and where Svnapot puts its size code. */
function leaf(frame: number, va: bigint, size: number): number {
  const offset = Number(va & BigInt(size - 1));
  return Math.floor((frame * PAGE) / size) * size + offset;
}

const isCanonical = (va: bigint, depth: number): boolean => BigInt.asIntN(12 + 9 * depth, va) === BigInt.asIntN(64, va);

/** The instruction at `va`, or undefined where it cannot be read. */
export function fetchInstruction(ram: GuestRam, vsatp: bigint, va: bigint): number | undefined {
  return instructionOf((at) => translate(ram, vsatp, at), ram, va);
}

/** The same, where `locate` tells the guest-physical address behind a virtual one: of 16 or 32 bits, the second half where it is needed. */
export function instructionOf(locate: (va: bigint) => number | undefined, ram: GuestRam, va: bigint): number | undefined {
  const half = (at: bigint): number | undefined => {
    const gpa = locate(at);
    return gpa !== undefined && ram.isRam(gpa, 2) ? ram.u16(gpa) : undefined;
  };
  const low = half(va);
  if (low === undefined || (low & 3) !== 3) return low;
  const high = half(va + 2n);
  return high === undefined ? undefined : (high << 16) | low;
}
