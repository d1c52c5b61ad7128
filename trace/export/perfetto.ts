/**
 * Perfetto's JSON format (the Trace Event Format), which its UI and its trace processor read: B and E events are slices of a thread, i an
 * instant, s and f the ends of a flow, M names; C a counter: cycles of monitors, by source.
 * Times are microseconds.
 */
import type { TraceSource } from '../reader.ts';
import { countersOf, tracksOf, type TrackEvent } from './tracks.ts';

export function* perfetto(trace: TraceSource): Generator<string> {
  yield '{"displayTimeUnit":"ns","traceEvents":[\n';
  let comma = '';
  for (const trackEvent of tracksOf(trace)) for (const object of objectsOf(trackEvent)) {
    yield comma + JSON.stringify(object);
    comma = ',\n';
  }
  for (const { pid, time, name, values } of countersOf(trace)) {
    yield `${comma}${JSON.stringify({ ph: 'C', pid, name, ts: time / 1000, args: values })}`;
    comma = ',\n';
  }
  yield '\n]}\n';
}

function objectsOf(event: TrackEvent): object[] {
  if (event.type === 'process') return [{ ph: 'M', name: 'process_name', pid: event.pid, args: { name: event.name } }];
  if (event.type === 'thread') return [{ ph: 'M', name: 'thread_name', pid: event.pid, tid: event.tid, args: { name: event.name } }];
  const at = { pid: event.pid, tid: event.tid, ts: event.time / 1000 };
  if (event.type === 'end') return [{ ph: 'E', ...at, args: event.args }];
  if (event.type === 'instant') return [{ ph: 'i', s: 't', name: event.name, cat: event.category, ...at, args: event.args }];
  const flow = (ph: 's' | 'f', id: number): object => ({ ph, ...(ph === 'f' ? { bp: 'e' } : {}), id, name: 'message', cat: 'flow', ...at });
  return [
    { ph: 'B', name: event.name, cat: event.category, ...at, args: event.args },
      ...(event.flowOut === undefined ? [] : [flow('s', event.flowOut)]),
    ...(event.flowIn === undefined ? [] : [flow('f', event.flowIn)])
  ];
}
