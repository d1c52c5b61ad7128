/** The interface of operation handlers. */
import { Status, U, type Ops, type Utcb } from '../abi/index.ts';
import type { Core } from '../core.ts';
import type { CapSpace } from './cap-space.ts';
import type { KernelObject, ObjectKind } from './object.ts';
import type { Body, Thread } from './thread.ts';

/** The caller, its message, and the body that came beside it. */
export interface Invocation {
  readonly k: Core;
  readonly caller: Thread;
  readonly u: Utcb;
  readonly body: Body | undefined;
}
/** The handler has blocked the caller: there is no status yet. */
export const BLOCKED = -1;
export type Handler<T> = (i: Invocation, object: T) => Status | typeof BLOCKED;
/** One handler for each operation that the ABI has for this kind of object. */
export type Handlers<Kind extends keyof typeof Ops, T> = Readonly<Record<keyof (typeof Ops)[Kind], Handler<T>>>;

/** Answers with words. */
export function answer(utcb: Utcb, ...words: number[]): Status {
  for (let i = 0; i < words.length; i++) utcb.setWord(i, words[i]);
  utcb.setTag(0, words.length);
  return Status.ok;
}

export const isCount = (v: number, limit: number): boolean => Number.isInteger(v) && v >= 0 && v < limit;

/** The object of kind `kind` that a selector names, with this right; or why not. */
export function named<T extends KernelObject>(caps: CapSpace, selector: number, kind: ObjectKind, right: number): T | Status {
  const cap = caps.lookup(selector);
  if (!cap) return Status.badCap;
  if (cap.object.kind !== kind) return Status.badKind;
  return (cap.rights & right) === 0 ? Status.badRights : cap.object as T;
}

const utf8 = new TextDecoder();
/** Names an object for traces and logs: bytes packed into words, at most 64. */
export function giveName({ k, u: utcb }: Invocation, kind: 'task' | 'thread', id: number, parent: number): Status {
  const bytes = new Uint8Array(utcb.i32.buffer as ArrayBuffer, utcb.i32.byteOffset + U.words, Math.min(utcb.wordCount * 8, 64));
  k.trace.name(kind, id, parent, utf8.decode(bytes.slice()).replace(/\0.*/s, ''));
  return Status.ok;
}
