/**
 * The driver's side of virtio-mmio (version 2): find, negotiate, set up split queues in one DMA page each.
 *
 *   page of a queue: 0x000 descriptors (64 × 16)   0x400 available (6 + 2 × 64)   0x800 used (6 + 8 × 64)
 *
 * @spec virtio 3.1 (initialisation), 2.7 (split virtqueues), 4.2.2 (registers)
 */
import {
  Avail, Desc, DescFlag, Feature, MAGIC, MMIO_VERSION, Reg, Status as DeviceStatus, Used
} from '../../hardware/chips/virtio/layout.ts';
import { Status, type Memory, type Sys } from '../../microkernel/abi/index.ts';
import type { Syscalls } from '../../binding/index.ts';
import { allocateDma, bad, good, openDevice, valueOf, type DeviceWindow, type Env, type Result } from '../client/index.ts';

const VERSION_1 = Feature.VERSION_1, ENTRIES = 64, PER_SLOT = 4, AVAILABLE = 0x400, USED = 0x800;

export interface Piece { readonly pa: number; readonly length: number; readonly write: boolean }

/**
 * One queue: accepts chains of pieces, returns heads of used chains. Descriptor `slot × 4 …` belongs to request slot `slot` (16 of them).
 */
export class DriverQueue {
  static readonly SLOTS = ENTRIES / PER_SLOT;
  private readonly memory: Memory;
  private readonly va: number;
  readonly pa: number;
  private available = 0;
  private usedSeen = 0;
  constructor(memory: Memory, va: number, pa: number) { this.memory = memory; this.va = va; this.pa = pa; }

  /** Makes up to four pieces available as request `slot`. */
  post(slot: number, pieces: readonly Piece[]): void {
    const memory = this.memory;
    pieces.forEach((piece, i) => {
      const at = this.va + (slot * PER_SLOT + i) * Desc.BYTES, last = i === pieces.length - 1;
      memory.setU64(at + Desc.ADDRESS, BigInt(piece.pa));
      memory.setU32(at + Desc.LENGTH, piece.length);
      memory.setU16(at + Desc.FLAGS, (piece.write ? DescFlag.WRITE : 0) | (last ? 0 : DescFlag.NEXT));
      memory.setU16(at + Desc.NEXT, last ? 0 : slot * PER_SLOT + i + 1);
    });
    memory.setU16(this.va + AVAILABLE + Avail.RING + (this.available % ENTRIES) * 2, slot * PER_SLOT);
    this.available = (this.available + 1) & 0xffff;
    memory.setU16(this.va + AVAILABLE + Avail.INDEX, this.available);
  }
  /** The device need not interrupt for this queue: the driver polls. */
  quiet(): void { this.memory.setU16(this.va + AVAILABLE + Avail.FLAGS, Avail.NO_INTERRUPT); }
  /** The device interrupts again. */
  loud(): void { this.memory.setU16(this.va + AVAILABLE + Avail.FLAGS, 0); }
  /** Would `done` return one? */
  get ready(): boolean { return this.memory.u16(this.va + USED + Used.INDEX) !== this.usedSeen; }
  /** The next request that the device has finished: its slot and the bytes written, or undefined. */
  done(): { slot: number; length: number } | undefined {
    if (this.memory.u16(this.va + USED + Used.INDEX) === this.usedSeen) return undefined;
    const at = this.va + USED + Used.RING + (this.usedSeen % ENTRIES) * Used.ENTRY;
    this.usedSeen = (this.usedSeen + 1) & 0xffff;
    return { slot: Math.floor(this.memory.u32(at) / PER_SLOT), length: this.memory.u32(at + Used.ENTRY_LENGTH) };
  }
  static readonly layout = { available: AVAILABLE, used: USED, entries: ENTRIES };
}

export class VirtioDriver {
  readonly window: DeviceWindow;
  readonly queues: DriverQueue[] = [];
  private readonly memory: Memory;
  constructor(window: DeviceWindow, memory: Memory) { this.window = window; this.memory = memory; }

