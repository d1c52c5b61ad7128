/**
 * Links each record to its cause, the record that let its thread act. A reply follows the server's last record, that follows the message
 * which woke the server, that follows the client's record before; a wake-up follows its signal or interrupt; a fault's resume follows the
 * mapping before it. The links back from a record form its critical path.
 *
 * Pass all records in order; `cause` is the link of the latest one.
 */
import { Kind } from '../microkernel/abi/index.ts';
import type { TraceSource } from './reader.ts';
import type { RecordView } from './record.ts';

/** Records of scheduling, not of actions. */
export const isSwitch = (kind: number): boolean => kind === Kind.schedule || kind === Kind.spaceSwitch;

export class Flow {
  private readonly trace: TraceSource;
  /** By thread: the record that let it act, or its own last record. */
  private readonly last = new Map<number, number>();
  /** By thread: the sequence number of the call it waits in. */
  private readonly calling = new Map<number, number>();
  /** Record number of unanswered calls, sends and events, by sequence number; and of interrupts. */
  private readonly open = new Map<number, number>();
  constructor(trace: TraceSource) { this.trace = trace; }

  /** The number of the record that caused record `index`, which is `r`; -1 when the trace has none. */
  next(record: RecordView, index: number): number {
    if (record.kind === 0) return -1;
    if (isSwitch(record.kind)) return this.last.get(record.actor) ?? -1;
    const cause = this.causeOf(record);
    if (record.actor !== 0) this.last.set(record.actor, index);
    this.passOn(record, index);
    return cause;
  }

  private causeOf(record: RecordView): number {
    if (record.kind === Kind.receive || (record.kind === Kind.wake && record.cause !== 0)) return this.open.get(record.cause) ?? -1;
    if (record.kind === Kind.wake) return this.last.get(record.a) ?? -1;
    return record.actor === 0 ? -1 : this.last.get(record.actor) ?? -1;
  }

  /** The thread that the record lets act. */
  private passOn(record: RecordView, index: number): void {
    switch (record.kind) {
      case Kind.call: this.calling.set(record.actor, record.sequence); this.open.set(record.sequence, index); return;
      case Kind.send: case Kind.interrupt: this.open.set(record.sequence, index); return;
      case Kind.event: this.open.set(record.sequence, index); this.toServer(record, index); return;
      case Kind.timeout: this.calling.delete(record.actor); return;
      case Kind.reply: case Kind.resume: this.last.set(record.object, index); this.calling.delete(record.object);
        this.open.delete(record.cause); return;
      case Kind.receive: if (!this.calling.has(record.object)) this.open.delete(record.cause); return;
      case Kind.wake: if (record.cause !== 0) this.open.delete(record.cause); return;
      case Kind.destroy: this.last.delete(record.object); this.calling.delete(record.object);
    }
  }
  /** An event reaches a waiting server without another record; a server in a call receives it later, with a receive. */
  private toServer(record: RecordView, index: number): void {
    const portal = this.trace.names.get(record.object), server = portal?.kind === 'portal' ? portal.parent : 0;
    if (server !== 0 && !this.calling.has(server)) this.last.set(server, index);
  }
}
