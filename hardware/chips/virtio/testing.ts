/**
 * The driver's half of virtio, for specs: negotiation over the registers, and both kinds of ring written as the
 * specification tells a driver to write them. One queue of the device at a time.
 */
import { TestLine, TestMemory } from '../testing.ts';
import { VirtioMmio } from './mmio.ts';
import { Feature } from './layout.ts';
import type { VirtioModel } from './model.ts';

export const RAM = 0x8000_0000;
const RAM_BYTES = 0x8_0000;
const RINGS = RAM + 0x1000, TABLES = RAM + 0x4_0000;

export interface Buffer { readonly address: number; readonly length: number; readonly write?: boolean }
export interface Used { readonly id: number; readonly written: number }
export interface RingChoice { readonly packed: boolean; readonly eventIndex: boolean; readonly size: number }

/** The registers of a device, of the machine or of a monitor. */
export interface Registers { read(offset: number, size: number): number; write(offset: number, value: number, size: number): unknown }

/** A device whose driver has reached DRIVER_OK. */
export class Rig {
  readonly memory = new TestMemory(RAM_BYTES, RAM);
  readonly irq = new TestLine();
  readonly device: Registers;
  readonly queues: TestQueue[] = [];
  #count: number;

  /** `count`: how many queues the device has. */
  constructor(make: (memory: TestMemory, irq: TestLine) => Registers, count: number, choice: RingChoice, features: readonly number[] = []) {
    this.device = make(this.memory, this.irq);
    this.#count = count;
    this.start(choice, features);
  }

  /** Number of queues, from the next start on. */
  manage(count: number): void { this.#count = count; }

  /** Resets the device and brings it to DRIVER_OK again. */
  start(choice: RingChoice, features: readonly number[] = []): void {
    const wanted = [
      Feature.VERSION_1, Feature.INDIRECT, ...features, ...(choice.packed ? [Feature.RING_PACKED] : []),
      ...(choice.eventIndex ? [Feature.EVENT_IDX] : [])
    ];
    this.set(0x70, 0);
    this.set(0x70, 3);
    [0, 1].forEach((word) => {
      this.set(0x24, word);
      this.set(0x20, wanted.filter((f) => f >> 5 === word).reduce((bits, f) => bits | (1 << (f & 31)), 0));
    });
    this.set(0x70, 0xb);
    this.queues.length = 0;
    for (let n = 0; n < this.#count; n++) this.#open(n, choice);
    this.set(0x70, 0xf);
  }

  set(offset: number, value: number): void { this.device.write(offset, value >>> 0, 4); }
  get(offset: number): number { return this.device.read(offset, 4); }
  get broken(): boolean { return (this.get(0x70) & 64) !== 0; }
  /** Was there an interrupt since the last time? */
  interrupted(): boolean {
    const level = this.irq.level;
    this.set(0x64, 3);
    return level;
  }

  #open(n: number, choice: RingChoice): void {
    const at = RINGS + 0x1000 * n;
    this.memory.fill(at, 0x1000, 0);
    this.set(0x30, n);
    this.set(0x38, choice.size);
    [[0x80, at], [0x90, at + 0x800], [0xa0, at + 0xa00]].forEach(([register, address]) => {
      this.set(register, address);
      this.set(register + 4, 0);
    });
    this.set(0x44, 1);
    const kind = choice.packed ? PackedQueue : SplitQueue;
    this.queues.push(new kind(this, n, at, choice));
  }
}

/** A model of the machine behind its registers. */
export function rigOf(model: VirtioModel, choice: RingChoice, features: readonly number[] = []): Rig {
  return new Rig((memory, irq) => new VirtioMmio(model, memory, irq), model.queueSizes.length, choice, features);
}

/** Helpers for specs that both kinds of ring share. */
export abstract class TestQueue {
  readonly rig: Rig;
  readonly index: number;
  /** Where the descriptors are; driver's part at + 0x800, device's at + 0xa00. */
  readonly at: number;
  readonly choice: RingChoice;

  constructor(rig: Rig, index: number, at: number, choice: RingChoice) {
    this.rig = rig;
    this.index = index;
    this.at = at;
    this.choice = choice;
  }

  /** Makes a request available; returns its id, or undefined when the ring is full. */
  abstract offer(buffers: readonly Buffer[], indirect?: boolean): number | undefined;
  /** Buffers that the device has returned since the last call. */
  abstract collect(): Used[];
  /** Asks for an interrupt once `more` further requests of one descriptor each are used; undefined = at every one, null = never. */
  abstract interruptAfter(more: number | undefined | null): void;
  /** Does the device want to be notified? */
  abstract get wantsNotice(): boolean;

  notify(): void { this.rig.set(0x50, this.index); }

  protected table(slot: number): number { return TABLES + 0x400 * slot; }

  protected describe(at: number, bytes: Buffer): void {
    this.rig.memory.setU64(at, BigInt(bytes.address));
    this.rig.memory.setU32(at + 8, bytes.length);
  }
}

class SplitQueue extends TestQueue {
  #free = Array.from({ length: this.choice.size }, (_, i) => i);
  readonly #chains = new Map<number, number[]>();
  #available = 0;
  #used = 0;
  #noticed = 0;

