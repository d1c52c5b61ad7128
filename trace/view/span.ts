/** The messages of a span, found in slices: a span may have millions of records, and a filter may show few of them. */
import { arrowOf } from '../export/arrows.ts';
import { svg } from '../export/svg.ts';
import type { TraceSource } from '../reader.ts';
import { RecordView } from '../record.ts';
import type { Job } from './jobs.ts';
import type { Viewer } from './viewer.ts';

/** Most messages to find, more than a diagram shows. */
export const MOST_MESSAGES = 500;
/** Milliseconds for a small span in one step. */
const AT_ONCE = 15;

/** Record numbers of the messages found so far; `part` of the span has been searched, 0 … 1. */
export interface Messages { readonly key: string; readonly records: number[]; part: number }

/**
 * The messages of the span between mark and cursor, or of what follows the selected record. Continues in the background when there are many
 * records.
 */
export function messagesOf(viewer: Viewer): Messages {
  const [from, to] = viewer.span(), key = [from, to, viewer.rows.filter?.text ?? '', viewer.trace.length].join('\0');
  if (viewer.messages?.key === key) return viewer.messages;
  const found: Messages = (viewer.messages = { key, records: [], part: 0 }), job = look(viewer, found, from, to),
    end = performance.now() + AT_ONCE;
  while (performance.now() < end) if (job.next().done) { viewer.jobs.stop('span'); return found; }
  viewer.jobs.start('span', job);
  return found;
}

function* look(viewer: Viewer, found: Messages, from: number, to: number): Job {
  const { filter } = viewer.rows, view = new RecordView();
  for (let i = from; i <= to && found.records.length <= MOST_MESSAGES; i++) {
    if ((i & 1023) === 1023) { found.part = (i - from) / (to - from); yield; }
    const record = viewer.trace.at(i, view);
    if ((!filter || filter.test(record, i)) && arrowOf(viewer.trace, record)) found.records.push(i);
  }
  found.part = 1;
}

/** Writes the span as SVG, as soon as all its messages are known. */
export function exportSpan(viewer: Viewer): void {
  if (viewer.record < 0) { viewer.message = 'there is nothing to write'; return; }
  const [from, to] = viewer.span().map((i) => viewer.trace.at(i).sequence), found = messagesOf(viewer), name = `trace-${from}-${to}.svg`;
  if (found.part === 1) return write(viewer, found, name);
  viewer.message = `${name} is being made …`;
  viewer.jobs.start('export', waiting(viewer, found, name));
}

function* waiting(viewer: Viewer, found: Messages, name: string): Job {
  while (found.part < 1) {
    if (viewer.messages !== found) { viewer.message = `${name} was not written: the span has changed`; return; }
    yield;
  }
  write(viewer, found, name);
}

function write(viewer: Viewer, { records }: Messages, name: string): void {
  const { trace } = viewer, source: TraceSource = {
    names: trace.names, damage: trace.damage, words: trace.words, name: (id) => trace.name(id), taskOf: (id) => trace.taskOf(id),
    payload: (sequence) => trace.payload(sequence),
    *records() { const view = new RecordView(); for (const i of records) yield trace.at(i, view); },
  };
  try {
    viewer.save(name, svg(source, MOST_MESSAGES));
    viewer.message = `wrote ${name}`;
  } catch (error) {
    viewer.message = `${name} could not be written: ${(error as Error).message}`;
  }
}
