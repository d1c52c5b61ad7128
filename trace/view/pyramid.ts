/**
 * The timeline's index: the actions of each thread in every 512 records, in every 8 × 512, 8 × 8 × 512 and so on. A column of millions of
 * records then takes a few dozen look-ups and is exact.
 */
import { Kind } from '../../microkernel/abi/index.ts';
import type { TraceFile } from '../reader.ts';
import { RecordView } from '../record.ts';
import type { Job } from './jobs.ts';

const SHIFT = 9, BUCKET = 1 << SHIFT, FAN = 3;
/** Kinds that have a letter in the timeline, the most telling first: a mask's lowest bit is what a cell shows. */
export const ranked: readonly number[] = [
  Kind.interrupt, Kind.timeout, Kind.event, Kind.call, Kind.send, Kind.resume, Kind.reply, Kind.receive, Kind.map, Kind.unmap, Kind.destroy,
  Kind.create, Kind.invoke, Kind.recall, Kind.wake,
];
const RUNS = 1 << 15;
const bits = new Uint32Array(64);
ranked.forEach((kind, n) => { bits[kind] = 1 << n; });
bits[Kind.schedule] = RUNS;

/** What a thread did: kinds as bits of `ranked`, RUNS when it was scheduled; how many records; harts (as bits) on which it ran last. */
export interface Deed { kinds: number; count: number; harts: number }
export type Deeds = Map<number, Deed>;
export const ran = (d: Deed): boolean => (d.kinds & RUNS) !== 0;

export class Pyramid {
  private readonly trace: TraceFile;
  /** By level and bucket: quadruples of thread, kinds, count, harts. */
  private readonly levels: Uint32Array[][] = [];
  /** Time of each bucket's first record. */
  private readonly times: number[] = [];
  private readonly view = new RecordView();
  constructor(trace: TraceFile) { this.trace = trace; }

  readonly bucket = BUCKET;
  /** Records that the index covers. */
  get seen(): number { return (this.levels[0]?.length ?? 0) << SHIFT; }

  /** Indexes the trace's new records, in whole buckets. */
  *fill(): Job {
    for (let n = 0; this.seen + BUCKET <= this.trace.length; n++) {
      if ((n & 15) === 15) yield;
      const deeds: Deeds = new Map();
      this.times.push(this.trace.at(this.seen, this.view).time);
      this.read(deeds, this.seen, this.seen + BUCKET);
      this.store(0, deeds);
    }
  }

  /** The first indexed bucket that starts at or after `time`. */
  bucketAt(time: number): number {
    let low = 0, high = this.times.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.times[middle]! < time) low = middle + 1; else high = middle;
    }
    return low;
  }

  /** Adds what happened in buckets `at` to `last` (not included), all of which are indexed. */
  collect(deeds: Deeds, at: number, last: number): void {
    while (at < last) {
      let level = 0;
      for (let wide =
        1
          << FAN; level + 1 < this.levels.length && (at & (wide - 1)) === 0 && at + wide <= last
            && at / wide < this.levels[level + 1]!.length; wide <<= FAN)
        level++;
      this.take(deeds, this.levels[level]![at >> (FAN * level)]!);
      at += 1 << (FAN * level);
    }
  }

  /** Adds what happened in records `from` to `to` (not included), one by one. */
  read(deeds: Deeds, from: number, to: number): void {
    for (let i = from; i < to; i++) {
      const record = this.trace.at(i, this.view), bit = bits[record.kind] ?? 0;
      if (bit === 0 || record.actor === 0) continue;
      const deed = at(deeds, record.actor);
      deed.kinds |= bit;
      if (bit === RUNS) runsOn(deeds, deed, 1 << (record.hart & 31));
      else deed.count++;
    }
  }

  private take(deeds: Deeds, packed: Uint32Array): void {
    for (let i = 0; i < packed.length; i += 4) {
      const deed = at(deeds, packed[i]!), harts = packed[i + 3]!;
      deed.kinds |= packed[i + 1]!;
      deed.count += packed[i + 2]!;
      if (harts !== 0) runsOn(deeds, deed, harts);
    }
  }

  /** Stores a bucket, and the one above it once its eight are complete. */
  private store(level: number, deeds: Deeds): void {
    const packed = new Uint32Array(deeds.size * 4), list = (this.levels[level] ??= []);
    let n = 0;
    for (const [thread, deed] of deeds) { packed.set([thread, deed.kinds, deed.count, deed.harts], n); n += 4; }
    list.push(packed);
    if ((list.length & ((1 << FAN) - 1)) !== 0) return;
    const above: Deeds = new Map();
    for (const part of list.slice(-(1 << FAN))) this.take(above, part);
    this.store(level + 1, above);
  }
}

function at(deeds: Deeds, thread: number): Deed {
  let deed = deeds.get(thread);
  if (!deed) deeds.set(thread, (deed = { kinds: 0, count: 0, harts: 0 }));
  return deed;
}

/** The thread is now the last one that ran on these harts. */
function runsOn(deeds: Deeds, deed: Deed, harts: number): void {
  if ((deed.harts & harts) === harts) return;
  for (const other of deeds.values()) other.harts &= ~harts;
  deed.harts |= harts;
}
