/**
 * virtio-mmio, version 2: the register window in front of a virtio model.
 *
 *   offset  access  name
 *   0x000   r       MagicValue "virt"      0x044    rw  QueueReady
 *   0x004   r       Version 2              0x050     w  QueueNotify
 *   0x008   r       DeviceID (0 = none)    0x060    r   InterruptStatus
 *   0x00c   r       VendorID               0x064     w  InterruptACK
 *   0x010   r       DeviceFeatures         0x070    rw  Status
 *   0x014    w      DeviceFeaturesSel      0x080/84  w  QueueDesc
 *   0x020    w      DriverFeatures         0x090/94  w  QueueDriver
 *   0x024    w      DriverFeaturesSel      0x0a0/a4  w  QueueDevice
 *   0x030    w      QueueSel               0x0fc    r   ConfigGeneration
 *   0x034   r       QueueNumMax            0x100 …      configuration space
 *   0x038    w      QueueNum               0x0ac    rw  SHMSel, 0x0b0 … SHMLen, SHMBase (no regions: all ones)
 *   0x0c0   rw      QueueReset
 *
 * State: status, feature selection, the queues, interrupt status.
 * Features: split and packed rings, indirect descriptors, event index, queue reset, use in order. Missing: shared memory regions,
 * notifications with data; the legacy interface (version 1). Documentation: virtio 1.2, 4.2 (MMIO), 2.1 (status), 2.2 (features), 2.6.1
 * (queue reset). Requirements met, clause by clause: README.md.
 */
import type { Chip, Plain } from '../chip.ts';
import type { GuestMemory, Line } from '../ports.ts';
import { Feature, Interrupt, MAGIC, MMIO_VERSION, Reg, Status } from './layout.ts';
import type { VirtioModel, VirtioPort } from './model.ts';
import { QueueBroken } from './pieces.ts';
import { Virtqueue, type QueueState } from './queue.ts';

/** "QEMU": xv6 accepts no other vendor. */
const VENDOR = 0x554d_4551;
const transportFeatures = Object.values(Feature);
const ALL_ONES = 0xffff_ffff;

/** A slot without a device reads as DeviceID 0. @spec virtio 4.2.3.1 */
export class EmptyVirtioSlot implements Chip<null> {
  readonly name = 'virtio';
  readonly size = 0x1000;

  read(offset: number): number {
    return offset === Reg.MAGIC ? MAGIC : offset === Reg.VERSION ? MMIO_VERSION : 0;
  }

  write(): void {}
  reset(): void {}
  save(): null { return null; }
  load(): void {}
}

/** State of the registers, of the queues, and of the model. */
export type MmioState = {
  readonly accepted: readonly [number, number];
  readonly deviceFeaturesSel: number;
  readonly driverFeaturesSel: number;
  readonly queueSel: number;
  readonly status: number;
  readonly interrupts: number;
  readonly generation: number;
  readonly queues: readonly QueueState[];
  readonly model: Plain;
};

export class VirtioMmio implements Chip<MmioState>, VirtioPort {
  readonly name: string;
  readonly size = 0x1000;
  readonly memory: GuestMemory;
  readonly #model: VirtioModel;
  readonly #irq: Line;
  readonly #queues: Virtqueue[];
  /** Offered features as two words. */
  readonly #offered: readonly [number, number];
  readonly #accepted: [number, number] = [0, 0];
  #deviceFeaturesSel = 0;
  #driverFeaturesSel = 0;
  #queueSel = 0;
  #status = 0;
  #interrupts = 0;
  #generation = 0;

  constructor(model: VirtioModel, memory: GuestMemory, irq: Line) {
    this.name = `virtio-${model.name}`;
    this.memory = memory;
    this.#irq = irq;
    this.#model = model;
    this.#queues = model.queueSizes.map((size) => new Virtqueue(memory, size));
    this.#offered = featureWords([...model.features, ...transportFeatures]);
    model.attach(this);
  }

  // ── for the model ──

  queue(index: number): Virtqueue {
    return this.#queues[index];
  }

