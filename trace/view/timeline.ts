/**
 * The timeline: a lane per task or thread, time to the right. A bar is where the lane's threads run; a letter is the most telling record
 * that they made in that column, a capital when there were several.
 */
import { Kind } from '../../microkernel/abi/index.ts';
import { cyclesText, objectName } from '../decode.ts';
import type { TraceFile } from '../reader.ts';
import { RecordView } from '../record.ts';
import { lookOf } from './list.ts';
import { fit, type Line, type Run } from './text.ts';
import type { Viewer } from './viewer.ts';

/** Letters, the most telling first. */
const LETTERS: [number, string][] = [
  [Kind.interrupt, 'i'], [Kind.timeout, 't'], [Kind.event, 'e'], [Kind.call, 'c'], [Kind.send, 's'], [Kind.resume, 'r'], [Kind.reply, 'r'], [Kind.receive, 'v'], [Kind.map, 'm'],
  [Kind.unmap, 'u'], [Kind.destroy, 'd'], [Kind.create, 'n'], [Kind.invoke, 'o'], [Kind.recall, 'x'],
];
const rank = new Map(LETTERS.map(([kind], n) => [kind, n]));
const LEGEND = '━ runs  e event  c call  s send  v receive  r reply/resume  m map  u unmap  o operation  n new  d destroy  i interrupt';
/** Records that one column looks at; more are sampled. */
const BUDGET = 1000;

interface Cell { rank: number; count: number; runs: boolean }
interface Window { from: number; to: number }
type Lanes = Map<string, Cell[]>;

/** The part of time that is shown: `zoom` halvings of the whole, around the selected record. */
export function windowOf(v: Viewer): Window {
  const { trace } = v;
  if (trace.length === 0) return { from: 0, to: 1 };
  const first = trace.at(0).time, last = trace.at(trace.length - 1).time + 1, span = Math.max(20, (last - first) / 2 ** v.zoom), now = trace.at(Math.max(0, v.record)).time;
  const from = Math.max(first, Math.min(now - span / 2, last - span));
  return { from, to: from + span };
}

export function timeline(v: Viewer, width: number, height: number): Line[] {
  const label = Math.min(24, Math.floor(width / 4)), across = width - label - 1, window = windowOf(v);
  const { lanes, sampled } = fill(v.trace, window, across, v.byThread), names = [...lanes.keys()], visible = height - 4;
  v.laneTop = Math.max(0, Math.min(v.laneTop, names.length - visible));
  const now = v.record < 0 ? 0 : v.trace.at(v.record).time, column = Math.max(0, Math.min(across - 1, Math.floor(((now - window.from) / (window.to - window.from)) * across)));
  const head = `${cyclesText(window.from)} … ${cyclesText(window.to)}, ${cyclesText((window.to - window.from) / across)} a column${sampled ? ', sampled' : ''}`;
  const lines: Line[] = [[{ text: fit(v.byThread ? 'thread' : 'task', label), bold: true }, { text: ' ' + fit(head, across) }], [{ text: ' '.repeat(label + 1 + column) + '▼', color: 'yellow' }]];
  for (const name of names.slice(v.laneTop, v.laneTop + visible)) lines.push([{ text: fit(name, label) + ' ', bold: name === v.laneOf(v.record) }, ...cells(lanes.get(name)!, column)]);
  while (lines.length < height - 2) lines.push([]);
  lines.push([{ text: LEGEND, dim: true }]);
  lines.push([{ text: names.length > visible ? `lanes ${v.laneTop + 1}–${Math.min(names.length, v.laneTop + visible)} of ${names.length} (↑↓)` : '', dim: true }]);
  return lines;
}

function cells(row: Cell[], column: number): Line {
  const runs: Run[] = [];
  row.forEach((cell, n) => {
    const kind = LETTERS[cell.rank], letter = kind ? (cell.count > 1 ? kind[1].toUpperCase() : kind[1]) : cell.runs ? '━' : n === column ? '┊' : ' ';
    const look = { ...(kind ? lookOf(kind[0]) : {}), ...(n === column ? { inverse: true } : {}) }, before = runs.at(-1);
    if (before && before.color === look.color && before.inverse === look.inverse && before.dim === look.dim) before.text += letter;
    else runs.push({ text: letter, ...look });
  });
  return runs;
}

function fill(trace: TraceFile, window: Window, across: number, byThread: boolean): { lanes: Lanes; sampled: boolean } {
  const lanes: Lanes = new Map(), view = new RecordView(), running = new Map<number, string>(), each = (window.to - window.from) / across;
  const lane = (thread: number): string => (thread === 0 ? '' : byThread ? objectName(trace, thread) : trace.taskOf(thread));
  for (const name of trace.names.values()) if (name.kind === (byThread ? 'thread' : 'task')) row(lanes, byThread ? objectName(trace, name.id) : trace.taskOf(name.id), across);
  let sampled = false, index = trace.indexAtTime(window.from);
  before(trace, index, (hart, thread) => running.set(hart, lane(thread)));
  for (let column = 0; column < across; column++) {
    const end = trace.indexAtTime(window.from + (column + 1) * each), step = Math.max(1, Math.ceil((end - index) / BUDGET));
    sampled ||= step > 1;
    for (const name of running.values()) if (name) row(lanes, name, across)[column]!.runs = true;
    for (let i = index; i < end; i += step) {
      const r = trace.at(i, view), name = lane(r.actor), found = rank.get(r.kind);
      if (r.kind === Kind.schedule) { running.set(r.hart, name); row(lanes, name, across)[column]!.runs = true; }
      if (found === undefined || !name) continue;
      const cell = row(lanes, name, across)[column]!;
      cell.count++;
      cell.rank = cell.rank < 0 ? found : Math.min(cell.rank, found);
    }
    index = end;
  }
  return { lanes: active(lanes), sampled };
}

/** Who was running on each hart just before a record. */
function before(trace: TraceFile, index: number, found: (hart: number, thread: number) => void): void {
  const view = new RecordView(), seen = new Set<number>();
  for (let i = index - 1; i >= 0 && i > index - 5000; i--) {
    const r = trace.at(i, view);
    if (r.kind === Kind.schedule && !seen.has(r.hart)) { seen.add(r.hart); found(r.hart, r.actor); }
  }
}

function row(lanes: Lanes, name: string, across: number): Cell[] {
  let cells = lanes.get(name);
  if (!cells) lanes.set(name, (cells = Array.from({ length: across }, () => ({ rank: -1, count: 0, runs: false }))));
  return cells;
}

/** Lanes where something happens come first. */
function active(lanes: Lanes): Lanes {
  const busy = ([, cells]: [string, Cell[]]): boolean => cells.some((c) => c.runs || c.rank >= 0), all = [...lanes];
  return new Map([...all.filter(busy), ...all.filter((l) => !busy(l))]);
}
