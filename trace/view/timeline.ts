/**
 * The timeline: a lane per task or thread, time to the right. A bar is where the lane's threads run; a letter is the most telling record
 * that they made in that column, a capital when there were several.
 */
import { Kind } from '../../microkernel/abi/index.ts';
import { cyclesText, ends, objectName, originOf, sentence } from '../decode.ts';
import type { TraceFile } from '../reader.ts';
import { RecordView } from '../record.ts';
import { lookOf } from './list.ts';
import { ran, ranked, type Deeds } from './pyramid.ts';
import { fit, type Line, type Run } from './text.ts';
import type { Viewer } from './viewer.ts';

const letters: Record<number, string> = {
  [Kind.interrupt]: 'i', [Kind.timeout]: 't', [Kind.event]: 'e', [Kind.call]: 'c', [Kind.send]: 's', [Kind.resume]: 'r', [Kind.reply]: 'r',
  [Kind.receive]: 'v', [Kind.map]: 'm',
  [Kind.unmap]: 'u', [Kind.destroy]: 'd', [Kind.create]: 'n', [Kind.invoke]: 'o', [Kind.recall]: 'x', [Kind.wake]: 'w',
};
const LEGEND = ['━ runs', 'e event', 'c call', 's send', 'v receive', 'r answer', 'm map', 'u unmap', 'n new', 'o operation',
  'd destroy', 'i interrupt', 't timeout', 'w wake', 'x recall', 'E events'];
/** The whole legend, on as many lines as it needs. */
function legend(width: number): Line[] {
  const lines = [''];
  for (const entry of LEGEND) {
    const longer = `${lines.at(-1)}${lines.at(-1) ? '  ' : ''}${entry}`;
    if (longer.length <= width) lines[lines.length - 1] = longer; else lines.push(entry);
  }
  return lines.map((text) => [{ text, dim: true }]);
}

/** What a lane shows, a number per column: kinds as bits of `ranked`, records, whether it runs. */
interface Lane { kinds: Uint16Array; counts: Uint32Array; runs: Uint8Array }
type Lanes = Map<string, Lane>;
interface Window { from: number; to: number }
/** Lanes of a window, kept until the window or the trace changes; `known`: columns that the index has reached. */
export interface Drawn { key: string; lanes: Lanes; known: number }
/** A window with at most this many records is read record by record, a larger one from the index. */
const EXACT = 60_000;

/** The visible part of time: `zoom` halvings of the whole, around the selected record. */
export function windowOf(viewer: Viewer): Window {
  if (viewer.trace.length === 0) return { from: 0, to: 1 };
  const chosen = viewer.shown, at = viewer.trace.at(Math.max(0, viewer.record)).time;
  if (chosen && at >= chosen.from && at <= chosen.to) return chosen;
  const [first, end] = viewer.times, last = end + 1, span = Math.max(20, (last - first) / 2 ** viewer.zoom),
    now = viewer.trace.at(Math.max(0, viewer.record)).time;
  const from = Math.max(first, Math.min(now - span / 2, last - span));
  return { from, to: from + span };
}

export function timeline(viewer: Viewer, width: number, height: number): Line[] {
  const label = Math.min(24, Math.floor(width / 4)), across = width - label - 1, window = windowOf(viewer);
  const { lanes, known } = lanesOf(viewer, window, across), names = [...lanes.keys()], foot = legend(width),
    visible = height - 3 - foot.length;
  viewer.laneTop = Math.max(0, Math.min(viewer.laneTop, names.length - visible));
  const now = viewer.record < 0 ? 0 : viewer.trace.at(viewer.record).time,
    column = Math.max(0, Math.min(across - 1, Math.floor(((now - window.from) / (window.to - window.from)) * across)));
  const head = `${cyclesText(window.to - window.from)} from `
    + `${(window.from / 1000).toLocaleString('en-US', { maximumFractionDigits: 3 })} µs, `
    + `${cyclesText((window.to - window.from) / across)} a column${known < across ? ', ░ is not indexed yet' : ''}`;
  const lines: Line[] = [
    [{ text: fit(viewer.byThread ? 'thread' : 'task', label), bold: true }, { text: ' ' + fit(head, across) }],
    [{ text: ' '.repeat(label + 1 + column) + '▼', color: 'yellow' }]
  ];
  for (const name of names.slice(viewer.laneTop, viewer.laneTop + visible))
    lines.push([{ text: fit(withTechnique(viewer.trace, name), label) + ' ', bold: name === viewer.laneOf(viewer.record) },
      ...cells(lanes.get(name)!, across, column, known)]);
  while (lines.length < height - 1 - foot.length) lines.push([]);
  lines.push(...foot);
  const selected = viewer.record < 0
    ? ''
    : `record ${viewer.trace.at(viewer.record).sequence}: ${ends(viewer.trace, viewer.trace.at(viewer.record))}: `
      + `${sentence(viewer.trace.at(viewer.record), originOf(viewer.trace, viewer.trace.at(viewer.record)))}`;
  lines.push([
    {
      text: names.length > visible ? `lanes ${viewer.laneTop + 1}–${Math.min(names.length, viewer.laneTop + visible)} of ${names.length}  `
        : '',
      dim: true
    },
    { text: selected }
  ]);
  return lines;
}

/** A guest's lane says how its code runs. Monitors name the technique of guests whose kernels run in U mode; other guests have hardware. */
function withTechnique(trace: TraceFile, name: string): string {
  const monitor = name.endsWith(' guest') ? name.slice(0, -' guest'.length) : undefined;
  if (monitor === undefined || [...trace.names.values()].some(({ text }) => text.startsWith(`${monitor} shadow of `))) return name;
  return `${name} by hardware`;
}

