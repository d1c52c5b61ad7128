/** What operations of kernel objects are made of: rows with the right they need, and what handlers use. */
import { CapRight, Status, U, type Utcb } from '../abi/index.ts';
import type { Core } from '../core.ts';
import type { Cap } from './cap.ts';
import type { Body, Thread } from './thread.ts';

/** What a handler gets: the caller, the capability it named, and the message. */
export interface Invocation {
  readonly k: Core;
  readonly caller: Thread;
  readonly cap: Cap;
  readonly u: Utcb;
  readonly body: Body | undefined;
}
/** The handler has blocked the caller: there is no status yet. */
export const BLOCKED = -1;
export type Handler = (i: Invocation) => Status | typeof BLOCKED;
export interface Row { readonly right: number; readonly run: Handler }
export const use = (run: Handler): Row => ({ right: CapRight.use, run });
export const control = (run: Handler): Row => ({ right: CapRight.control, run });

/** Answers with words. */
export function answer(u: Utcb, ...words: number[]): Status {
  for (let i = 0; i < words.length; i++) u.setWord(i, words[i]);
  u.setTag(0, words.length);
  return Status.ok;
}

export const isCount = (v: number, limit: number): boolean => Number.isInteger(v) && v >= 0 && v < limit;

/** The object of kind `kind` that a selector of the caller names, with this right; or why not. */
export function named(i: Invocation, selector: number, kind: number, right: number): Cap | Status {
  const cap = i.caller.task.caps.lookup(selector);
  if (!cap) return Status.badCap;
  if (cap.object.kind !== kind) return Status.badKind;
  return (cap.rights & right) === 0 ? Status.badRights : cap;
}

/** A name for traces and logs: its bytes, packed in the words; at most 64. */
export function nameOf(i: Invocation): string {
  const n = Math.min(i.u.wordCount * 8, 64), bytes = new Uint8Array(i.u.i32.buffer as ArrayBuffer, i.u.i32.byteOffset + U.words, n);
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(bytes.slice(0, end < 0 ? n : end));
}
