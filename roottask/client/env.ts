/**
 * The environment of a component when it starts: its name, its arguments from the boot scenario, the capabilities that the scenario lists
 * by name, and nothing else.
 */
import type { Sys } from '../../microkernel/abi/index.ts';
import type { Syscalls } from '../../binding/index.ts';

/** A TypeScript server program, as a boot scenario names it. */
export interface Program {
  readonly name: string;
  main(sys: Syscalls, env: Env): Sys<void>;
}

/** The processor's properties, as its documentation gives them to software. */
export interface Processor {
  /** Its ISA string: in canonical form, extensions in lower case after underscores. */
  readonly isa: string;
  /** Addresses that only the supervisor of the machine can use, [start, end): a guest that wants them cannot run. */
  readonly reserved?: readonly [start: number, end: number];
  /** U mode can read sstatus, and its writes are lost, without a trap. */
  readonly leaks?: boolean;
}

export interface Env {
  readonly name: string;
  readonly processor: Processor;
  readonly args: Readonly<Record<string, unknown>>;
  /** Priority of its main thread, and the highest that any of its threads can have, from the scenario. */
  readonly priority: number;
  /** Selector of a capability that the scenario (or the loader) gave under this name; throws a clear error if there is none. */
  cap(name: string): number;
  hasCap(name: string): boolean;
  /** Fresh selectors of this task's capability space; `free` returns them. */
  selector(): number;
  freeSelector(selector: number): void;
  /** Fresh virtual address range of this task (nothing is mapped there yet), aligned by default to its largest power of two up to 1 GiB. */
  reserve(size: number, align?: number): number;
}