  get interrupt(): number { return this.window.interrupt; }
  private get(reg: number): number { return this.memory.u32(this.window.va + reg); }
  private set(reg: number, value: number): void { this.memory.setU32(this.window.va + reg, value); }
  config8(at: number): number { return this.memory.u8(this.window.va + Reg.CONFIG + at); }
  config16(at: number): number { return this.config8(at) | (this.config8(at + 1) << 8); }
  config32(at: number): number { return this.memory.u32(this.window.va + Reg.CONFIG + at); }

  /** Negotiates features (device-specific bits below 32), sets up the queues, and starts the device. */
  *start(sys: Syscalls, env: Env, wanted: readonly number[], queues: number): Sys<Set<number>> {
    this.set(Reg.STATUS, 0);
    this.set(Reg.STATUS, DeviceStatus.ACKNOWLEDGE | DeviceStatus.DRIVER);
    const accepted = this.negotiate(wanted);
    for (let i = 0; i < queues; i++) {
      const { va, pa } = valueOf(yield* allocateDma(sys, env, 4096));
      this.addQueue(i, va, pa);
    }
    this.set(Reg.STATUS, DeviceStatus.ACKNOWLEDGE | DeviceStatus.DRIVER | DeviceStatus.FEATURES_OK | DeviceStatus.DRIVER_OK);
    return accepted;
  }
  private negotiate(wanted: readonly number[]): Set<number> {
    this.set(Reg.DEVICE_FEATURES_SEL, 0);
    const offered = this.get(Reg.DEVICE_FEATURES), accepted = new Set(wanted.filter(f => (offered >>> f) & 1));
    this.set(Reg.DRIVER_FEATURES_SEL, 0);
    this.set(Reg.DRIVER_FEATURES, [...accepted].reduce((bits, f) => (bits | (1 << f)) >>> 0, 0));
    this.set(Reg.DRIVER_FEATURES_SEL, 1);
    this.set(Reg.DRIVER_FEATURES, 1 << (VERSION_1 - 32));
    this.set(Reg.STATUS, DeviceStatus.ACKNOWLEDGE | DeviceStatus.DRIVER | DeviceStatus.FEATURES_OK);
    if ((this.get(Reg.STATUS) & DeviceStatus.FEATURES_OK) === 0) throw new Error('the virtio device does not accept our features');
    return accepted;
  }
  private addQueue(index: number, va: number, pa: number): void {
    const { available, used, entries } = DriverQueue.layout;
    this.set(Reg.QUEUE_SEL, index);
    this.set(Reg.QUEUE_NUM, entries);
    for (const [reg, at] of [[Reg.QUEUE_DESC, pa], [Reg.QUEUE_DRIVER, pa + available], [Reg.QUEUE_DEVICE, pa + used]] as const) {
      this.set(reg, at % 2 ** 32);
      this.set(reg + 4, Math.floor(at / 2 ** 32));
    }
    this.set(Reg.QUEUE_READY, 1);
    this.queues.push(new DriverQueue(this.memory, va, pa));
  }
  notify(queue: number): void { this.set(Reg.QUEUE_NOTIFY, queue); }
  /** Reads and acknowledges the reason of the interrupt: 1 = used buffers, 2 = configuration. */
  acknowledge(): number {
    const why = this.get(Reg.INTERRUPT_STATUS);
    if (why) this.set(Reg.INTERRUPT_ACK, why);
    return why;
  }
  get id(): number { return this.get(Reg.MAGIC) === MAGIC && this.get(Reg.VERSION) === MMIO_VERSION ? this.get(Reg.DEVICE_ID) : 0; }
}

/** The virtio device `name` that the scenario gives this component; it must be of this kind. */
export function* openVirtio(sys: Syscalls, env: Env, name: string, kind: number): Sys<Result<VirtioDriver>> {
  const window = yield* openDevice(sys, env, name);
  if (!window.ok) return window;
  const driver = new VirtioDriver(window.value, sys.memory);
  return driver.id === kind ? good(driver) : bad(Status.badKind, `${env.name}: '${name}' is not virtio device type ${kind}`);
}