  offer(buffers: readonly Buffer[], indirect = false): number | undefined {
    const { memory } = this.rig;
    const needed = indirect ? 1 : buffers.length;
    if (this.#free.length < needed) return undefined;
    const slots = this.#free.splice(0, needed);
    const places = indirect ? buffers.map((_, i) => i) : slots;
    const base = indirect ? this.table(slots[0]) : this.at;
    buffers.forEach((bytes, i) => {
      const last = i === buffers.length - 1;
      this.describe(base + 16 * places[i], bytes);
      memory.setU16(base + 16 * places[i] + 12, (bytes.write ? 2 : 0) | (last ? 0 : 1));
      memory.setU16(base + 16 * places[i] + 14, last ? 0 : places[i + 1]);
    });
    if (indirect) {
      this.describe(this.at + 16 * slots[0], { address: base, length: 16 * buffers.length });
      memory.setU16(this.at + 16 * slots[0] + 12, 4);
    }
    this.#chains.set(slots[0], slots);
    memory.setU16(this.at + 0x800 + 4 + 2 * (this.#available % this.choice.size), slots[0]);
    this.#available = (this.#available + 1) & 0xffff;
    memory.setU16(this.at + 0x800 + 2, this.#available);
    return slots[0];
  }

  collect(): Used[] {
    const { memory } = this.rig;
    const found: Used[] = [];
    while (this.#used !== memory.u16(this.at + 0xa00 + 2)) {
      const entry = this.at + 0xa00 + 4 + 8 * (this.#used % this.choice.size);
      const id = memory.u32(entry);
      found.push({ id, written: memory.u32(entry + 4) });
      this.#free.push(...(this.#chains.get(id) ?? []));
      this.#chains.delete(id);
      this.#used = (this.#used + 1) & 0xffff;
    }
    return found;
  }

  interruptAfter(more: number | undefined | null): void {
    this.rig.memory.setU16(this.at + 0x800, more === null ? 1 : 0);
    if (typeof more === 'number') this.rig.memory.setU16(this.at + 0x800 + 4 + 2 * this.choice.size, this.#used + more - 1);
  }

  get wantsNotice(): boolean {
    if (!this.choice.eventIndex) return (this.rig.memory.u16(this.at + 0xa00) & 1) === 0;
    const event = this.rig.memory.u16(this.at + 0xa00 + 4 + 8 * this.choice.size);
    const before = this.#noticed;
    this.#noticed = this.#available;
    return ((this.#available - event - 1) & 0xffff) < ((this.#available - before) & 0xffff);
  }
}

class PackedQueue extends TestQueue {
  #next = 0;
  #wrap = true;
  #usedNext = 0;
  #usedWrap = true;
  #room = this.choice.size;
  #ids = Array.from({ length: this.choice.size }, (_, i) => i);
  readonly #chains = new Map<number, number>();

  offer(buffers: readonly Buffer[], indirect = false): number | undefined {
    const { memory } = this.rig;
    const list = indirect ? [{ address: this.table(this.#ids[0]), length: 16 * buffers.length }] : buffers;
    if (this.#room < list.length || this.#ids.length === 0) return undefined;
    const id = this.#ids.shift()!;
    if (indirect) buffers.forEach((bytes, i) => {
      this.describe(this.table(id) + 16 * i, bytes);
      memory.setU16(this.table(id) + 16 * i + 14, bytes.write ? 2 : 0);
    });
    const flags: [number, number][] = list.map((buffer: Buffer, i) => {
      const at = this.at + 16 * this.#next;
      this.describe(at, buffer);
      memory.setU16(at + 12, id);
      const kind = indirect ? 4 : (buffer.write ? 2 : 0) | (i < list.length - 1 ? 1 : 0);
      const value = kind | (this.#wrap ? 1 << 7 : 1 << 15);
      this.#advance();
      return [at + 14, value];
    });
    for (const [at, value] of flags.reverse()) memory.setU16(at, value); // the head comes last
    this.#room -= list.length;
    this.#chains.set(id, list.length);
    return id;
  }

  #advance(): void {
    this.#next = (this.#next + 1) % this.choice.size;
    if (this.#next === 0) this.#wrap = !this.#wrap;
  }

  collect(): Used[] {
    const { memory } = this.rig;
    const found: Used[] = [];
    for (;;) {
      const at = this.at + 16 * this.#usedNext;
      const flags = memory.u16(at + 14);
      if (((flags & (1 << 7)) !== 0) !== this.#usedWrap || ((flags & (1 << 15)) !== 0) !== this.#usedWrap) return found;
      const id = memory.u16(at + 12);
      const slots = this.#chains.get(id);
      if (slots === undefined) throw new Error(`the device has returned request ${id}, which is not on its way`);
      found.push({ id, written: (flags & 2) !== 0 ? memory.u32(at + 8) : 0 });
      this.#chains.delete(id);
      this.#ids.push(id);
      this.#room += slots;
      this.#usedNext += slots;
      if (this.#usedNext >= this.choice.size) {
        this.#usedNext -= this.choice.size;
        this.#usedWrap = !this.#usedWrap;
      }
    }
  }

  interruptAfter(more: number | undefined | null): void {
    const { memory } = this.rig;
    memory.setU16(this.at + 0x800 + 2, more === null ? 1 : more === undefined ? 0 : 2);
    if (typeof more !== 'number') return;
    const position = this.#usedNext + more - 1;
    const wrap = position >= this.choice.size ? !this.#usedWrap : this.#usedWrap;
    memory.setU16(this.at + 0x800, (position % this.choice.size) | (wrap ? 1 << 15 : 0));
  }

  get wantsNotice(): boolean {
    const { memory } = this.rig;
    const flags = memory.u16(this.at + 0xa00 + 2);
    if (flags !== 2) return flags === 0;
    return memory.u16(this.at + 0xa00) === (((this.#next + this.choice.size - 1) % this.choice.size) | (this.#lastWrap ? 1 << 15 : 0));
  }

  /** The wrap counter of the descriptor made available last. */
  get #lastWrap(): boolean {
    return this.#next === 0 ? !this.#wrap : this.#wrap;
  }
}
