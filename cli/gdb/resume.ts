/** `vCont` and its elders: which threads run, which step, which stand still. */
import type { ThreadAction } from './target.ts';
import { hexNumber } from './packets.ts';

/**
 * `;s:2;c`: for each thread the leftmost action that is for it. C and S with a number say that the signal the thread stopped at
 * is to reach it. Undefined: not understood, or for no thread.
 */
export function threadActions(text: string, threads: readonly number[]): ThreadAction[] | undefined {
  const actions: ThreadAction[] = [];
  for (const part of text.split(';').filter((p) => p !== '')) {
    const match = /^([cs]|[CS][0-9a-f]{2})(?::(-1|[0-9a-f]+))?$/i.exec(part);
    if (match === null) return undefined;
    const thread = match[2] === undefined || match[2] === '-1' ? -1 : Number(hexNumber(match[2]) ?? 0);
    actions.push({ step: /^s/i.test(match[1]), thread, signalled: match[1].length > 1 && !match[1].endsWith('00') });
  }
  const chosen = threads.flatMap((thread) => {
    const action = actions.find((a) => a.thread === -1 || a.thread === thread);
    return action === undefined ? [] : [{ ...action, thread }];
  });
  return chosen.length === 0 ? undefined : chosen;
}
