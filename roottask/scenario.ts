/**
 * A boot scenario as roottask reads it: components, the capabilities that each gets by name, what must appear. The same file is a
 * demo, a system test and the start of a lab. Scenario files use `defineScenario` of the public API (index.ts).
 */
import type { Program } from './client/env.ts';

/** Bytes, or text such as '4K', '64M', '1G'. */
export type Size = number | string;

/** Where a capability comes from: a component's service ('console', or 'disk/block' when it has several), and the label of the session. */
export type CapSource = string | { readonly from: string; readonly label: string };

export interface Component {
  /** A TypeScript program, or a native RISC-V one: the name of a boot module with an ELF file. */
  readonly program: Program | { readonly elf: string };
  readonly args?: Readonly<Record<string, unknown>>;
  /** Name in the component's namespace → where it comes from. Besides these it has only memory, log, life and names. */
  readonly caps?: Readonly<Record<string, CapSource>>;
  /** Most memory that it gets from moe (default 4M); reserved for it. */
  readonly memory?: Size;
  /** Most kernel memory for its objects, page tables and mapping nodes (default 1M). */
  readonly kernelMemory?: Size;
  /** Boot modules that it may open; `true` = all. */
  readonly roms?: readonly string[] | true;
  /** Devices (by name or compatible string) whose registers and interrupt it may have. */
  readonly devices?: readonly string[];
  /** It may learn physical addresses of its memory. */
  readonly dma?: boolean;
  /** 0–200, default 100: the priority of its main thread, and the limit for all its threads, which the kernel's factory enforces. */
  readonly priority?: number;
  /** Its main thread runs at most `ms` milliseconds of every `everyMs` (default: unbounded). */
  readonly time?: { readonly ms: number; readonly everyMs: number };
  /** The hart where its main thread starts (default 0), and the harts that its threads may use (default: all). */
  readonly hart?: number;
  readonly harts?: readonly number[];
  /** Services that it announces: users of a service start after it has announced it. */
  readonly provides?: readonly string[];
  /** Restarts it after a crash, at most this often. */
  readonly restart?: number;
  /** Status of a successful end (default 0), or 'any'. */
  readonly exit?: number | 'any';
}

/** Text that must appear on the board's console; `from`: in a line of this component. */
export interface Expectation { readonly text: string; readonly from?: string }

/** An action on a component from outside, for scenarios about failure: after `ms` of virtual time, or once a text has appeared. */
export interface Action { readonly kill: string; readonly afterMs?: number; readonly afterText?: string }

/**
 * What the kernel's trace must show: records that a filter finds, or the first value of an SQL query (docs/queries.md). Without a bound:
 * at least one.
 */
export interface Holds {
  readonly filter?: string;
  readonly sql?: string;
  readonly exactly?: number;
  readonly atLeast?: number;
  readonly atMost?: number;
  /** The sentence that is true when the condition holds. */
  readonly why: string;
}

/** An unsuccessful way for a run to end: the first ending whose conditions all hold names it. */
export interface Ending {
  /** One sentence: what has happened. */
  readonly why: string;
  /** The run's status then (default 1); 0: this end is a success too. */
  readonly status?: number;
  /** How the run is over (default 'finished'). */
  readonly by?: 'finished' | 'budget' | 'deadlock';
  readonly expect?: readonly Expectation[];
  readonly holds?: readonly Holds[];
}

export interface Scenario {
  readonly name: string;
  readonly summary: string;
  readonly components: Readonly<Record<string, Component>>;
  /** The component whose exit status is the scenario's. Default: 0 when all ended as their entries say. */
  readonly status?: string;
  /** The component (one that provides a stream) that takes the log; without it roottask writes to the UART itself. */
  readonly log?: string;
  readonly expect?: readonly Expectation[];
  /** Further conditions on the trace. */
  readonly holds?: readonly Holds[];
  /** Other endings that the scenario knows, by name. */
  readonly endings?: Readonly<Record<string, Ending>>;
  readonly actions?: readonly Action[];
  /** Cycles of virtual time after which the scenario has failed (default: none). */
  readonly budget?: number;
  /** RAM of the board (default: what the components may use, and some), harts (default 1). */
  readonly ram?: Size;
  readonly harts?: number;
  /**
   * How the kernel treats a guest's registers at an exit: they stay in the hart until another guest needs it (kept), or are saved each
   * time.
   */
  readonly guestState?: 'kept' | 'copied';
  /** Processor model of the board, such as 'base,no-vmid' (docs/processors.md). */
  readonly cpu?: string;
}

const UNITS: Readonly<Record<string, number>> = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 };

/** Bytes of a Size. Throws a RangeError that quotes the text when it is not a size. */
export function bytesOfSize(size: Size): number {
  if (typeof size === 'number' && Number.isSafeInteger(size) && size >= 0) return size;
  const match = /^(\d+(?:\.\d+)?)([KMG]?)(?:i?B)?$/i.exec(String(size));
  if (!match) throw new RangeError(`'${size}' is not a size: write bytes, or a number with K, M or G`);
  return Math.round(Number(match[1]) * UNITS[match[2]!.toUpperCase()]!);
}
/** '12.5 MiB' for people. */
export function sizeText(bytes: number): string {
  for (const [unit, n] of [['GiB', 2 ** 30], ['MiB', 2 ** 20],
    ['KiB', 2 ** 10]] as const) if (bytes >= n) return `${Math.round((bytes / n) * 10) / 10} ${unit}`;
  return `${bytes} B`;
}
