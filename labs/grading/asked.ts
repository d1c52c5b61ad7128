/**
 * The kernel calls of a submission in a failed world: refusals, and the count of each call. They reveal a missing call, or one with a wrong
 * object, at once.
 */
import { Kind, Status } from '../../microkernel/abi/index.ts';
import { sentence } from '../../trace/decode.ts';
import { labelName } from '../../trace/labels.ts';
import type { TraceFile } from '../../trace/index.ts';

const MOST_REFUSED = 3, MOST_KINDS = 12;
const ASKS: ReadonlySet<number> = new Set([Kind.invoke, Kind.call, Kind.send]);
/** Statuses that are not refusals. */
const FINE: ReadonlySet<number> = new Set([Status.ok, Status.timeout]);

interface Refused { readonly text: string; readonly seq: number; times: number }

/** Lines about the component `name`. */
export function asked(trace: TraceFile, name: string): string[] {
  const refused = new Map<string, Refused>(), counts = new Map<string, number>();
  for (const record of trace.records()) {
    if (!ASKS.has(record.kind) || record.actor === 0 || trace.taskOf(record.actor) !== name) continue;
    const text = sentence(record), what = labelName(record.a);
    counts.set(what, (counts.get(what) ?? 0) + 1);
    if (FINE.has(record.status)) continue;
    const known = refused.get(text);
    if (known) known.times++;
    else refused.set(text, { text, seq: record.sequence, times: 1 });
  }
  const often = (n: number): string => (n > 1 ? ` (${n} times)` : '');
  const first = [...refused.values()].slice(0, MOST_REFUSED).map((f) => `${name} was refused: ${f.text}${often(f.times)}, seq:${f.seq}`);
  const kinds = [...counts].slice(0, MOST_KINDS).map(([what, n]) => (n > 1 ? `${what} ×${n}` : what));
  const more = counts.size > MOST_KINDS ? ', …' : '';
  return [...first, counts.size === 0 ? `${name} asked the kernel for nothing` : `${name} asked for ${kinds.join(', ')}${more}`];
}
