/** What operations of kernel objects are made of: rows with the right they need, and what handlers use. */
import { CapRight, Status, type ThreadBody, type Utcb } from '../abi/index.ts';
import type { Cap } from '../caps/cap.ts';
import type { Kernel } from '../kernel.ts';
import type { Thread } from '../obj/thread.ts';

/** What a handler gets: the caller, the capability it named, and the message. */
export interface Invocation {
  readonly k: Kernel;
  readonly caller: Thread;
  readonly cap: Cap;
  readonly u: Utcb;
  readonly body: ThreadBody | undefined;
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

/** The object of kind `kind` that a selector of the caller names, with this right; or why not. */
export function named(i: Invocation, selector: number, kind: number, right: number): Cap | Status {
  const cap = i.caller.task.caps.lookup(selector);
  if (!cap) return Status.badCap;
  if (cap.object.kind !== kind) return Status.badKind;
  return (cap.rights & right) === 0 ? Status.badRights : cap;
}
