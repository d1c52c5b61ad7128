/**
 * The messages between page and worker. The machine runs in the worker; the page has the trace's bytes, the consoles' text, and the
 * keyboard.
 */
import type { Snapshot } from './worker/memory.ts';

/** A file that the user dropped or chose. */
export interface Given { readonly name: string; readonly bytes: Uint8Array }

/** The system to run. */
export type What =
  | { readonly kind: 'scenario'; readonly name: string; readonly images?: readonly Given[] }
  | {
    readonly kind: 'shell'; readonly program: string; readonly args: readonly string[]; readonly rootfs?: Uint8Array;
    readonly files: readonly Given[]
  }
  | { readonly kind: 'vm'; readonly kernel: Uint8Array | 'minios'; readonly initrd?: Uint8Array; readonly append: string };

/** Speed: as fast as possible, in real time, or a number of cycles per second. */
export type Speed = 'full' | 'paced' | number;

export type ToWorker =
  | { readonly type: 'start'; readonly what: What; readonly seed: number; readonly speed: Speed; readonly replay?: string }
  | { readonly type: 'input'; readonly channel: string; readonly bytes: Uint8Array }
  | { readonly type: 'end'; readonly channel: string }
  | { readonly type: 'size'; readonly channel: string; readonly columns: number; readonly rows: number }
  | { readonly type: 'pause' | 'resume' | 'step' | 'stop' }
  | { readonly type: 'speed'; readonly speed: Speed }
  | { readonly type: 'memory'; readonly task?: number }
  | { readonly type: 'put'; readonly file: Given }
  | { readonly type: 'take'; readonly path: string }
  | { readonly type: 'recording' };

export type State = 'running' | 'paused' | 'waiting';
export interface Progress { readonly cycles: number; readonly instructions: number; readonly records: number; readonly state: State }

/** A visible console; `input`: it accepts typing; `into`: its output appears in that console. */
export interface ConsoleInfo { readonly channel: string; readonly label: string; readonly input: boolean; readonly into?: string }

export type FromWorker =
  | { readonly type: 'started'; readonly title: string; readonly summary: string; readonly consoles: readonly ConsoleInfo[] }
  | { readonly type: 'output'; readonly channel: string; readonly bytes: Uint8Array }
  | { readonly type: 'trace'; readonly bytes: Uint8Array }
  | { readonly type: 'progress'; readonly progress: Progress }
  | { readonly type: 'memory'; readonly snapshot: Snapshot }
  | { readonly type: 'host'; readonly files: readonly { readonly path: string; readonly size: number }[] }
  | { readonly type: 'file'; readonly file: Given }
  | { readonly type: 'recording'; readonly text: string }
  | { readonly type: 'note'; readonly text: string }
  | { readonly type: 'ended'; readonly status: number; readonly why: string; readonly table: string }
  | { readonly type: 'failed'; readonly message: string };
