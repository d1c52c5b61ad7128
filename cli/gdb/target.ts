/**
 * What the protocol needs of the thing that is debugged: a bare machine's harts, a virtual machine's processors, the
 * threads of a process. Threads are numbered from 1. Registers are numbered as in the target description; their values
 * are little-endian bytes.
 */
import type { PointKind } from '../../machine/debug/debugger.ts';

export interface ThreadInfo {
  readonly id: number;
  readonly name: string;
  /** What it is doing, in a few words. */
  readonly state: string;
}

/** Why it stands still. Signals have GDB's numbers. */
export type TargetStop =
  | { readonly kind: 'point'; readonly thread: number; readonly point: PointKind; readonly address: bigint }
  | { readonly kind: 'signal'; readonly thread: number; readonly signal: number }
  | { readonly kind: 'over'; readonly status: number; readonly signalled: boolean };

/** `signalled`: the signal that it stopped at is to reach it. */
export interface ThreadAction { readonly thread: number; readonly step: boolean; readonly signalled: boolean }

export type PointCondition = (thread: number) => boolean;

export interface Target {
  /** The target description, as XML. */
  readonly description: string;
  /** Registers 0 … count - 1 are what `g` answers. */
  readonly coreRegisters: number;
  /** The threads that there are now; at least one, unless all is over. */
  threads(): readonly ThreadInfo[];
  readRegister(thread: number, register: number): Uint8Array | undefined;
  writeRegister(thread: number, register: number, value: Uint8Array): boolean;
  /** As the thread sees memory; what could be read of it, undefined = nothing. */
  readMemory(thread: number, address: bigint, length: number): Uint8Array | undefined;
  writeMemory(thread: number, address: bigint, bytes: Uint8Array): boolean;
  /** `condition`, of breakpoints: may this thread stop there? */
  insert(kind: PointKind, address: bigint, length: number, condition?: PointCondition): void;
  remove(kind: PointKind, address: bigint, length: number): boolean;
  removeAll(): void;
  /** Gets ready to run: threads that are not named stand still. Nothing named: all run. */
  resume(actions: readonly ThreadAction[]): void;
  /** Which thread to show when the user has stopped it all. */
  readonly current: number;
  /** Addresses are physical from now on. False: that is not to be had here. */
  physical(on: boolean): boolean;
  readonly isPhysical: boolean;
  /** The auxiliary vector of a process, as it was at its start. */
  readonly auxv?: Uint8Array | undefined;
  /** `monitor` commands of this target. */
  readonly commands: Readonly<Record<string, MonitorCommand>>;
}

export interface MonitorCommand {
  readonly help: string;
  /** Answers what the user is to see; `thread` is the one that is selected. */
  run(words: readonly string[], thread: number): string;
}
