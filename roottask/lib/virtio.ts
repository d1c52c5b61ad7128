/**
 * The driver's side of virtio-mmio (version 2): find, negotiate, set up split queues in one DMA page each.
 *
 *   page of a queue: 0x000 descriptors (64 × 16)   0x400 available (6 + 2 × 64)   0x800 used (6 + 8 × 64)
 *
 * @spec virtio 3.1 (initialisation), 2.7 (split virtqueues), 4.2.2 (registers)
 */
import { Status, type Memory, type Sys, type Syscalls } from '../../microkernel/abi/index.ts';
import { allocateDma, bad, good, openDevice, valueOf, type DeviceWindow, type Env, type Result } from '../client/index.ts';

const REG = {
  MAGIC: 0x00, VERSION: 0x04, DEVICE_ID: 0x08, DEVICE_FEATURES: 0x10, DEVICE_FEATURES_SEL: 0x14, DRIVER_FEATURES: 0x20, DRIVER_FEATURES_SEL: 0x24,
  QUEUE_SEL: 0x30, QUEUE_NUM_MAX: 0x34, QUEUE_NUM: 0x38, QUEUE_READY: 0x44, QUEUE_NOTIFY: 0x50, INTERRUPT_STATUS: 0x60, INTERRUPT_ACK: 0x64,
  STATUS: 0x70, QUEUE_DESC: 0x80, QUEUE_DRIVER: 0x90, QUEUE_DEVICE: 0xa0, CONFIG: 0x100,
} as const;
const MAGIC = 0x7472_6976, STATUS = { ACKNOWLEDGE: 1, DRIVER: 2, DRIVER_OK: 4, FEATURES_OK: 8 } as const;
const VERSION_1 = 32, ENTRIES = 64, AVAILABLE = 0x400, USED = 0x800;
const DESC = { NEXT: 1, WRITE: 2 } as const;
const NO_INTERRUPT = 1;
export const VirtioId = { net: 1, block: 2, console: 3, files: 9 } as const;

export interface Piece { readonly pa: number; readonly length: number; readonly write: boolean }

/** One queue: chains of pieces go in, heads of used chains come out. Descriptor `slot × 4 …` belongs to request slot `slot` (16 of them). */
export class DriverQueue {
  static readonly SLOTS = ENTRIES / 4;
  private readonly memory: Memory;
  private readonly va: number;
  readonly pa: number;
  private available = 0;
  private usedSeen = 0;
  constructor(memory: Memory, va: number, pa: number) { this.memory = memory; this.va = va; this.pa = pa; }