  negotiated(feature: number): boolean {
    return ((this.#accepted[feature >> 5] >>> (feature & 31)) & 1) !== 0;
  }

  usedBuffers(index: number): void {
    if (this.#queues[index].wantsInterrupt()) this.#raise(Interrupt.USED);
  }

  configChanged(): void {
    this.#generation = (this.#generation + 1) >>> 0;
    if ((this.#status & Status.DRIVER_OK) !== 0) this.#raise(Interrupt.CONFIG);
  }

  /** Nothing is touched before DRIVER_OK, and a broken ring stops the device until the driver resets it. @spec virtio 2.1.2, 3.1.1 */
  guarded(work: () => void): void {
    if ((this.#status & (Status.NEEDS_RESET | Status.DRIVER_OK)) === Status.DRIVER_OK) this.#checked(work);
  }

  #checked(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!(error instanceof QueueBroken)) throw error;
      this.#status |= Status.NEEDS_RESET;
      if ((this.#status & Status.DRIVER_OK) !== 0) this.#raise(Interrupt.CONFIG);
    }
  }

  // ── registers ──

  reset(): void {
    for (const queue of this.#queues) queue.reset();
    this.#accepted.fill(0);
    this.#deviceFeaturesSel = this.#driverFeaturesSel = this.#queueSel = this.#status = this.#interrupts = 0;
    this.#model.reset?.();
    this.#irq.set(false);
  }

  read(offset: number, size: number): number {
    if (offset >= Reg.CONFIG) return readLittle(this.#model.config(), offset - Reg.CONFIG, size);
    if (size !== 4) return 0;
    const queue = this.#queues[this.#queueSel];
    switch (offset) {
      case Reg.MAGIC: return MAGIC;
      case Reg.VERSION: return MMIO_VERSION;
      case Reg.DEVICE_ID: return this.#model.id;
      case Reg.VENDOR_ID: return VENDOR;
      case Reg.DEVICE_FEATURES: return this.#offered[this.#deviceFeaturesSel] ?? 0;
      case Reg.QUEUE_NUM_MAX: return queue?.maxSize ?? 0;
      case Reg.QUEUE_READY: return queue?.ready ? 1 : 0;
      case Reg.QUEUE_RESET: return queue?.wasReset ? 1 : 0;
      case Reg.INTERRUPT_STATUS: return this.#interrupts;
      case Reg.STATUS: return this.#status;
      case Reg.CONFIG_GENERATION: return this.#generation;
      case Reg.SHM_LENGTH: case Reg.SHM_LENGTH + 4: case Reg.SHM_BASE: case Reg.SHM_BASE + 4: return ALL_ONES;
      default: return 0;
    }
  }

  write(offset: number, value: number, size: number): void {
    if (offset >= Reg.CONFIG) return this.#model.writeConfig?.(offset - Reg.CONFIG, value, size);
    if (size !== 4) return; // registers are read and written as words. @spec virtio 4.2.2.2
    switch (offset) {
      case Reg.DEVICE_FEATURES_SEL: this.#deviceFeaturesSel = value; return;
      case Reg.DRIVER_FEATURES_SEL: this.#driverFeaturesSel = value; return;
      case Reg.DRIVER_FEATURES: return this.#acceptFeatures(value);
      case Reg.QUEUE_SEL: this.#queueSel = value; return;
      case Reg.QUEUE_NOTIFY: return this.#notify(value);
      case Reg.INTERRUPT_ACK: return this.#acknowledge(value);
      case Reg.STATUS: return this.#setStatus(value);
      default: return this.#checked(() => this.#writeQueue(offset, value));
    }
  }

  #writeQueue(offset: number, value: number): void {
    const queue = this.#queues[this.#queueSel];
    if (queue === undefined) return;
    if (offset === Reg.QUEUE_READY) return value === 1 ? queue.enable() : this.#stopQueue(queue, false);
    if (offset === Reg.QUEUE_RESET) return value === 1 && this.negotiated(Feature.RING_RESET) ? this.#stopQueue(queue, true) : undefined;
    if (queue.ready) return; // fixed while the device may use it
    switch (offset) {
      case Reg.QUEUE_NUM: if (isQueueSize(value, queue)) queue.size = value; return;
      case Reg.QUEUE_DESC: queue.descriptors = withLow(queue.descriptors, value); return;
      case Reg.QUEUE_DESC + 4: queue.descriptors = withHigh(queue.descriptors, value); return;
      case Reg.QUEUE_DRIVER: queue.driver = withLow(queue.driver, value); return;
      case Reg.QUEUE_DRIVER + 4: queue.driver = withHigh(queue.driver, value); return;
      case Reg.QUEUE_DEVICE: queue.device = withLow(queue.device, value); return;
      case Reg.QUEUE_DEVICE + 4: queue.device = withHigh(queue.device, value); return;
      default: // read-only and unknown registers
    }
  }

  /** @spec virtio 2.6.1.1.1, 4.2.2.1 */
  #stopQueue(queue: Virtqueue, reset: boolean): void {
    queue.disable();
    if (reset) queue.reset();
    queue.wasReset ||= reset;
    this.#model.stopped?.(this.#queueSel);
  }

  /** Features are fixed once the driver has set FEATURES_OK. @spec virtio 2.2 */
  #acceptFeatures(value: number): void {
    if ((this.#status & Status.FEATURES_OK) === 0 && this.#driverFeaturesSel < 2) this.#accepted[this.#driverFeaturesSel] = value >>> 0;
  }

  /**
   * FEATURES_OK stays off when the driver asks for a feature that was not offered. A device may refuse a driver that does not accept
   * VERSION_1; this one does not, because xv6 is such a driver. @spec virtio 3.1.1, 6.2
   */
  #setStatus(value: number): void {
    if (value === 0) return this.reset();
    let status = value & 0xff;
    if ((status & ~this.#status & Status.FEATURES_OK) !== 0) {
      if (!this.#isValidSubset()) status &= ~Status.FEATURES_OK;
    }
    this.#status = status | (this.#status & Status.NEEDS_RESET);
    this.#shareFeatures();
  }

  #shareFeatures(): void {
    for (const queue of this.#queues) {
      queue.eventIndex = this.negotiated(Feature.EVENT_IDX);
      queue.indirect = this.negotiated(Feature.INDIRECT);
      queue.packed = this.negotiated(Feature.RING_PACKED);
    }
  }

  /** Accepts offered features only, each with those that it depends on. @spec virtio 2.2.2 */
  #isValidSubset(): boolean {
    const notOffered = (this.#accepted[0] & ~this.#offered[0]) | (this.#accepted[1] & ~this.#offered[1]);
    const builtOn = this.#model.featureNeeds ?? {};
    return notOffered === 0
      && this.#model.features.every((f) => !this.negotiated(f) || builtOn[f] === undefined || this.negotiated(builtOn[f]));
  }

  // ── state ──

  save(): MmioState {
    return {
      accepted: [...this.#accepted], deviceFeaturesSel: this.#deviceFeaturesSel, driverFeaturesSel: this.#driverFeaturesSel,
      queueSel: this.#queueSel, status: this.#status, interrupts: this.#interrupts, generation: this.#generation,
      queues: this.#queues.map((q) => q.save()), model: this.#model.save?.() ?? null,
    };
  }

  /** Requests in flight start again. @throws QueueBroken when the state names memory that is not there */
  load(state: MmioState): void {
    this.reset();
    [this.#accepted[0], this.#accepted[1]] = state.accepted;
    ({ deviceFeaturesSel: this.#deviceFeaturesSel, driverFeaturesSel: this.#driverFeaturesSel, queueSel: this.#queueSel } = state);
    ({ status: this.#status, interrupts: this.#interrupts, generation: this.#generation } = state);
    this.#shareFeatures();
    this.#queues.forEach((queue, i) => queue.load(state.queues[i]));
    this.#irq.set(this.#interrupts !== 0);
    this.#model.load?.(state.model as never);
  }

  #notify(index: number): void {
    if (index < this.#queues.length) this.guarded(() => this.#model.notify(index));
  }

  #raise(cause: number): void {
    this.#interrupts |= cause;
    this.#irq.set(true);
  }

  #acknowledge(causes: number): void {
    this.#interrupts &= ~causes;
    this.#irq.set(this.#interrupts !== 0);
  }
}

function featureWords(features: readonly number[]): [number, number] {
  const words: [number, number] = [0, 0];
  for (const feature of features) words[feature >> 5] = (words[feature >> 5] | (1 << (feature & 31))) >>> 0;
  return words;
}

/** Split rings have powers of two. @spec virtio 2.7, 2.8.10.1 */
function isQueueSize(value: number, queue: Virtqueue): boolean {
  return value > 0 && value <= queue.maxSize && (queue.packed || (value & (value - 1)) === 0);
}

function withLow(address: number, low: number): number {
  return Math.floor(address / 2 ** 32) * 2 ** 32 + (low >>> 0);
}

function withHigh(address: number, high: number): number {
  return (high >>> 0) * 2 ** 32 + (address % 2 ** 32);
}

function readLittle(bytes: Uint8Array, offset: number, size: number): number {
  let value = 0;
  for (let i = size - 1; i >= 0; i--) value = value * 256 + (bytes[offset + i] ?? 0);
  return value;
}
