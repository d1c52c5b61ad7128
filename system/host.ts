/**
 * The outside of a system: bytes of consoles, disks, files, and pauses for the host. Portable: no Node, no browser. All input passes one
 * door, at a cycle that a recording stores.
 */
import type { BlockBackend, NetCard } from '../machine/index.ts';
import type { RecordWatch, TraceSink } from '../microkernel/abi/index.ts';
import type { Capture, PayloadSink } from './capture/capture.ts';
import type { BootModule } from '../machine/loader/modules.ts';
import type { ComponentState } from '../roottask/root/main.ts';
import type { FilesPort } from './folders/folder.ts';
import type { Kernel } from '../microkernel/kernel.ts';
import type { Tally } from './tally.ts';

/** 'uart', 'console0', 'console1' …; 'net0' …: frames from outside for a network card; 'files0' …: answers of a host folder. */
export type Channel = 'uart' | `console${number}` | `net${number}` | `files${number}`;

/** One input from outside. */
export type Arrival =
  | { readonly cycle: number; readonly channel: Channel; readonly kind: 'bytes'; readonly data: Uint8Array }
  | { readonly cycle: number; readonly channel: Channel; readonly kind: 'size'; readonly columns: number; readonly rows: number }
  | { readonly cycle: number; readonly channel: Channel; readonly kind: 'end' };

export interface Door {
  /** The input of a replay; when it is given, no other input enters. */
  readonly arrivals?: readonly Arrival[];
  /** Called when input has entered. */
  passed?(arrival: Arrival): void;
}

/** A 9P connection to a host folder (`NineServer`), and the tag by which an operating system mounts it. */
export interface SharedPort { readonly tag: string; readonly port?: FilesPort }

/**
 * A file for the components: its bytes, or a function that writes them into the machine's memory. It is used once, when the system is
 * created.
 */
export type Module = BootModule;

/** The parts of a running system that an observer of its components can inspect. */
export interface Booted { readonly kernel: Kernel; readonly tally: Tally }

export interface Host {
  /** Output of a channel, in pieces of any size. */
  output(channel: Channel, bytes: Uint8Array): void;
  /** Number of virtio consoles besides the UART (default 0), in slots 'console0' … */
  readonly consoles?: number;
  readonly disks?: readonly BlockBackend[];
  /** Network cards of the board, 'net0' …, and their ports. */
  readonly nets?: readonly NetCard[];
  /** Delivers a frame from outside (input on channel 'net' and a number) to the card of that number. */
  netInput?(card: number, frame: Uint8Array): void;
  /** Host folders, 'files0' …, each a 9P connection; a replay needs only their number. */
  readonly folders?: readonly SharedPort[];
  readonly modules?: readonly Module[];
  /** The state of a component has changed; at 'running' it has not executed anything yet. */
  component?(booted: Booted, state: ComponentState): void;
  /** A line of the kernel's own log: a thread that died of an exception, and where. */
  kernelLog?(line: string): void;
  /** A component's guest has failed; it stays stopped during this call. */
  trouble?(component: string, text: string): void;
  /** Channels that may get input; when all have ended and the system is idle, the run is over. Default: none. */
  readonly inputs?: readonly Channel[];
  /** Called before each piece; the run continues when the promise resolves. For debuggers, which stop the machine. */
  gate?(): Promise<void>;
  /** Cycles of the next piece. Default: 20 million, or 4 million if a person waits for an echo. */
  piece?(): number;
  /** Lets the host's own events run between pieces of a run. Default: pause.ts. */
  pause?(): Promise<void>;
  readonly door?: Door;
}

export interface SystemOptions {
  /** RAM in bytes, harts: override the scenario's. */
  readonly memoryBytes?: number;
  readonly harts?: number;
  /** Processor model: overrides the scenario's. */
  readonly cpu?: string;
  /** ISA string of the machine; without it the machine has everything. */
  readonly isa?: string | undefined;
  readonly engine?: 'auto' | 'interp' | 'jit';
  readonly seed?: number;
  readonly startMs?: number;
  readonly trace?: TraceSink;
  /** Creates the capture of payload of messages, calls and exits; `trace` must then accept payload. */
  readonly capture?: (sink: PayloadSink) => Capture;
  /** Looks at each record of the trace as it is written; it changes nothing. */
  readonly watch?: RecordWatch;
  /** Stop after this many instructions: status 124. */
  readonly maxInstructions?: number;
  /** Stop with status 0 when this has appeared on any channel; 1 when the run ends without it. */
  readonly until?: string;
  /** Virtual time does not run ahead of the wall clock: for interactive runs. */
  readonly paced?: boolean;
}

/** How a run ended. `status` is the command's exit status. */
export interface Result {
  readonly status: number;
  readonly ending: 'finished' | 'until' | 'limit' | 'budget' | 'deadlock' | 'stopped' | 'crashed';
  /** One sentence, empty when all is well. */
  readonly why: string;
  /** Unmet expectations of the scenario. */
  readonly missing: readonly string[];
  /** The matching ending of the scenario, if any (system/judge.ts). */
  readonly named?: string;
}