  /** Makes up to four pieces available as request `slot`. */
  post(slot: number, pieces: readonly Piece[]): void {
    const m = this.memory;
    pieces.forEach((p, i) => {
      const at = this.va + (slot * 4 + i) * 16, last = i === pieces.length - 1;
      m.setU64(at, BigInt(p.pa));
      m.setU32(at + 8, p.length);
      m.setU16(at + 12, (p.write ? DESC.WRITE : 0) | (last ? 0 : DESC.NEXT));
      m.setU16(at + 14, last ? 0 : slot * 4 + i + 1);
    });
    m.setU16(this.va + AVAILABLE + 4 + (this.available % ENTRIES) * 2, slot * 4);
    this.available = (this.available + 1) & 0xffff;
    m.setU16(this.va + AVAILABLE + 2, this.available);
  }
  /** The device need not interrupt for this queue: whoever posts looks for himself. */
  quiet(): void { this.memory.setU16(this.va + AVAILABLE, NO_INTERRUPT); }
  /** The device interrupts again. */
  loud(): void { this.memory.setU16(this.va + AVAILABLE, 0); }
  /** Is there one that `done` would give? */
  get ready(): boolean { return this.memory.u16(this.va + USED + 2) !== this.usedSeen; }
  /** The next request that the device is done with: its slot and the bytes written, or undefined. */
  done(): { slot: number; length: number } | undefined {
    if (this.memory.u16(this.va + USED + 2) === this.usedSeen) return undefined;
    const at = this.va + USED + 4 + (this.usedSeen % ENTRIES) * 8;
    this.usedSeen = (this.usedSeen + 1) & 0xffff;
    return { slot: this.memory.u32(at) >> 2, length: this.memory.u32(at + 4) };
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
  config8(at: number): number { return this.memory.u8(this.window.va + REG.CONFIG + at); }
  config16(at: number): number { return this.config8(at) | (this.config8(at + 1) << 8); }
  config32(at: number): number { return this.memory.u32(this.window.va + REG.CONFIG + at); }

  /** Features that both want (device-specific bits below 32), then the queues, then go. */
  *start(sys: Syscalls, env: Env, wanted: readonly number[], queues: number): Sys<Set<number>> {
    this.set(REG.STATUS, 0);
    this.set(REG.STATUS, STATUS.ACKNOWLEDGE | STATUS.DRIVER);
    const accepted = this.negotiate(wanted);
    for (let i = 0; i < queues; i++) {
      const { va, pa } = valueOf(yield* allocateDma(sys, env, 4096));
      this.addQueue(i, va, pa);
    }
    this.set(REG.STATUS, STATUS.ACKNOWLEDGE | STATUS.DRIVER | STATUS.FEATURES_OK | STATUS.DRIVER_OK);
    return accepted;
  }
  private negotiate(wanted: readonly number[]): Set<number> {
    this.set(REG.DEVICE_FEATURES_SEL, 0);
    const offered = this.get(REG.DEVICE_FEATURES), accepted = new Set(wanted.filter(f => (offered >>> f) & 1));
    this.set(REG.DRIVER_FEATURES_SEL, 0);
    this.set(REG.DRIVER_FEATURES, [...accepted].reduce((bits, f) => (bits | (1 << f)) >>> 0, 0));
    this.set(REG.DRIVER_FEATURES_SEL, 1);
    this.set(REG.DRIVER_FEATURES, 1 << (VERSION_1 - 32));
    this.set(REG.STATUS, STATUS.ACKNOWLEDGE | STATUS.DRIVER | STATUS.FEATURES_OK);
    if ((this.get(REG.STATUS) & STATUS.FEATURES_OK) === 0) throw new Error('the virtio device does not accept our features');
    return accepted;
  }
  private addQueue(index: number, va: number, pa: number): void {
    const { available, used, entries } = DriverQueue.layout;
    this.set(REG.QUEUE_SEL, index);
    this.set(REG.QUEUE_NUM, entries);
    for (const [reg, at] of [[REG.QUEUE_DESC, pa], [REG.QUEUE_DRIVER, pa + available], [REG.QUEUE_DEVICE, pa + used]] as const) {
      this.set(reg, at % 2 ** 32);
      this.set(reg + 4, Math.floor(at / 2 ** 32));
    }
    this.set(REG.QUEUE_READY, 1);
    this.queues.push(new DriverQueue(this.memory, va, pa));
  }
  notify(queue: number): void { this.set(REG.QUEUE_NOTIFY, queue); }
  /** Reads and acknowledges why it interrupted: 1 = used buffers, 2 = configuration. */
  acknowledge(): number {
    const why = this.get(REG.INTERRUPT_STATUS);
    if (why) this.set(REG.INTERRUPT_ACK, why);
    return why;
  }
  get id(): number { return this.get(REG.MAGIC) === MAGIC && this.get(REG.VERSION) === 2 ? this.get(REG.DEVICE_ID) : 0; }
}

/** The virtio device `name` that the scenario gives this component; it must be of this kind. */
export function* openVirtio(sys: Syscalls, env: Env, name: string, kind: number): Sys<Result<VirtioDriver>> {
  const window = yield* openDevice(sys, env, name);
  if (!window.ok) return window;
  const driver = new VirtioDriver(window.value, sys.memory);
  return driver.id === kind ? good(driver) : bad(Status.badKind, `${env.name}: '${name}' is not virtio device type ${kind}`);
}
