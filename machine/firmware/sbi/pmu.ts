/**
 * PMU extension: performance counters for S mode.
 *
 *   index 0 cycle, 2 instret (fixed: they always count their event), 3 … programmable ones, behind them the firmware's own
 *   event: type in bits 19:16 (0 general hardware, 2 raw, 15 firmware), code in bits 15:0
 *
 * State per hart: which event each counter is for, and whether it counts. Hardware counters are the hart's mhpmcounters;
 * the events they know are cycles and instructions. This file keeps the firmware counters; the events that this machine's firmware never
 * sees (it emulates nothing) stay at zero.
 * Missing: snapshots in shared memory, cache and platform events: NOT_SUPPORTED.
 * @spec sbi 11 (v2.0)
 */
import type { HartApi } from '../../api.ts';
import type { FirmwareHost } from '../host.ts';
import {
  A0, A1, A2, A3, A4, SbiError, type SbiExtension, type SbiResult, failure, invalidParam, low, notSupported, success, unsigned, value
} from './sbi.ts';

/** Events of type 15 that firmware counts. A message has two: this number at the sender, the next one at the receiver. @spec sbi 11.6 */
export const FirmwareEvent = {
  SET_TIMER: 5, IPI_SENT: 6, FENCE_I_SENT: 8, SFENCE_VMA_SENT: 10, SFENCE_VMA_ASID_SENT: 12, HFENCE_GVMA_SENT: 14,
  HFENCE_GVMA_VMID_SENT: 16, HFENCE_VVMA_SENT: 18, HFENCE_VVMA_ASID_SENT: 20,
} as const;
const FIRMWARE_EVENTS = 22;

/** Receives the events of the firmware. */
export interface FirmwareCounts {
  count(hart: number, event: number): void;
  /** A message to another hart: this event at the sender, the next one at the receiver. */
  sent(from: number, event: number, to: number): void;
}

const EVENT_TYPE = { GENERAL: 0, RAW: 2, FIRMWARE: 15 } as const;
const GENERAL = { CYCLES: 1, INSTRUCTIONS: 2 } as const;
const CONFIG = { SKIP_MATCH: 1, CLEAR_VALUE: 2, AUTO_START: 4 } as const;
/** Mode filters: SET_VUINH … SET_MINH are bits 3 … 7 of the flags, VUINH … MINH bits 58 … 62 of mhpmevent. */
const FILTER_SHIFT = 55n, FILTERS = 0xf8;
const START_SET_VALUE = 1, START_SNAPSHOT = 2, STOP_RESET = 1, STOP_SNAPSHOT = 2;
const CSR = { MCOUNTINHIBIT: 0x320, MHPMEVENT: 0x320, MCYCLE: 0xb00, CYCLE: 0xc00 } as const;
const TIME = 1, FIRST_PROGRAMMABLE = 3, FIRMWARE_COUNTERS = 16, WIDTH = 63;
const TYPE_FIRMWARE = -(2 ** 63);
const wide = (v: bigint): SbiResult => ({ error: SbiError.SUCCESS, value: v });

/** One counter of one hart. */
interface Counter { event: number | undefined; running: boolean; count: bigint }

export class PmuExtension implements SbiExtension, FirmwareCounts {
  readonly ids = [0x50_4d55]; // "PMU"
  /** Hardware counters, with the gap at index 1. */
  readonly #hardware: number;
  readonly #counters: readonly Counter[][];

