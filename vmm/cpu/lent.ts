/** The state and operations that a deprivileged processor shares with the objects that do parts of its work. */
import type { Decoded } from '../../hardware/isa/decode.ts';
import type { Sys, Utcb } from '../../microkernel/abi/index.ts';
import type { Syscalls } from '../../binding/index.ts';
import type { XRegisters } from '../interpreter/store.ts';
import type { ShadowMmu } from '../memory/shadow-mmu.ts';
import type { View } from '../memory/walker.ts';
import type { SbiCpu } from '../sbi/sbi.ts';
import type { GuestCode } from '../translate/guest-code.ts';
import type { Vm } from '../vm.ts';
import type { Supervisor } from './supervisor.ts';

/** Causes of traps into the guest's supervisor. */
export const Trap = { fetchAccess: 1n, illegal: 2n, breakpoint: 3n, loadAccess: 5n, storeAccess: 7n, callFromUser: 8n,
  fetchPage: 12n } as const;

/** An event's words: its pc, and its cause. */
export interface Event { readonly cause: number; readonly pc: bigint; readonly scause: number; readonly value: bigint }

export interface Lent {
  readonly id: number;
  readonly self: SbiCpu & { started: boolean; suspended: boolean };
  readonly sys: Syscalls;
  readonly vm: Vm;
  readonly mmu: ShadowMmu;
  readonly x: XRegisters;
  readonly supervisor: Supervisor;
  readonly view: View;
  readonly utcb: Utcb;
  readonly pc: bigint;
  /** Where instructions of the guest's kernel have been replaced. */
  readonly code: GuestCode | undefined;
  setPc(pc: bigint): void;
  /** A trap into the guest's supervisor. */
  reflect(cause: bigint, value: bigint, pc: bigint): void;
  /** Performs a privileged instruction; false: there is none, and nothing has happened. */
  execute(d: Decoded, pc: bigint): Sys<boolean>;
  /** A store to a traced table; false: the table is released, and the guest performs the store itself. */
  store(d: Decoded | undefined, gpa: number): Sys<boolean>;
  /** Groups of registers that have changed. */
  touched(groups: number): void;
  /** The event's cause is handled, so look-ahead may begin. */
  mayLookAhead(): void;
  setTimer(tick: bigint): void;
  waitForInterrupt(): Sys<void>;
  /** Waits until it is started, or begins anew. */
  begin(at?: { readonly pc: bigint; readonly opaque: bigint }): Sys<void>;
  /** The shadow spaces of a processor that has some. */
  mmuOf(cpu: SbiCpu): readonly ShadowMmu[];
}
