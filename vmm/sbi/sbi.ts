/**
 * The supervisor binary interface: extension in a7, function in a6, arguments in a0 … a5; answers an error in a0 and a value in a1.
 * One class per extension, each in a file of its own; `extensions.ts` lists them.
 * @spec sbi 3 (v2.0)
 */
import type { Ending } from '../../hardware/chips/finisher.ts';
import type { Sys, Utcb } from '../../microkernel/abi/index.ts';
import type { Syscalls } from '../../binding/index.ts';
import type { GuestRam } from '../ram.ts';

/** @spec sbi 3.1 */
export const SbiError = {
  success: 0, failed: -1, notSupported: -2, invalidParam: -3, denied: -4, invalidAddress: -5, alreadyAvailable: -6, alreadyStarted: -7,
  alreadyStopped: -8,
} as const;

/** A vCPU as the extensions see it. */
export interface SbiCpu {
  readonly id: number;
  readonly started: boolean;
  /** It sleeps until an interrupt. */
  readonly suspended: boolean;
  /** Sets the guest's supervisor software interrupt. */
  raiseSoftware(): void;
  /** Starts a stopped vCPU in S mode with a0 = id, a1 = opaque. */
  begin(pc: bigint, opaque: bigint): void;
}

/** The VM as the extensions see it. */
export interface SbiMachine {
  readonly ram: GuestRam;
  readonly cpus: readonly SbiCpu[];
  readonly console: { outputBytes(bytes: Uint8Array): void; next(): number; take(max: number): Uint8Array };
  /** Other vCPUs forget cached translations and decoded code. */
  readonly fence: (sys: Syscalls) => Sys<void>;
  end(how: Ending): void;
}

/** One call: the calling vCPU and the registers. */
export interface SbiCall {
  readonly cpu: SbiCpu;
  readonly machine: SbiMachine;
  readonly utcb: Utcb;
  readonly extension: number;
  readonly fid: number;
  /** Sets the time of the next timer interrupt; all ones = never. */
  setTimer(time: bigint): void;
  /** The event that the vCPU waits for after this call; `resume`: an interrupt, after which it continues at that address. */
  wait: 'nothing' | 'start' | 'interrupt' | 'fence' | { readonly resume: bigint; readonly opaque: bigint };
}

export interface SbiExtension {
  readonly name: string;
  readonly ids: readonly number[];
  /** Answers error and value; legacy calls their one result. */
  call(call: SbiCall): SbiAnswer;
}

/** `legacy`: only a0 is written, and only this number. */
export type SbiAnswer = { readonly error: number; readonly value: number } | { readonly legacy: number };

export const answer = (error: number, value = 0): SbiAnswer => ({ error, value });
export const success = answer(SbiError.success);
export const notSupported = answer(SbiError.notSupported);
export const invalidParam = answer(SbiError.invalidParam);
export const invalidAddress = answer(SbiError.invalidAddress);
export const value = (v: number): SbiAnswer => answer(SbiError.success, v);

export const A = { a0: 10, a1: 11, a2: 12, a3: 13, a4: 14, a6: 16, a7: 17 } as const;

/** The low 32 bits of a register, unsigned: an argument that the specification gives 32 bits. */
export const low = (u: Utcb, register: number): number => Number(BigInt.asUintN(32, u.xBig(register)));

/** A register as an unsigned number: exact below 2^53; larger values stay above 2^53. */
export function unsigned(u: Utcb, register: number): number { return Number(BigInt.asUintN(64, u.xBig(register))); }

/** The vCPUs that a mask with a base names; base all ones = all of them. undefined: one of them does not exist. @spec sbi 3.2 */
export function maskedCpus(call: SbiCall, mask: number, base: number): SbiCpu[] | undefined {
  const { cpus } = call.machine, bits = BigInt.asUintN(64, call.utcb.xBig(mask)), first = unsigned(call.utcb, base);
  if (call.utcb.xBig(base) === -1n) return [...cpus];
  const chosen: SbiCpu[] = [];
  for (let i = 0; bits >> BigInt(i) !== 0n; i++) {
    if (((bits >> BigInt(i)) & 1n) === 0n) continue;
    const cpu = cpus[first + i];
    if (!cpu) return undefined;
    chosen.push(cpu);
  }
  return chosen;
}
