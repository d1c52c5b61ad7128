/** Counts and latencies of exits by their target: device registers, SBI functions. */
import { Cause, Kind } from '../microkernel/abi/index.ts';
import { Part, wordsOfPart } from './payload.ts';
import type { TraceSource } from './reader.ts';
import { accessOf, type RecordView } from './record.ts';
import { Samples, type Latency } from './samples.ts';
import { registerOf, sbiName } from './said.ts';
import { sbiExtensions } from './sbi.ts';

export interface DeviceRow { task: string; device: string; register: string; loads: number; stores: number; latency: Latency | undefined }
export interface SbiRow { task: string; call: string; calls: number; latency: Latency | undefined }

interface Count { task: string; name: string; part: string; loads: number; stores: number; samples: Samples }

export class Exits {
  private readonly trace: TraceSource;
  private readonly devices = new Map<string, Count>();
  private readonly sbi = new Map<string, Count>();
  private readonly open = new Map<number, { time: number; row: Count }>();
  constructor(trace: TraceSource) { this.trace = trace; }

  add(record: RecordView): void {
    if (record.kind === Kind.event) {
      const row = record.a === Cause.guestPageFault ? this.access(record) : record.a === Cause.sbi ? this.call(record) : undefined;
      if (row) this.open.set(record.sequence, { time: record.time, row });
    } else if (record.kind === Kind.resume) {
      const request = this.open.get(record.cause);
      if (request) { this.open.delete(record.cause); request.row.samples.add(record.time - request.time); }
    }
  }
  private access(record: RecordView): Count | undefined {
    const at = registerOf(record);
    if (!at) return undefined;
    const row = this.row(this.devices, this.trace.taskOf(record.actor), at.device, at.register);
    if (accessOf(record.b) === 'store') row.stores++; else row.loads++;
    return row;
  }
  /** By function where captured, otherwise by extension. */
  private call(record: RecordView): Count {
    const words = this.trace.payload(record.sequence).find((p) => p.part === Part.words),
      fid = words && Number(wordsOfPart(words)[6] ?? 0n),
      extension = sbiExtensions[record.c];
    const row = this.row(this.sbi, this.trace.taskOf(record.actor), sbiName(record.c),
      extension && extension.name !== 'legacy' && fid !== undefined ? `.${extension.functions[fid]?.[0] ?? fid}` : '');
    row.loads++;
    return row;
  }
  private row(rows: Map<string, Count>, task: string, name: string, part: string): Count {
    const key = `${task}\0${name}\0${part}`;
    let row = rows.get(key);
    if (!row) rows.set(key, (row = { task, name, part, loads: 0, stores: 0, samples: new Samples() }));
    return row;
  }

  get deviceRows(): DeviceRow[] {
    return [...this.devices.values()].map((r) => ({
      task: r.task, device: r.name, register: r.part, loads: r.loads, stores: r.stores, latency: r.samples.latency()
    }));
  }
  get sbiRows(): SbiRow[] {
    return [...this.sbi.values()].map((r) => ({ task: r.task, call: r.name + r.part, calls: r.loads, latency: r.samples.latency() }));
  }
}
