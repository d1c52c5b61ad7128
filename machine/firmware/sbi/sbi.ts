/**
 * The SBI calling convention: extension in a7, function in a6, arguments in a0 … a5; error in a0, value in a1.
 * One class per extension, each in a file of its own; `firmware.ts` lists them.
 * @spec sbi 3 (v2.0)
 */
import type { HartApi } from '../../api.ts';

/** @spec sbi 3.1, table 1 */
export const SbiError = {
  SUCCESS: 0,
  FAILED: -1,
  NOT_SUPPORTED: -2,
  INVALID_PARAM: -3,
  DENIED: -4,
  INVALID_ADDRESS: -5,
  ALREADY_AVAILABLE: -6,
  ALREADY_STARTED: -7,
  ALREADY_STOPPED: -8,
  NO_SHMEM: -9,
} as const;

export interface SbiResult {
  readonly error: number;
  /** bigint where all 64 bits count. */
  readonly value: number | bigint;
}

export interface SbiExtension {
  /** Identifiers of the extension: most have one, the legacy calls have several. */
  readonly ids: readonly number[];
  /** `undefined`: the hart continues elsewhere, and its registers are already set for that. */
  call(hart: HartApi, fid: number, eid: number): SbiResult | undefined;
}

export const success: SbiResult = { error: SbiError.SUCCESS, value: 0 };
export const notSupported: SbiResult = { error: SbiError.NOT_SUPPORTED, value: 0 };
export const invalidParam: SbiResult = { error: SbiError.INVALID_PARAM, value: 0 };
export const invalidAddress: SbiResult = { error: SbiError.INVALID_ADDRESS, value: 0 };

export function value(v: number): SbiResult {
  return { error: SbiError.SUCCESS, value: v };
}

export function failure(error: number): SbiResult {
  return { error, value: 0 };
}

/** Register numbers of the convention. */
export const A0 = 10;
export const A1 = 11;
export const A2 = 12;
export const A3 = 13;
export const A4 = 14;
export const A6 = 16;
export const A7 = 17;

/** The low 32 bits of a register, unsigned. */
export function low(hart: HartApi, register: number): number {
  return hart.x32[2 * register] >>> 0;
}

/** The whole register as an unsigned number; exact below 2^53, and all ones stays 2^64. */
export function unsigned(hart: HartApi, register: number): number {
  return (hart.x32[2 * register + 1] >>> 0) * 2 ** 32 + (hart.x32[2 * register] >>> 0);
}

export function isAllOnes(hart: HartApi, register: number): boolean {
  return (hart.x32[2 * register] & hart.x32[2 * register + 1]) === -1;
}

/**
 * The harts that the two registers name with `mask` and `base`: base -1 = all. `undefined` when one does not exist.
 * @spec sbi 3.2
 */
export function hartMask(hart: HartApi, maskRegister: number, baseRegister: number, count: number): number[] | undefined {
  if (isAllOnes(hart, baseRegister)) return Array.from({ length: count }, (_, i) => i);
  const base = unsigned(hart, baseRegister);
  const harts: number[] = [];
  for (let bit = 0; bit < 64; bit++) {
    if (((hart.x32[2 * maskRegister + (bit >> 5)] >>> (bit & 31)) & 1) === 0) continue;
    if (base + bit >= count) return undefined;
    harts.push(base + bit);
  }
  return harts;
}
