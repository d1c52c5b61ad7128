/**
 * The trace: fixed-size records (abi/trace.ts) in a ring of typed arrays, always on. A half that is full goes to the sink; without a
 * sink the ring just turns, and `tail` shows the end of it.
 */
import type { Cpu } from './sched/cpu.ts';
import { TRACE_RECORD, type RecordWatch, type TraceSink } from './abi/index.ts';

const WORDS = TRACE_RECORD / 4, DOUBLES = TRACE_RECORD / 8, HALVES = TRACE_RECORD / 2;

export class TraceRing {
  readonly #sink: TraceSink | undefined;
  readonly #watch: RecordWatch | undefined;
  readonly #records: number;
  readonly #bytes: Uint8Array;
  readonly #u16: Uint16Array;
  readonly #u32: Uint32Array;
  readonly #f64: Float64Array;
  /** Sequence number of the next record; where it goes. */
  #sequence = 1;
  #at = 0;
  /** Records of the ring that the sink has already. */
  #drained = 0;

  /** `watch` looks at each record as it is written; `records`: size of the ring, even. */
  constructor(sink: TraceSink | undefined, watch?: RecordWatch, records = 16384) {
    this.#sink = sink;
    this.#watch = watch;
    this.#records = records;
    const buffer = new ArrayBuffer(records * TRACE_RECORD);
    this.#bytes = new Uint8Array(buffer);
    this.#u16 = new Uint16Array(buffer);
    this.#u32 = new Uint32Array(buffer);
    this.#f64 = new Float64Array(buffer);
  }

  /** Writes one record; answers its sequence number (32 bits of it, never 0). */
  record(time: number, kind: number, hart: number, status: number, actor: number, object: number, cause: number, a: number, b: number,
      c: number): number {
    const at = this.#at, word = at * WORDS;
    this.#f64[at * DOUBLES] = time;
    this.#u16[at * HALVES + 4] = kind;
    this.#u16[at * HALVES + 5] = hart | (status << 8);
    this.#u32[word + 3] = actor;
    this.#u32[word + 4] = object;
    this.#u32[word + 5] = cause;
    this.#u32[word + 6] = a;
    this.#u32[word + 7] = b;
    this.#f64[at * DOUBLES + 4] = c;
    const sequence = this.#sequence++, next = this.#at = at + 1;
    if (next === this.#records / 2 || next === this.#records) this.flush();
    if (next === this.#records) this.#at = this.#drained = 0;
    if (this.#watch !== undefined) this.#watch(sequence, kind, actor, object, cause, a);
    return sequence;
  }

  /** Writes a record of what happens now on this hart. */
  note({ hart, id }: Cpu, kind: number, actor: number, object: number, cause = 0, a = 0, b = 0, c = 0, status = 0): number {
    return this.record(hart.cycles, kind, id, status, actor, object, cause, a, b, c);
  }

  /** Passes new records to the sink: when a half is full, and at the end of a run. */
  flush(): void {
    const from = this.#drained, to = this.#at;
    if (to > from) this.#sink?.drain(this.#bytes.subarray(from * TRACE_RECORD, to * TRACE_RECORD), this.#sequence - (to - from));
    this.#drained = to;
  }

  name(kind: 'task' | 'thread' | 'portal' | 'semaphore', id: number, parent: number, text: string): void {
    this.#sink?.name(kind, id, parent, text);
  }

  get count(): number { return this.#sequence - 1; }

  /** The last `n` records, oldest first, as bytes. */
  tail(n: number): Uint8Array {
    const count = Math.min(n, this.count, this.#records), out = new Uint8Array(count * TRACE_RECORD);
    for (let i = 0; i < count; i++) {
      const from = ((this.#at - count + i + this.#records) % this.#records) * TRACE_RECORD;
      out.set(this.#bytes.subarray(from, from + TRACE_RECORD), i * TRACE_RECORD);
    }
    return out;
  }
}
