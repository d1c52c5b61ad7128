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

  add(r: RecordView): void {
    if (r.kind === Kind.event) {
      const row = r.a === Cause.guestPageFault ? this.access(r) : r.a === Cause.sbi ? this.call(r) : undefined;
      if (row) this.open.set(r.sequence, { time: r.time, row });
    } else if (r.kind === Kind.resume) {
      const request = this.open.get(r.cause);
      if (request) { this.open.delete(r.cause); request.row.samples.add(r.time - request.time); }
    }
  }
  private access(r: RecordView): Count | undefined {
    const at = registerOf(r);
    if (!at) return undefined;
    const row = this.row(this.devices, this.trace.taskOf(r.actor), at.device, at.register);
    if (accessOf(r.b) === 'store') row.stores++; else row.loads++;
    return row;
  }
  /** By function where captured, otherwise by extension. */
  private call(r: RecordView): Count {
    const words = this.trace.payload(r.sequence).find((p) => p.part === Part.words), fid = words && Number(wordsOfPart(words)[6] ?? 0n),
      e = sbiExtensions[r.c];
    const row = this.row(this.sbi, this.trace.taskOf(r.actor), sbiName(r.c),
      e && e.name !== 'legacy' && fid !== undefined ? `.${e.functions[fid]?.[0] ?? fid}` : '');
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
