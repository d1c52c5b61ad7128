/**
 * Perfetto's own format: a file of TracePacket messages with TrackDescriptor and TrackEvent. Message and field numbers are those of
 * protos/perfetto/trace/perfetto_trace.proto; times are nanoseconds.
 */
import type { TraceSource } from '../reader.ts';
import { tracksOf, type Args, type TrackEvent } from './tracks.ts';

/** Field numbers by message. */
export const Field = {
  Trace: { packet: 1 },
  TracePacket: { timestamp: 8, trusted_packet_sequence_id: 10, track_event: 11, sequence_flags: 13, track_descriptor: 60 },
  TrackDescriptor: { uuid: 1, name: 2, process: 3, thread: 4, parent_uuid: 5 },
  ProcessDescriptor: { pid: 1, process_name: 6 },
  ThreadDescriptor: { pid: 1, tid: 2, thread_name: 5 },
  TrackEvent: { debug_annotations: 4, type: 9, track_uuid: 11, categories: 22, name: 23, flow_ids: 47, terminating_flow_ids: 48 },
  DebugAnnotation: { uint_value: 3, string_value: 6, name: 10 },
} as const;
const TYPE = { begin: 1, end: 2, instant: 3 } as const;
const SEQUENCE = 1, INCREMENTAL_STATE_CLEARED = 1;

const encoder = new TextEncoder();
class Message {
  private bytes = new Uint8Array(256);
  private length = 0;

  uint(field: number, value: number): this { return this.varint(field * 8).varint(value); }
  fixed(field: number, value: number): this {
    this.varint(field * 8 + 1);
    this.room(8);
    const view = new DataView(this.bytes.buffer, this.length);
    view.setUint32(0, value % 2 ** 32, true);
    view.setUint32(4, Math.floor(value / 2 ** 32), true);
    this.length += 8;
    return this;
  }
  text(field: number, value: string): this { return this.put(field, encoder.encode(value)); }
  message(field: number, value: Message): this { return this.put(field, value.done()); }
  done(): Uint8Array { return this.bytes.subarray(0, this.length); }

  private put(field: number, data: Uint8Array): this {
    this.varint(field * 8 + 2).varint(data.length);
    this.room(data.length);
    this.bytes.set(data, this.length);
    this.length += data.length;
    return this;
  }
  private varint(value: number): this {
    this.room(10);
    let rest = value;
    for (; rest >= 128; rest = Math.floor(rest / 128)) this.bytes[this.length++] = (rest % 128) | 128;
    this.bytes[this.length++] = rest;
    return this;
  }
  private room(more: number): void {
    if (this.length + more <= this.bytes.length) return;
    const bytes = new Uint8Array(Math.max(this.length + more, this.bytes.length * 2));
    bytes.set(this.bytes);
    this.bytes = bytes;
  }
}

/** Track numbers: processes and threads may share a number. */
const uuidOf = (e: { pid: number; tid?: number }): number => (e.tid === undefined ? e.pid * 2 : e.tid * 2 + 1);

export function* perfettoProtobuf(trace: TraceSource): Generator<Uint8Array> {
  let first = true;
  for (const track of tracksOf(trace)) {
    const packet = new Message().uint(Field.TracePacket.trusted_packet_sequence_id, SEQUENCE);
    if (first) packet.uint(Field.TracePacket.sequence_flags, INCREMENTAL_STATE_CLEARED);
    first = false;
    if (track.type === 'process' || track.type === 'thread') packet.message(Field.TracePacket.track_descriptor, descriptor(track));
    else packet.uint(Field.TracePacket.timestamp, Math.round(track.time)).message(Field.TracePacket.track_event, event(track));
    yield new Message().message(Field.Trace.packet, packet).done();
  }
}

function descriptor(track: TrackEvent & { type: 'process' | 'thread' }): Message {
  const message = new Message().uint(Field.TrackDescriptor.uuid, uuidOf(track.type === 'thread' ? track : { pid: track.pid }));
  if (track.type === 'process')
    return message.message(Field.TrackDescriptor.process,
      new Message().uint(Field.ProcessDescriptor.pid, track.pid).text(Field.ProcessDescriptor.process_name, track.name));
  const numbers = Field.ThreadDescriptor;
  return message.uint(Field.TrackDescriptor.parent_uuid, uuidOf({ pid: track.pid })).message(Field.TrackDescriptor.thread,
    new Message().uint(numbers.pid, track.pid).uint(numbers.tid, track.tid).text(numbers.thread_name, track.name));
}

function event(track: TrackEvent & { type: 'begin' | 'end' | 'instant' }): Message {
  const numbers = Field.TrackEvent, message = new Message();
  for (const annotation of annotations(track.args)) message.message(numbers.debug_annotations, annotation);
  message.uint(numbers.type, TYPE[track.type]).uint(numbers.track_uuid, uuidOf(track));
  if (track.type === 'end') return message;
  message.text(numbers.categories, track.category).text(numbers.name, track.name);
  if (track.type === 'begin' && track.flowOut !== undefined) message.fixed(numbers.flow_ids, track.flowOut);
  if (track.type === 'begin' && track.flowIn !== undefined) message.fixed(numbers.terminating_flow_ids, track.flowIn);
  return message;
}
const annotations = (args: Args): Message[] => Object.entries(args).map(([name, value]) => {
  const numbers = Field.DebugAnnotation, message = new Message();
  if (typeof value === 'number') message.uint(numbers.uint_value, value);
  else message.text(numbers.string_value, value);
  return message.text(numbers.name, name);
});
