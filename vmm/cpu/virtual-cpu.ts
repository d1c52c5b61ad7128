/** A virtual processor as the monitor uses it, whatever the technique. */
import type { Cause, Sys } from '../../microkernel/abi/index.ts';
import type { Syscalls } from '../../binding/index.ts';
import type { SbiCpu } from '../sbi/sbi.ts';
import type { Vm } from '../vm.ts';
import type { Attentive } from '../work.ts';

export interface VirtualCpu extends SbiCpu, Attentive {
  /** Selector of the thread that runs the guest's code. */
  readonly guest: number;
  /** The interrupt controller's line. */
  setExternal(level: boolean): void;
  /** This alarm provides timer interrupts where the processor has no timer for guests. */
  useAlarm(alarm: { at(time: number, action: () => void): void }): void;
  /** Answers the thread's events, until the VM ends. */
  serve(sys: Syscalls): Sys<void>;
  /** A device is about to write to this page (guest-physical address). */
  written?(sys: Syscalls, page: number): Sys<void>;
  /** Releases its objects after the end of the VM. */
  release?(sys: Syscalls): Sys<void>;
}

export interface Technique {
  readonly name: string;
  /** Kind of the task that threads run in: a guest's memory (1), shared by all, or a host task (0), one each. Flags of the threads. */
  readonly taskKind: 0 | 1;
  readonly threadFlags: number;
  /** All of the guest's memory is mapped from the start. */
  readonly mapsAll: boolean;
  /** Extensions that the guest has even if the machine lacks them. */
  readonly emulates: readonly string[];
  /** Virtual processors need the monitor's alarm, whatever the machine has. */
  readonly needsAlarm: boolean;
  /** Events of the thread and their state groups. */
  readonly exits: readonly { readonly cause: Cause; readonly mtd: number }[];
  /** Further state groups, for exits with look-ahead. */
  readonly aheadNeeds: number;
  create(id: number, vm: Vm, guest: number, wake: number): VirtualCpu;
}
