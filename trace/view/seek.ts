/** Moves from one record to another: by search, by cause, into the server's work for a request and back, to the slowest request. */
import { Kind } from '../../microkernel/abi/index.ts';
import { cyclesText } from '../decode.ts';
import { Filter } from '../filter.ts';
import { RecordView } from '../record.ts';
import type { Viewer } from './viewer.ts';

/** Records to examine in a search for nested work. */
const REACH = 200_000;
/** Slow records that are remembered. */
const SLOW = 100;

/** Selects the next record after the selected one (or the one before) that the search finds, wrapping at the end. Throws FilterError. */
export function search(viewer: Viewer, text: string, forward = true): void {
  const filter = new Filter(text, viewer.trace);
  filter.latencySource = (record) => viewer.chains.latency(record);
  viewer.lastSearch = text;
  viewer.jobs.start('search', searching(viewer, filter, forward ? 1 : -1));
}

function* searching(viewer: Viewer, filter: Filter, way: 1 | -1): Generator<void, void> {
  const view = new RecordView(), n = viewer.rows.length, from = viewer.cursor;
  while (filter.usesLatency && !viewer.chains.complete) yield;
  for (let step = 1; step <= n; step++) {
    if ((step & 1023) === 0) yield;
    const row = (from + way * step + n) % n, record = viewer.rows.record(row);
    if (!filter.test(viewer.trace.at(record, view), record)) continue;
    viewer.message = way > 0 && row <= from ? 'search went on from the top' : way < 0 && row >= from ? 'search went on from the end' : '';
    viewer.following = false;
    return viewer.move(row);
  }
  viewer.message = `nothing found for '${filter.text}'`;
}

/** One step along the chain of the selected record. */
export function follow(viewer: Viewer, forward: boolean): void {
  if (viewer.record < 0) return;
  const found = forward ? viewer.chains.next(viewer.record) : viewer.chains.previous(viewer.record);
  if (found < 0)
    viewer.message = forward
      ? 'nothing follows from this record; > goes to what its thread did next'
      : 'nothing is known that this record follows from; < goes to what it was done for';
  else viewer.goTo(found);
}

const opens = (kind: number): boolean => kind === Kind.call || kind === Kind.send || kind === Kind.event;
const telling = (kind: number): boolean =>
  opens(kind) || kind === Kind.interrupt || kind === Kind.map || kind === Kind.invoke || kind === Kind.recall;

/**
 * Into: the next action (a call, an operation, an event) of the receiver of a message, or of the thread itself. Skips bookkeeping such as
 * thread switches.
 */
export function into(viewer: Viewer): void {
  if (viewer.record < 0) return;
  const view = new RecordView(), { kind, object, actor } = viewer.trace.at(viewer.record, view);
  const thread = opens(kind) ? served(viewer, object) : kind === Kind.resume || kind === Kind.reply ? object : actor;
  for (let i = viewer.record + 1, end = Math.min(viewer.trace.length, i + REACH); i < end; i++) {
    const record = viewer.trace.at(i, view);
    if (record.actor === thread && telling(record.kind)) return viewer.goTo(i);
  }
  viewer.message = 'nothing further of this thread nearby';
}

/** Out: the message or event that the selected record's thread was working on. */
export function out(viewer: Viewer): void {
  if (viewer.record < 0) return;
  const view = new RecordView(), record = viewer.trace.at(viewer.record, view),
    chain = record.cause !== 0 ? viewer.trace.indexOf(record.cause) : -1,
    from = chain >= 0 ? chain : viewer.record;
  const worker = viewer.trace.at(from, view).actor, answered = new Set<number>();
  for (let i = from - 1; i >= 0 && i > from - REACH; i--) {
    const { kind, actor, object, cause, sequence } = viewer.trace.at(i, view);
    if ((kind === Kind.reply || kind === Kind.resume) && actor === worker) answered.add(cause);
    else if (opens(kind) && served(viewer, object) === worker && !answered.has(sequence)) return viewer.goTo(i);
  }
  viewer.message = 'this thread was not at work for somebody else';
}

/** The thread that serves a portal; other objects are themselves. */
const served = (viewer: Viewer, object: number): number => {
  const name = viewer.trace.names.get(object);
  return name?.kind === 'portal' ? name.parent : object;
};

/** The slowest of the records that are shown; called again, the next slowest. */
export function slowest(viewer: Viewer): void {
  const known = viewer.slowest;
  if (!known) { viewer.message = 'looking for the slowest …'; return viewer.jobs.start('slowest', comparing(viewer)); }
  if (known.records.length === 0) { viewer.message = 'no record here has a latency'; return; }
  known.at = (known.at + 1) % known.records.length;
  showSlow(viewer);
}

function showSlow(viewer: Viewer): void {
  const { records, at } = viewer.slowest!;
  if (records.length === 0) { viewer.message = 'no record here has a latency'; return; }
  viewer.goTo(records[at]!);
  viewer.message = `number ${at + 1} by latency: ${cyclesText(viewer.chains.latency(records[at]!))}; L goes to the next slowest`;
}

function* comparing(viewer: Viewer): Generator<void, void> {
  const best: { record: number; latency: number }[] = [], view = new RecordView();
  while (!viewer.chains.complete || viewer.rows.progress < 1) yield;
  for (let row = 0; row < viewer.rows.length; row++) {
    if ((row & 255) === 255) yield;
    const record = viewer.rows.record(row);
    if (!opens(viewer.trace.at(record, view).kind)) continue;
    const latency = viewer.chains.latency(record);
    if (Number.isNaN(latency) || (best.length === SLOW && latency <= best[SLOW - 1]!.latency)) continue;
    const place = best.findIndex((b) => b.latency < latency);
    best.splice(place < 0 ? best.length : place, 0, { record, latency });
    if (best.length > SLOW) best.pop();
  }
  viewer.slowest = { records: best.map((b) => b.record), at: 0 };
  showSlow(viewer);
}
