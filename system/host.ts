/**
 * What the outside brings to a system: bytes of consoles, disks, files, time to breathe. Portable: no Node, no browser. Everything
 * that comes in passes one door, at a cycle that a recording notes.
 */
import type { BlockBackend, NetCard } from '../machine/index.ts';
import type { TraceSink } from '../microkernel/abi/index.ts';
import type { Capture, PayloadSink } from './capture/capture.ts';
import type { BootModule } from '../machine/loader/modules.ts';
import type { ComponentState } from '../roottask/root/main.ts';
import type { FilesPort } from './folders/folder.ts';
import type { Kernel } from '../microkernel/kernel.ts';
import type { Tally } from './tally.ts';

/** 'uart', 'console0', 'console1' …; 'net0' …: frames from outside for a network card; 'files0' …: what a folder of the host answers. */
export type Channel = 'uart' | `console${number}` | `net${number}` | `files${number}`;

/** One thing that came from outside. */
export type Arrival =
  | { readonly cycle: number; readonly channel: Channel; readonly kind: 'bytes'; readonly data: Uint8Array }
  | { readonly cycle: number; readonly channel: Channel; readonly kind: 'size'; readonly columns: number; readonly rows: number }
  | { readonly cycle: number; readonly channel: Channel; readonly kind: 'end' };

export interface Door {
  /** When this is given, nothing else comes in: the replay of a recording. */
  readonly arrivals?: readonly Arrival[];
  /** Something has come in. */
  passed?(arrival: Arrival): void;
}

/** A 9P connection to a folder of the host (`NineServer`), and the tag by which an operating system mounts it. */
export interface SharedPort { readonly tag: string; readonly port?: FilesPort }

/**
 * A file for the components: its bytes, or something that writes them into the machine's memory. Either is asked for once, when the
 * system is made.
 */
export type Module = BootModule;

/** The parts of a running system that an observer of its components looks at. */
export interface Booted { readonly kernel: Kernel; readonly tally: Tally }

export interface Host {
  /** Output of a channel, in pieces as large as they come. */
  output(channel: Channel, bytes: Uint8Array): void;
  /** How many virtio consoles the board has beside the UART (default 0), in slots 'console0' … */
  readonly consoles?: number;
  readonly disks?: readonly BlockBackend[];
  /** Network cards of the board, 'net0' …, and what they are plugged into. */
  readonly nets?: readonly NetCard[];
  /** A frame from outside (input on channel 'net' and a number) is to enter the card of that number now. */
  netInput?(card: number, frame: Uint8Array): void;
  /** Folders of the host, 'files0' …, each a 9P connection; a replay needs none of them, but their number. */
  readonly folders?: readonly SharedPort[];
  readonly modules?: readonly Module[];
  /** The state of a component has changed; when it is running, it has not executed anything yet. */
  component?(booted: Booted, state: ComponentState): void;
  /** A line of the kernel's own log: a thread that died of an exception, and where. */
  kernelLog?(line: string): void;
  /** What a component looks after has failed (the guest of a monitor): it stands still while this is called. */
  trouble?(component: string, text: string): void;
  /** Channels that input may come from; when all have ended and nothing can happen any more, the run is over. Default: none. */
  readonly inputs?: readonly Channel[];
  /** The run goes on when this is fulfilled: asked before each piece. For debuggers, who have the machine stand still. */
  gate?(): Promise<void>;
  /** Cycles of a piece, asked before each. Default: 20 million, and 4 million where a person waits for an echo. */
  piece?(): number;
  /** Lets the host's own events happen: between pieces of a run. Default: a message to oneself (pause.ts). */
  pause?(): Promise<void>;
  readonly door?: Door;
}

export interface SystemOptions {
  /** RAM in bytes, harts: over those of the scenario. */
  readonly memoryBytes?: number;
  readonly harts?: number;
  /** Processor model: over the scenario's. */
  readonly cpu?: string;
  readonly engine?: 'auto' | 'interp' | 'jit';
  readonly seed?: number;
  readonly startMs?: number;
  readonly trace?: TraceSink;
  /** Makes what captures the messages, calls and exits of tasks with what they carry; `trace` must then take payload. */
  readonly capture?: (sink: PayloadSink) => Capture;
  /** Stop after this many instructions: status 124. */
  readonly maxInstructions?: number;
  /** Stop with status 0 when this has appeared on any channel; 1 when the run ends without it. */
  readonly until?: string;
  /** Virtual time does not run ahead of the clock on the wall: for people. */
  readonly paced?: boolean;
}

/** How a run came to its end. `status` is what the command exits with. */
export interface Result {
  readonly status: number;
  readonly ending: 'finished' | 'until' | 'limit' | 'budget' | 'deadlock' | 'stopped' | 'crashed';
  /** One sentence, empty when all is well. */
  readonly why: string;
  /** Expectations of the scenario that were not met. */
  readonly missing: readonly string[];
  /** Which of the scenario's endings this is, if it is one of them (system/judge.ts). */
  readonly named?: string;
}
