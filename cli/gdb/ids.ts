/**
 * Threads as packets name them: `3`, or with several processes `p2.3`; -1 is all, 0 any.
 * @spec gdb "Packets", thread-id syntax
 */
import type { ThreadInfo } from './target.ts';

/** What an id means: one, any (0) or all (-1) of the threads of one, any or all processes. */
export interface ThreadId { readonly process: number; readonly thread: number }

const part = (text: string): number => (text === '-1' ? -1 : parseInt(text, 16));

/** Undefined: it is not an id. */
export function threadId(text: string): ThreadId | undefined {
  const match = /^(?:p(-1|[0-9a-f]{1,8})(?:\.|$))?(-1|[0-9a-f]{1,8})?$/i.exec(text);
  if (match === null || text === '') return undefined;
  const [, process, thread] = match;
  return { process: process === undefined ? -1 : part(process), thread: thread === undefined ? -1 : part(thread) };
}

/** Those that it means, in their order. */
export const meant = (id: ThreadId, threads: readonly ThreadInfo[]): ThreadInfo[] => threads.filter((t) =>
  (id.process <= 0 || t.process === undefined || t.process === id.process) && (id.thread <= 0 || t.id === id.thread));

/** As this client writes it. */
export const nameOf = (id: number, process: number | undefined, isMany: boolean): string =>
  (isMany && process !== undefined ? `p${process.toString(16)}.${id.toString(16)}` : id.toString(16));
