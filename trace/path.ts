/** The critical path between two records: back from the later one along what led to what, until the earlier one. */
import { Kind } from '../microkernel/abi/index.ts';
import { cyclesText, ends, objectName, originOf, sentence } from './decode.ts';
import { Flow } from './flow.ts';
import type { TraceFile } from './reader.ts';
import { RecordView } from './record.ts';

/** One record of the path. `waited`: cycles that its thread was ready before it ran; `took`: cycles since the step before. */
export interface PathStep { readonly record: number; readonly took: number; readonly waited: number }
export interface Path {
  readonly steps: readonly PathStep[];
  /** The path reached the first record itself; else it leads past it. */
  readonly complete: boolean;
  /** Cycles of the path by task, and those for which somebody was ready but did not run. */
  readonly byTask: readonly { task: string; cycles: number }[];
  readonly waited: number;
}

/** Records before the earlier one that are looked at for what led to it. */
const RUN_UP = 100_000;
/** Cycles of waiting that a line of the report mentions. */
const WORTH = 1000;

/** `from` and `to` are record numbers, in any order. */
export function criticalPath(trace: TraceFile, from: number, to: number): Path {
  const first = Math.min(from, to), last = Math.max(from, to), start = Math.max(0, first - RUN_UP), view = new RecordView();
  const cause = new Int32Array(last - start + 1), ran = new Float64Array(last - start + 1), flow = new Flow(trace), scheduled = new Map<number, number>();
  for (let i = start; i <= last; i++) {
    const r = trace.at(i, view);
    if (r.kind === Kind.schedule) scheduled.set(r.actor, r.time);
    cause[i - start] = flow.next(r, i);
    ran[i - start] = scheduled.get(r.actor) ?? 0;
  }
  const numbers: number[] = [];
  for (let at = last; at >= first; at = cause[at - start]!) numbers.unshift(at);
  const steps = numbers.map((record, n): PathStep => {
    const time = trace.at(record, view).time, before = n === 0 ? time : trace.at(numbers[n - 1]!, view).time, since = ran[record - start]!;
    return { record, took: time - before, waited: n > 0 && since > before && since <= time ? since - before : 0 };
  });
  return { steps, complete: numbers[0] === first, ...sums(trace, steps) };
}

function sums(trace: TraceFile, steps: readonly PathStep[]): Pick<Path, 'byTask' | 'waited'> {
  const tasks = new Map<string, number>(), view = new RecordView();
  let waited = 0;
  for (const s of steps) {
    const r = trace.at(s.record, view), task = r.actor === 0 ? 'kernel' : trace.taskOf(r.actor);
    tasks.set(task, (tasks.get(task) ?? 0) + s.took - s.waited);
    waited += s.waited;
  }
  return { byTask: [...tasks].map(([task, cycles]) => ({ task, cycles })).sort((a, b) => b.cycles - a.cycles), waited };
}

/** The path as lines of text. */
export function pathReport(trace: TraceFile, path: Path): string {
  const view = new RecordView(), first = path.steps[0], start = first ? trace.at(first.record).time : 0;
  const lines = path.steps.map((s) => {
    const r = trace.at(s.record, view), note = s.waited >= WORTH ? `  (ready ${cyclesText(s.waited)} before it ran)` : '';
    return `${String(r.sequence).padStart(9)} ${`+${cyclesText(r.time - start)}`.padStart(9)} ${cyclesText(s.took).padStart(9)}  ${ends(trace, r)}: ${sentence(r, originOf(trace, r))}${note}`;
  });
  const total = path.steps.reduce((n, s) => n + s.took, 0);
  const by = path.byTask.filter((t) => t.cycles > 0).map((t) => `${t.task} ${cyclesText(t.cycles)}`);
  if (path.waited > 0) by.push(`waiting for the hart ${cyclesText(path.waited)}`);
  const note = path.complete ? [] : ['', first ? `The path does not come from the first record: it begins with what ${objectName(trace, trace.at(first.record, view).actor)} did by itself.` : 'Nothing led to it.'];
  return [`   record     since      took  what`, ...lines, '', `${path.steps.length} steps, ${cyclesText(total)}: ${by.join(', ')}`, ...note].join('\n') + '\n';
}
