/**
 * The protocol's view of a debuggee: a bare machine's harts, a virtual machine's processors, the threads of a process.
 * Threads are numbered from 1. Registers are numbered as in the target description; their values are little-endian bytes.
 */
import type { PointKind } from '../../machine/debug/debugger.ts';

export interface ThreadInfo {
  readonly id: number;
  /** GDB's number of its process, where there are several. */
  readonly process?: number;
  readonly name: string;
  /** Its state in a few words. */
  readonly state: string;
}

/** The reason of a stop. Signals have GDB's numbers. */
export type TargetStop =
  | { readonly kind: 'point'; readonly thread: number; readonly point: PointKind; readonly address: bigint }
  | { readonly kind: 'signal'; readonly thread: number; readonly signal: number }
  /** `process`: the end of one of several; without it, of all. */
  | { readonly kind: 'over'; readonly status: number; readonly signalled: boolean; readonly process?: number }
  /** The child has done nothing yet. */
  | { readonly kind: 'fork'; readonly thread: number; readonly how: 'fork' | 'vfork'; readonly child: { readonly process: number;
    readonly id?: number } }
  /** The child of a vfork no longer uses its parent's memory. */
  | { readonly kind: 'vforkdone'; readonly thread: number }
  /** A process has a new program. */
  | { readonly kind: 'exec'; readonly thread: number; readonly process: number; readonly path: string };

/** A file of the guest. */
export interface GuestFile { readonly size: number; read(offset: number, length: number): Uint8Array }

/** Events that a client wants to be told. */
export interface ClientFeatures { readonly multiprocess: boolean; readonly fork: boolean; readonly vfork: boolean; readonly exec: boolean }

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
  /** 'unknown': it has this register, but its value is unknown now. */
  readRegister(thread: number, register: number): Uint8Array | 'unknown' | undefined;
  writeRegister(thread: number, register: number, value: Uint8Array): boolean;
  /** Memory as the thread sees it: the part that could be read; undefined = nothing. */
  readMemory(thread: number, address: bigint, length: number): Uint8Array | undefined;
  writeMemory(thread: number, address: bigint, bytes: Uint8Array): boolean;
  /** `condition`, of breakpoints: may this thread stop there? */
  insert(kind: PointKind, address: bigint, length: number, condition?: PointCondition, process?: number): void;
  remove(kind: PointKind, address: bigint, length: number, process?: number): boolean;
  removeAll(): void;
  /** Prepares to run: threads that are not named stay stopped. Without names, all run. */
  resume(actions: readonly ThreadAction[]): void;
  /** Processes that stay stopped from the next `resume` on. Undefined: done; else why they cannot. */
  hold?(processes: ReadonlySet<number>): string | undefined;
  /** Which thread to show when the user has stopped it all. */
  readonly current: number;
  /** Addresses are physical from now on. False: not supported here. */
  physical(on: boolean): boolean;
  readonly isPhysical: boolean;
  /** There may be several processes. */
  readonly isMany?: boolean;
  /** The client has come, with these wishes, or gone. */
  client?(features: ClientFeatures | undefined): void;
  /** The client lets go of one of several processes. False: there is no such, or it is the last. */
  release?(process: number): boolean;
  /** The next stop, if it is known before anything runs. */
  pending?(): TargetStop | undefined;
  /** The path of a process's program in the guest. */
  readonly program?: ((process: number) => string | undefined) | undefined;
  /** A file of the guest that can be read without a trace. */
  readonly file?: ((path: string) => GuestFile | undefined) | undefined;
  /** The auxiliary vector of a process, as it was at its start. */
  readonly auxv?: ((process: number) => Uint8Array | undefined) | undefined;
  /** `monitor` commands of this target. */
  readonly commands: Readonly<Record<string, MonitorCommand>>;
}

export interface MonitorCommand {
  readonly help: string;
  /** Answers the text for the user; `thread` is the selected one. */
  run(words: readonly string[], thread: number): string;
}
