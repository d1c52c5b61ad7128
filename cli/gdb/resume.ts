/** `vCont` and its predecessors: which threads run, which step, which stop. */
import { meant, threadId } from './ids.ts';
import type { ThreadAction, ThreadInfo } from './target.ts';

/**
 * `;s:2;c`, `;s:p1.2;c:p1.-1`: for each thread the leftmost action that is for it. C and S with a number say that the signal the thread
 * stopped at is to reach it. Undefined: not understood, or for no thread.
 */
export function threadActions(text: string, threads: readonly ThreadInfo[]): ThreadAction[] | undefined {
  const chosen = new Map<number, ThreadAction>();
  for (const part of text.split(';').filter((p) => p !== '')) {
    const match = /^([cs]|[CS][0-9a-f]{2})(?::(.+))?$/i.exec(part), id = match === null ? undefined : threadId(match[2] ?? '-1');
    if (match === null || id === undefined) return undefined;
    const step = /^s/i.test(match[1]!), signalled = match[1]!.length > 1 && !match[1]!.endsWith('00');
    for (const { id: thread } of meant(id, threads)) if (!chosen.has(thread)) chosen.set(thread, { thread, step, signalled });
  }
  const actions = threads.flatMap((t) => chosen.get(t.id) ?? []);
  return actions.length === 0 ? undefined : actions;
}
