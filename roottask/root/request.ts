/** Requests and replies of roottask's services. Handlers decode first: `words` are copies from before any system call. */
import type { Sys } from '../../microkernel/abi/index.ts';
import type { MapItem, Syscalls } from '../../binding/index.ts';
import type { Client } from './client.ts';
import type { Root } from './root.ts';

export interface Request {
  readonly root: Root;
  readonly sys: Syscalls;
  readonly client: Client;
  /** Numbers of the message, in the order of the protocol's row. */
  readonly words: readonly number[];
  /** Text that begins (with its length) at word `at`. */
  text(at: number): string;
  bytes(at: number): Uint8Array;
}
export interface Reply {
  readonly status: number;
  readonly words?: readonly number[];
  readonly text?: string;
  readonly items?: readonly MapItem[];
  readonly silent?: boolean
}
export type Handler = (request: Request) => Sys<Reply>;

export const fail = (status: number): Reply => ({ status });
export const done = (...words: number[]): Reply => ({ status: 0, words });
