/** One component whose instructions GDB follows: a guest's processors, the processes of a Unix server, a native program. */
import type { Hart } from '../../machine/hart/hart.ts';
import type { Kernel } from '../../microkernel/index.ts';
import type { Task } from '../../microkernel/objects/task.ts';
import type { Being } from './being.ts';
import type { ClientFeatures, GuestFile, MonitorCommand, TargetStop } from './target.ts';

/** An event of a process, for GDB; `deliver` says, when the process continues, whether a signal reaches it. */
export interface Happening { readonly stop: TargetStop; readonly thread?: Being; deliver?: boolean }

export interface Debuggee {
  /** The owners of the instruction that the hart is about to execute, the most specific first; empty: none is in this component. */
  at(h: Hart): readonly Being[];
  beings(): readonly Being[];
  /** A page of code is about to be executed on behalf of this component. */
  seen?(h: Hart): void;
  /** This thread of the microkernel is what the user wants to look at. */
  turnTo?(thread: number): Being | undefined;
  program?(process: number): string | undefined;
  /** The client has come (with these wishes) or gone. */
  client?(features: ClientFeatures | undefined): void;
  /** Stops these processes while others run; without this method, none can stop alone. */
  hold?(processes: ReadonlySet<number>): void;
  /** The client lets this process go. False: it is not one of several. */
  release?(process: number): boolean;
  file?(path: string): GuestFile | undefined;
  /** The auxiliary vector that the process was given. */
  auxv?(process: number): Uint8Array | undefined;
  readonly commands?: Readonly<Record<string, MonitorCommand>>;
}

/** Processes of different components have numbers that are this far apart. */
export const APART = 10_000_000;

export interface DebugScope {
  readonly kernel: Kernel;
  /** Decides whether a task may belong to this debuggee; without it, every task may. */
  readonly mayBe: ((task: Task) => boolean) | undefined;
  /** Numbers of its processes are above this. */
  readonly base: number;
}
