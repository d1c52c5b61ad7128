/** One trace record, read in place. Field meanings by kind: microkernel/abi/trace.ts. */
import { TRACE_RECORD, kindName } from '../microkernel/abi/index.ts';
import type { TraceName } from './names.ts';
import type { PayloadPart } from './payload.ts';
import type { Vocabulary } from './vocabulary.ts';

const NOTHING = new DataView(new ArrayBuffer(TRACE_RECORD));
/** A trace for analyses and exporters: its names, its records in order, and their payload. */
export interface TraceSource {
  readonly names: ReadonlyMap<number, TraceName>;
  readonly damage: string | undefined;
  /** The meaning of numbers in this recording. */
  readonly words: Vocabulary;
  name(id: number): string;
  taskOf(id: number): string;
  records(): Generator<RecordView>;
  /** The payload of the record with this sequence number; empty when none was captured. */
  payload(sequence: number): readonly PayloadPart[];
}


export class RecordView {
  private view: DataView = NOTHING;
  private bytes: Uint8Array | undefined;
  private base = 0;
  sequence = 0;
  /** Its trace, where there is one: names, words, payload. */
  source: TraceSource | undefined = undefined;
  /** Points this view at the record at byte `offset` of `bytes`. */
  at(bytes: Uint8Array, offset: number, sequence: number): this {
    if (this.bytes !== bytes) {
      this.bytes = bytes;
      this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    }
    this.base = offset;
    this.sequence = sequence;
    return this;
  }
  /** The record's bytes, to keep. */
  copy(): Uint8Array { return new Uint8Array(this.view.buffer, this.view.byteOffset + this.base, TRACE_RECORD).slice(); }
  /** A separate view of the same record. */
  clone(): RecordView {
    const record = new RecordView();
    record.source = this.source;
    return this.bytes ? record.at(this.bytes, this.base, this.sequence) : record;
  }
  /** Cycles. */
  get time(): number { return this.view.getFloat64(this.base, true); }
  get kind(): number { return this.view.getUint16(this.base + 8, true); }
  get kindName(): string { return kindName(this.kind); }
  get hart(): number { return this.view.getUint8(this.base + 10); }
  get status(): number { return this.view.getUint8(this.base + 11); }
  get actor(): number { return this.view.getUint32(this.base + 12, true); }
  get object(): number { return this.view.getUint32(this.base + 16, true); }
  /** Sequence number of the record that this one answers or follows from; 0 = none. */
  get cause(): number { return this.view.getUint32(this.base + 20, true); }
  get a(): number { return this.view.getUint32(this.base + 24, true); }
  get b(): number { return this.view.getUint32(this.base + 28, true); }
  get c(): number { return this.view.getFloat64(this.base + 32, true); }
}

/** The access of a page fault's record, by `b` of the event; empty when it does not say. */
export const accessOf = (b: number): 'fetch' | 'load' | 'store' | '' =>
  (['', '', '', '', 'fetch', 'load', '', 'store'] as const)[(b >>> 16) & 7]!;
/** Bytes of state that an event or its answer moved. */
export const stateBytes = (b: number): number => b & 0xffff;
