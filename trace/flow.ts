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
  next(r: RecordView, index: number): number {
    if (r.kind === 0) return -1;
    if (isSwitch(r.kind)) return this.last.get(r.actor) ?? -1;
    const cause = this.causeOf(r);
    if (r.actor !== 0) this.last.set(r.actor, index);
    this.passOn(r, index);
    return cause;
  }

  private causeOf(r: RecordView): number {
    if (r.kind === Kind.receive || (r.kind === Kind.wake && r.cause !== 0)) return this.open.get(r.cause) ?? -1;
    if (r.kind === Kind.wake) return this.last.get(r.a) ?? -1;
    return r.actor === 0 ? -1 : this.last.get(r.actor) ?? -1;
  }

  /** The thread that the record lets act. */
  private passOn(r: RecordView, index: number): void {
    switch (r.kind) {
      case Kind.call: this.calling.set(r.actor, r.sequence); this.open.set(r.sequence, index); return;
      case Kind.send: case Kind.interrupt: this.open.set(r.sequence, index); return;
      case Kind.event: this.open.set(r.sequence, index); this.toServer(r, index); return;
      case Kind.timeout: this.calling.delete(r.actor); return;
      case Kind.reply: case Kind.resume: this.last.set(r.object, index); this.calling.delete(r.object); this.open.delete(r.cause); return;
      case Kind.receive: if (!this.calling.has(r.object)) this.open.delete(r.cause); return;
      case Kind.wake: if (r.cause !== 0) this.open.delete(r.cause); return;
      case Kind.destroy: this.last.delete(r.object); this.calling.delete(r.object);
    }
  }
  /** An event reaches a waiting server without another record; a server in a call receives it later, with a receive. */
  private toServer(r: RecordView, index: number): void {
    const portal = this.trace.names.get(r.object), server = portal?.kind === 'portal' ? portal.parent : 0;
    if (server !== 0 && !this.calling.has(server)) this.last.set(server, index);
  }
}