/** The first record in a column of the timeline, for the mouse. */
export function recordAt(viewer: Viewer, x: number, width: number): number {
  const label = Math.min(24, Math.floor(width / 4)), across = width - label - 1, { from, to } = windowOf(viewer), column = x - label - 1;
  return column < 0 || column >= across ? -1
    : Math.min(viewer.trace.length - 1, viewer.trace.indexAtTime(from + (column * (to - from)) / across));
}

function cells(lane: Lane, across: number, column: number, known: number): Line {
  const runs: Run[] = [];
  for (let n = 0; n < across; n++) {
    const mask = lane.kinds[n]! & 0x7fff, kind = mask ? ranked[31 - Math.clz32(mask & -mask)]! : 0;
    const letter = kind ? (lane.counts[n]! > 1 ? letters[kind]!.toUpperCase() : letters[kind]!)
      : lane.runs[n] ? '━'
      : n === column ? '┊'
      : n >= known ? '░'
      : ' ';
    const look = { ...(kind ? lookOf(kind) : {}), ...(n === column ? { inverse: true } : {}) }, before = runs.at(-1);
    if (before && before.color === look.color && before.inverse === look.inverse && before.dim === look.dim) before.text += letter;
    else runs.push({ text: letter, ...look });
  }
  return runs;
}

function lanesOf(viewer: Viewer, window: Window, across: number): Drawn {
  const key = [window.from, window.to, across, viewer.byThread, viewer.trace.length, viewer.pyramid.seen, viewer.trace.names.size].join();
  if (viewer.drawn?.key !== key) viewer.drawn = { key, ...fill(viewer, window, across) };
  return viewer.drawn;
}

function fill(viewer: Viewer, window: Window, across: number): { lanes: Lanes; known: number } {
  const { trace, byThread } = viewer, lanes: Lanes = new Map(), ofThread = new Map<number, Lane>();
  const lane = (thread: number): Lane => {
    let found = ofThread.get(thread);
    if (!found) ofThread.set(thread, (found = laneOf(lanes, byThread ? objectName(trace, thread) : trace.taskOf(thread), across)));
    return found;
  };
  const { deeds, running } = viewer.trace.indexAtTime(window.to) - trace.indexAtTime(window.from) <= EXACT
    ? exactly(viewer, window, across)
    : indexed(viewer, window, across);
  deeds.forEach((column, n) => {
    for (const thread of running.values()) lane(thread).runs[n] = 1;
    for (const [thread, deed] of column) {
      const to = lane(thread);
      to.kinds[n]! |= deed.kinds & 0x7fff;
      to.counts[n]! += deed.count;
      if (ran(deed)) to.runs[n] = 1;
      for (let hart = 0; hart < 32; hart++) if (deed.harts & (1 << hart)) running.set(hart, thread);
    }
  });
  return { lanes: ordered(trace, lanes, byThread, across), known: deeds.length };
}

interface Columns { deeds: Deeds[]; running: Map<number, number> }

/** What happened in each column, to the record. */
function exactly({ trace, pyramid }: Viewer, { from, to }: Window, across: number): Columns {
  const each = (to - from) / across, deeds: Deeds[] = [];
  let index = trace.indexAtTime(from);
  const running = before(trace, index);
  for (let column = 0; column < across; column++) {
    const end = trace.indexAtTime(from + (column + 1) * each), here: Deeds = new Map();
    pyramid.read(here, index, end);
    deeds.push(here);
    index = end;
  }
  return { deeds, running };
}

/** The same in whole buckets of the index, as far as it goes. */
function indexed({ trace, pyramid }: Viewer, { from, to }: Window, across: number): Columns {
  const each = (to - from) / across, deeds: Deeds[] = [], all = pyramid.bucketAt(Infinity),
    whole = pyramid.seen + pyramid.bucket > trace.length;
  let bucket = pyramid.bucketAt(from);
  for (let column = 0; column < across && (whole || bucket < all); column++) {
    const end = pyramid.bucketAt(from + (column + 1) * each), here: Deeds = new Map();
    pyramid.collect(here, bucket, end);
    deeds.push(here);
    bucket = end;
  }
  return { deeds, running: before(trace, trace.indexAtTime(from)) };
}

/** Beyond this number lanes without activity are omitted. */
const MOST_LANES = 500;

/** Lanes with activity come first, each group in the order in which objects got their names. */
function ordered(trace: TraceFile, busy: Lanes, byThread: boolean, across: number): Lanes {
  const all: Lanes = new Map(), idle: string[] = [];
  for (const { kind, id } of trace.names.values()) {
    if (kind !== (byThread ? 'thread' : 'task')) continue;
    const name = byThread ? objectName(trace, id) : trace.taskOf(id), lane = busy.get(name);
    if (lane) all.set(name, lane);
    else if (busy.size + idle.length < MOST_LANES) idle.push(name);
  }
  for (const [name, lane] of busy) if (!all.has(name)) all.set(name, lane);
  for (const name of idle) laneOf(all, name, across);
  return all;
}

function laneOf(lanes: Lanes, name: string, across: number): Lane {
  let lane = lanes.get(name);
  if (!lane) lanes.set(name, (lane = { kinds: new Uint16Array(across), counts: new Uint32Array(across), runs: new Uint8Array(across) }));
  return lane;
}

/** The thread that ran on each hart just before a record. */
function before(trace: TraceFile, index: number): Map<number, number> {
  const view = new RecordView(), running = new Map<number, number>();
  for (let i = index - 1; i >= 0 && i > index - 5000; i--) {
    const record = trace.at(i, view);
    if (record.kind === Kind.schedule && !running.has(record.hart)) running.set(record.hart, record.actor);
  }
  for (const [hart, thread] of running) if (thread === 0) running.delete(hart);
  return running;
}
