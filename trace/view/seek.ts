/** Ways from one record to another: search, causality, into what a server did for a request and out again, the slowest. */
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
export function search(v: Viewer, text: string, forward = true): void {
  const filter = new Filter(text, v.trace);
  filter.latencySource = (record) => v.chains.latency(record);
  v.lastSearch = text;
  v.jobs.start('search', searching(v, filter, forward ? 1 : -1));
}

function* searching(v: Viewer, filter: Filter, way: 1 | -1): Generator<void, void> {
  const view = new RecordView(), n = v.rows.length, from = v.cursor;
  while (filter.usesLatency && !v.chains.complete) yield;
  for (let step = 1; step <= n; step++) {
    if ((step & 1023) === 0) yield;
    const row = (from + way * step + n) % n, record = v.rows.record(row);
    if (!filter.test(v.trace.at(record, view), record)) continue;
    v.message = way > 0 && row <= from ? 'search went on from the top' : way < 0 && row >= from ? 'search went on from the end' : '';
    v.following = false;
    return v.move(row);
  }
  v.message = `nothing found for '${filter.text}'`;
}

/** One step along the chain of the selected record. */
export function follow(v: Viewer, forward: boolean): void {
  if (v.record < 0) return;
  const found = forward ? v.chains.next(v.record) : v.chains.previous(v.record);
  if (found < 0)
    v.message = forward
      ? 'nothing follows from this record; > goes to what its thread did next'
      : 'nothing is known that this record follows from; < goes to what it was done for';
  else v.goTo(found);
}

const opens = (kind: number): boolean => kind === Kind.call || kind === Kind.send || kind === Kind.event;
const telling = (kind: number): boolean =>
  opens(kind) || kind === Kind.interrupt || kind === Kind.map || kind === Kind.invoke || kind === Kind.recall;

/**
 * Into: what the receiver of a message, or the thread itself, did next (a call, an operation, an event). Skips bookkeeping such as thread
 * switches.
 */
export function into(v: Viewer): void {
  if (v.record < 0) return;
  const view = new RecordView(), { kind, object, actor } = v.trace.at(v.record, view);
  const thread = opens(kind) ? served(v, object) : kind === Kind.resume || kind === Kind.reply ? object : actor;
  for (let i = v.record + 1, end = Math.min(v.trace.length, i + REACH); i < end; i++) {
    const r = v.trace.at(i, view);
    if (r.actor === thread && telling(r.kind)) return v.goTo(i);
  }
  v.message = 'nothing further of this thread nearby';
}

/** Out: the message or event that the selected record's thread was working on. */
export function out(v: Viewer): void {
  if (v.record < 0) return;
  const view = new RecordView(), r = v.trace.at(v.record, view), chain = r.cause !== 0 ? v.trace.indexOf(r.cause) : -1,
    from = chain >= 0 ? chain : v.record;
  const worker = v.trace.at(from, view).actor, answered = new Set<number>();
  for (let i = from - 1; i >= 0 && i > from - REACH; i--) {
    const { kind, actor, object, cause, sequence } = v.trace.at(i, view);
    if ((kind === Kind.reply || kind === Kind.resume) && actor === worker) answered.add(cause);
    else if (opens(kind) && served(v, object) === worker && !answered.has(sequence)) return v.goTo(i);
  }
  v.message = 'this thread was not at work for somebody else';
}

/** The thread that serves a portal; other objects are themselves. */
const served = (v: Viewer, object: number): number => {
  const name = v.trace.names.get(object);
  return name?.kind === 'portal' ? name.parent : object;
};

/** The slowest of the records that are shown; called again, the next slowest. */
export function slowest(v: Viewer): void {
  const known = v.slowest;
  if (!known) { v.message = 'looking for the slowest …'; return v.jobs.start('slowest', comparing(v)); }
  if (known.records.length === 0) { v.message = 'no record here has a latency'; return; }
  known.at = (known.at + 1) % known.records.length;
  showSlow(v);
}

function showSlow(v: Viewer): void {
  const { records, at } = v.slowest!;
  if (records.length === 0) { v.message = 'no record here has a latency'; return; }
  v.goTo(records[at]!);
  v.message = `number ${at + 1} by latency: ${cyclesText(v.chains.latency(records[at]!))}; L goes to the next slowest`;
}

function* comparing(v: Viewer): Generator<void, void> {
  const best: { record: number; latency: number }[] = [], view = new RecordView();
  while (!v.chains.complete || v.rows.progress < 1) yield;
  for (let row = 0; row < v.rows.length; row++) {
    if ((row & 255) === 255) yield;
    const record = v.rows.record(row);
    if (!opens(v.trace.at(record, view).kind)) continue;
    const latency = v.chains.latency(record);
    if (Number.isNaN(latency) || (best.length === SLOW && latency <= best[SLOW - 1]!.latency)) continue;
    const place = best.findIndex((b) => b.latency < latency);
    best.splice(place < 0 ? best.length : place, 0, { record, latency });
    if (best.length > SLOW) best.pop();
  }
  v.slowest = { records: best.map((b) => b.record), at: 0 };
  showSlow(v);
}
