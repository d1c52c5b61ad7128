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
  for (const trackEvent of tracksOf(trace)) for (const o of objectsOf(trackEvent)) {
    yield comma + JSON.stringify(o);
    comma = ',\n';
  }
  for (const { pid, time, name, values } of countersOf(trace)) {
    yield `${comma}${JSON.stringify({ ph: 'C', pid, name, ts: time / 1000, args: values })}`;
    comma = ',\n';
  }
  yield '\n]}\n';
}

function objectsOf(e: TrackEvent): object[] {
  if (e.type === 'process') return [{ ph: 'M', name: 'process_name', pid: e.pid, args: { name: e.name } }];
  if (e.type === 'thread') return [{ ph: 'M', name: 'thread_name', pid: e.pid, tid: e.tid, args: { name: e.name } }];
  const at = { pid: e.pid, tid: e.tid, ts: e.time / 1000 };
  if (e.type === 'end') return [{ ph: 'E', ...at, args: e.args }];
  if (e.type === 'instant') return [{ ph: 'i', s: 't', name: e.name, cat: e.category, ...at, args: e.args }];
  const flow = (ph: 's' | 'f', id: number): object => ({ ph, ...(ph === 'f' ? { bp: 'e' } : {}), id, name: 'message', cat: 'flow', ...at });
  return [
    { ph: 'B', name: e.name, cat: e.category, ...at, args: e.args }, ...(e.flowOut === undefined ? [] : [flow('s', e.flowOut)]),
    ...(e.flowIn === undefined ? [] : [flow('f', e.flowIn)])
  ];
}
