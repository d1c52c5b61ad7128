/**
 * virtio disk: one queue of requests in front of a disk.
 *
 *   request   type u32, reserved u32, sector u64 │ data … │ status u8
 *
 * State: whether somebody serves the queue. The vCPU that notifies waits until its requests are served; a second one that notifies
 * meanwhile leaves its requests to the first.
 * Features: read, write, flush, identify, read-only disks. Missing: discard, write zeroes, several queues, topology.
 * Documentation: virtio 1.2, 5.2.
 */
import type { Sys, Syscalls } from '../../../microkernel/abi/index.ts';
import type { Waits } from '../device.ts';
import { DeviceId, type Model, type Port } from './model.ts';
import { gather, scatter, slice, totalOf, type Request, type Span } from './spans.ts';

export const SECTOR = 512;

/** A disk. `va` are addresses of this task; false = the transfer failed. */
export interface Disk {
  readonly sectors: number;
  readonly readOnly: boolean;
  read(sys: Syscalls, sector: number, count: number, va: number): Sys<boolean>;
  write(sys: Syscalls, sector: number, count: number, va: number): Sys<boolean>;
  flush(sys: Syscalls): Sys<boolean>;
}

const Type = { read: 0, write: 1, flush: 4, identify: 8 } as const;
const Answer = { ok: 0, error: 1, unsupported: 2 } as const;
const Feature = { segments: 2, readOnly: 5, blockSize: 6, flush: 9 } as const;
const QUEUE_SIZE = 128, HEADER = 16, ID_LENGTH = 20, CONFIG_LENGTH = 24;

interface Served { readonly answer: number; readonly written: number }
const failed: Served = { answer: Answer.error, written: 0 };

export class VirtioBlock implements Model {
  readonly name = 'block';
  readonly id = DeviceId.block;
  readonly queueSizes = [QUEUE_SIZE];
  readonly features: readonly number[];
  readonly #disk: Disk;
  readonly #serial: string;
  #port!: Port;
  #serving = false;

  constructor(disk: Disk, serial: string) {
    this.#disk = disk;
    this.#serial = serial;
    this.features = [Feature.segments, Feature.blockSize, Feature.flush, ...(disk.readOnly ? [Feature.readOnly] : [])];
  }

  attach(port: Port): void { this.#port = port; }

  /** capacity u64, size_max u32, seg_max u32, geometry, blk_size u32 */
  config(): Uint8Array {
    const data = new DataView(new ArrayBuffer(CONFIG_LENGTH));
    data.setUint32(0, this.#disk.sectors, true);
    data.setUint32(4, Math.floor(this.#disk.sectors / 2 ** 32), true);
    data.setUint32(12, QUEUE_SIZE - 2, true);
    data.setUint32(20, SECTOR, true);
    return new Uint8Array(data.buffer);
  }

  notify(): void | Waits {
    if (!this.#serving) return (sys) => this.#serveAll(sys);
  }

  *#serveAll(sys: Syscalls): Sys<void> {
    const queue = this.#port.queues[0];
    this.#serving = true;
    try {
      for (let request = queue.next(); request; request = queue.next()) {
        const { generation } = queue, written = yield* this.#serve(sys, request);
        // Unless the driver has reset the device meanwhile.
        if (queue.ready && queue.generation === generation) queue.done(request, written);
      }
    } finally { this.#serving = false; }
    this.#port.announce(0);
  }

  /** Answers the number of bytes put into the driver's memory. */
  *#serve(sys: Syscalls, request: Request): Sys<number> {
    const { ram } = this.#port, outLength = totalOf(request.out), inLength = totalOf(request.in);
    if (outLength < HEADER || inLength < 1) return 0;
    const header = new DataView(gather(ram, slice(request.out, 0, HEADER)).buffer);
    const sector = header.getUint32(12, true) * 2 ** 32 + header.getUint32(8, true);
    const data = { out: slice(request.out, HEADER, outLength - HEADER), in: slice(request.in, 0, inLength - 1) };
    const { answer, written } = yield* this.#execute(sys, header.getUint32(0, true), sector, data.out, data.in);
    scatter(ram, slice(request.in, inLength - 1, 1), Uint8Array.of(answer));
    return written + 1;
  }

  *#execute(sys: Syscalls, type: number, sector: number, out: readonly Span[], into: readonly Span[]): Sys<Served> {
    switch (type) {
      case Type.read: return (yield* this.#transfer(sys, sector, into, false)) ? { answer: Answer.ok, written: totalOf(into) } : failed;
      case Type.write: return (yield* this.#transfer(sys, sector, out, true)) && (yield* this.#settle(sys)) ? { answer: Answer.ok, written: 0 } : failed;
      case Type.flush: return (yield* this.#disk.flush(sys)) ? { answer: Answer.ok, written: 0 } : failed;
      case Type.identify: return { answer: Answer.ok, written: scatter(this.#port.ram, slice(into, 0, ID_LENGTH), this.#identity()) };
      default: return { answer: Answer.unsupported, written: 0 };
    }
  }

  /** A driver that cannot flush must not lose what is written. @spec virtio 5.2.6.2 */
  *#settle(sys: Syscalls): Sys<boolean> { return this.#port.negotiated(Feature.flush) || (yield* this.#disk.flush(sys)); }

  /** Straight between the disk and guest memory. Everything is asked before the first sector moves. */
  *#transfer(sys: Syscalls, sector: number, spans: readonly Span[], write: boolean): Sys<boolean> {
    const disk = this.#disk, total = totalOf(spans);
    if (total % SECTOR !== 0 || sector + total / SECTOR > disk.sectors || (write && disk.readOnly)) return false;
    if (spans.some((s) => s.length % SECTOR !== 0)) return false;
    let at = sector;
    for (const s of spans) {
      const va = this.#port.ram.va(s.gpa, s.length), count = s.length / SECTOR;
      if (!(yield* write ? disk.write(sys, at, count, va) : disk.read(sys, at, count, va))) return false;
      at += count;
    }
    return true;
  }

  #identity(): Uint8Array {
    const bytes = new Uint8Array(ID_LENGTH);
    bytes.set(new TextEncoder().encode(this.#serial).subarray(0, ID_LENGTH));
    return bytes;
  }
}
