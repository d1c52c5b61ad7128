/**
 * virtio over memory-mapped registers, version 2.
 *
 *   offset  access  name                 offset      access  name
 *   0x000   r       magic "virt"         0x044        rw     queue ready
 *   0x004   r       version 2            0x050         w     notify queue
 *   0x008   r       device id            0x060        r      interrupt status
 *   0x00c   r       vendor               0x064         w     interrupt acknowledge
 *   0x010   r       device features      0x070        rw     status
 *   0x014    w      … word               0x080, 0x084  w     queue: descriptors
 *   0x020    w      driver features      0x090, 0x094  w     queue: driver area
 *   0x024    w      … word               0x0a0, 0x0a4  w     queue: device area
 *   0x030    w      select queue         0x0fc        r      configuration generation
 *   0x034   r       queue maximum        0x100 …      rw     configuration space
 *   0x038    w      queue size
 *
 * State: status, features, queues, interrupt status. Features: split and packed queues, indirect descriptors, event index.
 * Missing: queue reset, shared memory, the legacy version 1.
 * Documentation: virtio 1.2, 4.2 and 2.1.
 */
import type { Sys, Syscalls } from '../../../microkernel/abi/index.ts';
import type { GuestRam } from '../../ram.ts';
import type { Device, Line, Waits } from '../device.ts';
import type { Model, Port } from './model.ts';
import { Queue } from './queue.ts';
import { BadQueue } from './spans.ts';

export const Reg = {
  magic: 0x000, version: 0x004, id: 0x008, vendor: 0x00c, deviceFeatures: 0x010, deviceFeaturesWord: 0x014, driverFeatures: 0x020,
  driverFeaturesWord: 0x024, queueSelect: 0x030, queueMaximum: 0x034, queueSize: 0x038, queueReady: 0x044, notify: 0x050,
  interruptStatus: 0x060, interruptAck: 0x064, status: 0x070, descriptors: 0x080, driver: 0x090, device: 0x0a0,
  generation: 0x0fc, config: 0x100,
} as const;
const MAGIC = 0x7472_6976, VERSION = 2, VENDOR = 0x4d_4d56;
const Status = { driverOk: 4, featuresOk: 8, needsReset: 64 } as const;
const Interrupt = { used: 1, config: 2 } as const;
const Feature = { indirect: 28, eventIndex: 29, version1: 32, packed: 34 } as const;

export class VirtioTransport implements Device, Port {
  readonly name: string;
  readonly size = 0x1000;
  readonly ram: GuestRam;
  readonly queues: readonly Queue[];
  readonly #model: Model;
  readonly #line: Line;
  readonly #offered: readonly number[];
  readonly #accepted = [0, 0];
  #deviceWord = 0;
  #driverWord = 0;
  #selected = 0;
  #status = 0;
  #interrupts = 0;
  #generation = 0;

  constructor(model: Model, ram: GuestRam, line: Line) {
    this.name = `virtio-${model.name}`;
    this.ram = ram;
    this.#model = model;
    this.#line = line;
    this.queues = model.queueSizes.map((n) => new Queue(ram, n));
    this.#offered = words([...model.features, ...Object.values(Feature)]);
    model.attach(this);
  }