  /** `programmable`: how many mhpmcounters the harts have. */
  constructor(host: FirmwareHost, programmable: number) {
    this.#hardware = FIRST_PROGRAMMABLE + programmable;
    this.#counters = host.harts.map(() =>
      Array.from({ length: this.#hardware + FIRMWARE_COUNTERS }, () => ({ event: undefined, running: false, count: 0n })));
  }

  call(hart: HartApi, fid: number): SbiResult {
    switch (fid) {
      case 0: return value(this.#hardware + FIRMWARE_COUNTERS);
      case 1: return this.#info(unsigned(hart, A0));
      case 2: return this.#configure(hart);
      case 3: return this.#startAll(hart);
      case 4: return this.#stopAll(hart);
      case 5: return this.#firmwareRead(hart, unsigned(hart, A0));
      case 6: return this.#firmwareRead(hart, unsigned(hart, A0)).error === SbiError.SUCCESS ? value(0) : invalidParam;
      default: return notSupported;
    }
  }

  sent(from: number, event: number, to: number): void {
    this.count(from, event);
    this.count(to, event + 1);
  }

  count(hart: number, event: number): void {
    for (const c of this.#counters[hart].slice(this.#hardware)) if (c.running && c.event === event) c.count++;
  }

  /** csr in bits 11:0, width less one in 17:12, type in the top bit. */
  #info(index: number): SbiResult {
    if (!this.#exists(index)) return invalidParam;
    return value(index < this.#hardware ? (WIDTH << 12) | (CSR.CYCLE + index) : TYPE_FIRMWARE);
  }

  #exists(index: number): boolean {
    return index < this.#hardware + FIRMWARE_COUNTERS && index !== TIME;
  }

  /** The counters that a0 (base) and a1 (mask) name, or undefined when one does not exist. Index 1 does not exist and is skipped. */
  #named(hart: HartApi): number[] | undefined {
    const base = unsigned(hart, A0);
    const named: number[] = [];
    for (let bit = 0; bit < 64; bit++) {
      if (((hart.x32[2 * A1 + (bit >> 5)] >>> (bit & 31)) & 1) === 0 || base + bit === TIME) continue;
      if (!this.#exists(base + bit)) return undefined;
      named.push(base + bit);
    }
    return named.length === 0 ? undefined : named;
  }

  // ── configure ──

  #configure(hart: HartApi): SbiResult {
    const named = this.#named(hart);
    const flags = low(hart, A2);
    const event = unsigned(hart, A3);
    if (named === undefined || flags > 0xff || event > 0xf_ffff) return invalidParam;
    const counters = this.#counters[hart.id];
    const index = (flags & CONFIG.SKIP_MATCH) !== 0 ? named[0] : this.#match(hart, named, event, flags);
    if (index === undefined) return notSupported;
    if ((flags & CONFIG.SKIP_MATCH) !== 0 && counters[index].event === undefined) return invalidParam;
    if ((flags & CONFIG.SKIP_MATCH) === 0) this.#assign(hart, index, event, flags);
    if ((flags & CONFIG.CLEAR_VALUE) !== 0) this.#setValue(hart, index, 0n);
    if ((flags & CONFIG.AUTO_START) !== 0 && !counters[index].running) this.#run(hart, index, true);
    return value(index);
  }

  /** A free counter of the set that can count the event: a programmable one first, since it can also filter and interrupt. */
  #match(hart: HartApi, named: readonly number[], event: number, flags: number): number | undefined {
    const free = named.filter((index) => this.#counters[hart.id][index].event === undefined);
    if (event >> 16 === EVENT_TYPE.FIRMWARE)
      return (event & 0xffff) < FIRMWARE_EVENTS ? free.find((index) => index >= this.#hardware) : undefined;
    const source = hardwareEvent(hart, event);
    if (source === undefined) return undefined;
    const fixed = source === GENERAL.CYCLES ? 0 : 2;
    return free.find((index) => index >= FIRST_PROGRAMMABLE && index < this.#hardware)
      ?? ((flags & FILTERS) === 0 ? free.find((index) => index === fixed) : undefined);
  }

  #assign(hart: HartApi, index: number, event: number, flags: number): void {
    const counter = this.#counters[hart.id][index];
    counter.event = event >> 16 === EVENT_TYPE.FIRMWARE ? event & 0xffff : event;
    if (this.#isProgrammable(index))
      hart.setCsr(CSR.MHPMEVENT + index, BigInt(hardwareEvent(hart, event)!) | (BigInt(flags & FILTERS) << FILTER_SHIFT));
    if (this.#isProgrammable(index)) this.#inhibit(hart, index, true);
  }

  // ── start, stop, read ──

  #startAll(hart: HartApi): SbiResult {
    const named = this.#named(hart);
    const flags = low(hart, A2);
    if (named === undefined || flags > (START_SET_VALUE | START_SNAPSHOT)) return invalidParam;
    if ((flags & START_SNAPSHOT) !== 0) return failure(SbiError.NO_SHMEM);
    const counters = this.#counters[hart.id];
    if (named.some((index) => counters[index].event === undefined)) return invalidParam;
    const stopped = named.filter((index) => !counters[index].running);
    for (const index of stopped) {
      if ((flags & START_SET_VALUE) !== 0) this.#setValue(hart, index, BigInt.asUintN(64, hart.x[A3]));
      this.#run(hart, index, true);
    }
    return stopped.length < named.length ? failure(SbiError.ALREADY_STARTED) : success;
  }

  #stopAll(hart: HartApi): SbiResult {
    const named = this.#named(hart);
    const flags = low(hart, A2);
    if (named === undefined || flags > (STOP_RESET | STOP_SNAPSHOT)) return invalidParam;
    if ((flags & STOP_SNAPSHOT) !== 0) return failure(SbiError.NO_SHMEM);
    const counters = this.#counters[hart.id];
    const running = named.filter((index) => counters[index].running);
    for (const index of running) this.#run(hart, index, false);
    if ((flags & STOP_RESET) !== 0) for (const index of named) this.#release(hart, index);
    return running.length < named.length ? failure(SbiError.ALREADY_STOPPED) : success;
  }

  #release(hart: HartApi, index: number): void {
    this.#counters[hart.id][index].event = undefined;
    if (this.#isProgrammable(index)) hart.setCsr(CSR.MHPMEVENT + index, 0n);
  }

  #run(hart: HartApi, index: number, running: boolean): void {
    this.#counters[hart.id][index].running = running;
    // A counter that starts may interrupt again when it overflows. @spec priv 20.1
    if (running && this.#isProgrammable(index)) hart.setCsr(CSR.MHPMEVENT + index, BigInt.asUintN(63, hart.csr(CSR.MHPMEVENT + index)));
    if (index < this.#hardware) this.#inhibit(hart, index, !running);
  }

  #inhibit(hart: HartApi, index: number, stop: boolean): void {
    const now = hart.csr(CSR.MCOUNTINHIBIT);
    const bit = 1n << BigInt(index);
    hart.setCsr(CSR.MCOUNTINHIBIT, stop ? now | bit : now & ~bit);
  }

  #setValue(hart: HartApi, index: number, to: bigint): void {
    if (index < this.#hardware) hart.setCsr(CSR.MCYCLE + index, to);
    else this.#counters[hart.id][index].count = to;
  }

  #isProgrammable(index: number): boolean {
    return index >= FIRST_PROGRAMMABLE && index < this.#hardware;
  }

  #firmwareRead(hart: HartApi, index: number): SbiResult {
    const counter = index >= this.#hardware ? this.#counters[hart.id][index] : undefined;
    return counter?.event === undefined ? invalidParam : wide(counter.count);
  }
}

/** The value of mhpmevent for an event, if the hardware can count it. Raw events (selector in a4) are those numbers themselves. */
function hardwareEvent(hart: HartApi, event: number): number | undefined {
  const code = event >> 16 === EVENT_TYPE.GENERAL ? event & 0xffff : event >> 16 === EVENT_TYPE.RAW ? unsigned(hart, A4) : 0;
  return code === GENERAL.CYCLES || code === GENERAL.INSTRUCTIONS ? code : undefined;
}
