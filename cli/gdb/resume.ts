/** `vCont` and its elders: which threads run, which step, which stand still. */
import type { ThreadAction } from './target.ts';
import { hexNumber } from './packets.ts';

/**
 * `;s:2;c`: for each thread the leftmost action that is for it. Signals to be delivered (C, S) are for processes and
 * are dropped here. Undefined: not understood, or for no thread.
 */
export function threadActions(text: string, threads: readonly number[]): ThreadAction[] | undefined {
  const actions: { step: boolean; thread: number }[] = [];
  for (const part of text.split(';').filter((p) => p !== '')) {
    const match = /^([cs]|[CS][0-9a-f]{2})(?::(-1|[0-9a-f]+))?$/i.exec(part);
    if (match === null) return undefined;
    const thread = match[2] === undefined || match[2] === '-1' ? -1 : Number(hexNumber(match[2]) ?? 0);
    actions.push({ step: /^s/i.test(match[1]), thread });
  }
  const chosen = threads.flatMap((thread) => {
    const action = actions.find((a) => a.thread === -1 || a.thread === thread);
    return action === undefined ? [] : [{ thread, step: action.step }];
  });
  return chosen.length === 0 ? undefined : chosen;
}
