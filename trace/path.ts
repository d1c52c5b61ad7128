/** The critical path between two records: from the later one back along causes to the earlier one. */
import { Kind } from '../microkernel/abi/index.ts';
import { cyclesText, ends, objectName, originOf, sentence } from './decode.ts';
import { Flow } from './flow.ts';
import type { TraceFile } from './reader.ts';
import { RecordView } from './record.ts';

/**
 * One record of the path. `took`: cycles since the previous step; of these `waited`: its thread was ready while another one ran; `kernel`:
 * the kernel worked (the message, choosing a thread, the address space).
 */
export interface PathStep { readonly record: number; readonly took: number; readonly waited: number; readonly kernel: number }
export interface Path {
  readonly steps: readonly PathStep[];
  /** The path reached the first record itself; otherwise it bypasses it. */
  readonly complete: boolean;
  /** Cycles of the path by task and in the kernel, and those in which its thread was ready but did not run. */
  readonly byTask: readonly { task: string; cycles: number }[];
  readonly waited: number;
}

/** Records to examine before the earlier one for its cause. */
const RUN_UP = 100_000;
/** Fewest cycles of waiting that the report mentions. */
const WORTH = 1000;

/** `from` and `to` are record numbers, in any order. */
export function criticalPath(trace: TraceFile, from: number, to: number): Path {
  const first = Math.min(from, to), last = Math.max(from, to), start = Math.max(0, first - RUN_UP), view = new RecordView();
  const cause = new Int32Array(last - start + 1), flow = new Flow(trace);
  for (let i = start; i <= last; i++) {
    const record = trace.at(i, view);
    cause[i - start] = flow.next(record, i);
  }
  const numbers: number[] = [];
  for (let at = last; at >= first; at = cause[at - start]!) numbers.unshift(at);
  const steps = numbers.map((record, n): PathStep => {
    const time = trace.at(record, view).time;
    if (n === 0) return { record, took: 0, waited: 0, kernel: 0 };
    const before = trace.at(numbers[n - 1]!, view).time, { began, shared } = startOf(trace, numbers[n - 1]!, record),
      ahead = Math.max(0, began - before);
    return { record, took: time - before, waited: shared ? ahead : 0, kernel: shared ? 0 : ahead };
  });
  return { steps, complete: numbers[0] === first, ...sums(trace, steps) };
}

/** When the thread of record `to` began to run, after record `from` (0: it ran already), and whether others ran on its hart before. */
function startOf(trace: TraceFile, from: number, to: number): { began: number; shared: boolean } {
  const { actor, hart } = trace.at(to), view = new RecordView();
  let began = 0, shared = false;
  for (let i = from + 1; i <= to; i++) {
    const record = trace.at(i, view);
    if (record.hart !== hart || (record.kind !== Kind.schedule && record.kind !== Kind.spaceSwitch)) continue;
    if (record.actor === actor) began = record.time;
    else if (record.kind === Kind.schedule && record.actor !== 0) shared = true;
  }
  return { began, shared };
}

function sums(trace: TraceFile, steps: readonly PathStep[]): Pick<Path, 'byTask' | 'waited'> {
  const tasks = new Map<string, number>(), view = new RecordView();
  let waited = 0;
  for (const pathStep of steps) {
    const record = trace.at(pathStep.record, view), task = record.actor === 0 ? 'kernel' : trace.taskOf(record.actor);
    tasks.set(task, (tasks.get(task) ?? 0) + pathStep.took - pathStep.waited - pathStep.kernel);
    if (pathStep.kernel > 0) tasks.set('kernel', (tasks.get('kernel') ?? 0) + pathStep.kernel);
    waited += pathStep.waited;
  }
  return { byTask: [...tasks].map(([task, cycles]) => ({ task, cycles })).sort((a, b) => b.cycles - a.cycles), waited };
}

/** The path as lines of text. */
export function pathReport(trace: TraceFile, path: Path): string {
  const view = new RecordView(), first = path.steps[0], start = first ? trace.at(first.record).time : 0;
  const lines = path.steps.map((step) => {
    const record = trace.at(step.record, view), note = step.waited >= WORTH ? `  (ready ${cyclesText(step.waited)} before it ran)` : '';
    const after = `+${cyclesText(record.time - start)}`;
    return `${String(record.sequence).padStart(9)} ${after.padStart(9)} ${cyclesText(step.took).padStart(9)}  `
      + `${ends(trace, record)}: ${sentence(record, originOf(trace, record))}${note}`;
  });
  const total = path.steps.reduce((n, s) => n + s.took, 0);
  const by = path.byTask.filter((t) => t.cycles > 0).map((t) => `${t.task} ${cyclesText(t.cycles)}`);
  if (path.waited > 0) by.push(`waiting for the hart ${cyclesText(path.waited)}`);
  const note = path.complete
    ? []
    : [
      '',
      first
        ? `The path does not come from the first record: it begins with what ${objectName(trace, trace.at(first.record, view).actor)} did `
          + `by itself.`
        : 'Nothing led to it.'
    ];
  return [
    `   record     since      took  what`, ...lines, '', `${path.steps.length} steps, ${cyclesText(total)}: ${by.join(', ')}`, ...note
  ].join(
    '\n')
    + '\n';
}