  announce(index: number): void { if (this.queues[index].shouldInterrupt()) this.#raise(Interrupt.used); }
  configChanged(): void {
    this.#generation = (this.#generation + 1) >>> 0;
    if (this.#status & Status.driverOk) this.#raise(Interrupt.config);
  }
  guarded(work: () => void): void {
    if ((this.#status & (Status.driverOk | Status.needsReset)) !== Status.driverOk) return;
    try { work(); } catch (e) { this.#broken(e); }
  }

  read(offset: number, size: number): number {
    if (offset >= Reg.config) return littleEndian(this.#model.config(), offset - Reg.config, size);
    if (size !== 4) return 0;
    switch (offset) {
      case Reg.magic: return MAGIC;
      case Reg.version: return VERSION;
      case Reg.id: return this.#model.id;
      case Reg.vendor: return VENDOR;
      case Reg.deviceFeatures: return this.#offered[this.#deviceWord] ?? 0;
      case Reg.queueMaximum: return this.queues[this.#selected]?.maximum ?? 0;
      case Reg.queueReady: return Number(this.queues[this.#selected]?.ready ?? false);
      case Reg.interruptStatus: return this.#interrupts;
      case Reg.status: return this.#status;
      case Reg.generation: return this.#generation;
      default: return 0;
    }
  }

  write(offset: number, value: number, size: number): void | Waits {
    if (size !== 4 || offset >= Reg.config) return;
    switch (offset) {
      case Reg.notify: return this.#notify(value);
      case Reg.interruptAck: this.#interrupts &= ~value; return this.#line.set(this.#interrupts !== 0);
      case Reg.status: return this.#setStatus(value);
      case Reg.deviceFeaturesWord: this.#deviceWord = value; return;
      case Reg.driverFeaturesWord: this.#driverWord = value; return;
      case Reg.driverFeatures: return this.#accept(value);
      case Reg.queueSelect: this.#selected = value; return;
      default: return this.#writeQueue(offset, value);
    }
  }

  #writeQueue(offset: number, value: number): void {
    const queue = this.queues[this.#selected];
    if (!queue) return;
    if (offset === Reg.queueReady) return this.#setReady(queue, value === 1);
    if (queue.ready) return; // fixed while the device may use it
    switch (offset) {
      case Reg.queueSize: if (value > 0 && value <= queue.maximum && (queue.packed || (value & (value - 1)) === 0)) queue.size = value; return;
      case Reg.descriptors: queue.descriptors = low(queue.descriptors, value); return;
      case Reg.descriptors + 4: queue.descriptors = high(queue.descriptors, value); return;
      case Reg.driver: queue.driver = low(queue.driver, value); return;
      case Reg.driver + 4: queue.driver = high(queue.driver, value); return;
      case Reg.device: queue.device = low(queue.device, value); return;
      case Reg.device + 4: queue.device = high(queue.device, value); return;
      default: // read-only or unknown
    }
  }

  #setReady(queue: Queue, ready: boolean): void {
    if (!ready) return queue.disable();
    try { queue.enable(); } catch (e) { this.#broken(e); }
  }

  /** Features are fixed once the driver has said so. @spec virtio 2.2 */
  #accept(value: number): void {
    if ((this.#status & Status.featuresOk) === 0 && this.#driverWord < 2) this.#accepted[this.#driverWord] = value;
  }

  negotiated(feature: number): boolean { return ((this.#accepted[feature >> 5] >>> (feature & 31)) & 1) === 1; }

  /** FEATURES_OK does not stick when more was accepted than offered, or the driver is a legacy one. @spec virtio 3.1.1 */
  #setStatus(value: number): void {
    if (value === 0) return this.#reset();
    let status = (value & 0xff) | (this.#status & Status.needsReset);
    const excess = this.#accepted.some((word, i) => (word & ~this.#offered[i]) !== 0);
    if (status & ~this.#status & Status.featuresOk && (excess || !this.negotiated(Feature.version1))) status &= ~Status.featuresOk;
    this.#status = status;
    for (const queue of this.queues) { queue.eventIndex = this.negotiated(Feature.eventIndex); queue.indirect = this.negotiated(Feature.indirect); queue.packed = this.negotiated(Feature.packed); }
  }

  #reset(): void {
    for (const queue of this.queues) queue.reset();
    this.#accepted.fill(0);
    this.#deviceWord = this.#driverWord = this.#selected = this.#status = this.#interrupts = 0;
    this.#model.reset?.();
    this.#line.set(false);
  }

  #notify(index: number): void | Waits {
    if (index >= this.queues.length || (this.#status & (Status.driverOk | Status.needsReset)) !== Status.driverOk) return;
    try {
      const waits = this.#model.notify(index);
      if (waits) return (sys) => this.#finish(sys, waits);
    } catch (e) { this.#broken(e); }
  }
  *#finish(sys: Syscalls, waits: Waits): Sys<void> {
    try { yield* waits(sys); } catch (e) { this.#broken(e); }
  }

  /** The device stops until the driver resets it. @spec virtio 2.1.2 */
  #broken(e: unknown): void {
    if (!(e instanceof BadQueue)) throw e;
    this.#status |= Status.needsReset;
    this.#raise(Interrupt.config);
  }

  #raise(cause: number): void {
    this.#interrupts |= cause;
    this.#line.set(true);
  }
}

function words(features: readonly number[]): number[] {
  const result = [0, 0];
  for (const f of features) result[f >> 5] = (result[f >> 5] | (1 << (f & 31))) >>> 0;
  return result;
}
const low = (address: number, value: number): number => Math.floor(address / 2 ** 32) * 2 ** 32 + value;
const high = (address: number, value: number): number => value * 2 ** 32 + (address % 2 ** 32);
function littleEndian(bytes: Uint8Array, offset: number, size: number): number {
  let value = 0;
  for (let i = size - 1; i >= 0; i--) value = value * 256 + (bytes[offset + i] ?? 0);
  return value;
}
