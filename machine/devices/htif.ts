/**
 * HTIF: the host-target interface, two doublewords in RAM that test programs call `tohost` and `fromhost`.
 *
 *   63     56 55     48 47                    0
 *   ┌────────┬─────────┬───────────────────────┐
 *   │ device │ command │ payload               │   device 0: odd payload = exit with payload >> 1
 *   └────────┴─────────┴───────────────────────┘   device 1: command 1 writes a character, 0 reads one
 *
 * State: none beyond the two doublewords. They are RAM, so the device looks at them at regular times.
 * Features: exit, console output and input. Missing: system call proxying (even payloads to device 0): the run
 * ends with failure, since nothing would ever answer.
 * Documentation: riscv-isa-sim fesvr, htif and device sources; riscv-tests env/p/riscv_test.h.
 */
import type { EventQueue, PhysicalMemory } from '../api.ts';
import type { CharBackend, DeviceContext } from './device.ts';

/** Cycles between two looks. */
const INTERVAL = 2000;
const DEVICE = { SYSTEM: 0, CONSOLE: 1 } as const;
const CONSOLE = { READ: 0, WRITE: 1 } as const;

export interface HtifPlaces {
  readonly tohost: number;
  readonly fromhost?: number;
}

export class Htif {
  readonly #memory: PhysicalMemory;
  readonly #events: EventQueue;
  readonly #console: CharBackend;
  readonly #stop: DeviceContext['stop'];
  readonly #places: HtifPlaces;
  #wantsInput = false;

  constructor(context: Pick<DeviceContext, 'memory' | 'events' | 'stop'>, console: CharBackend, places: HtifPlaces) {
    this.#memory = context.memory;
    this.#events = context.events;
    this.#stop = context.stop;
    this.#console = console;
    this.#places = places;
    this.#later();
  }

  #later(): void {
    this.#events.at(this.#events.now + INTERVAL, () => {
      this.poll();
      this.#later();
    });
  }

  /** Serves what the program has left in `tohost`. */
  poll(): void {
    if (this.#wantsInput) this.#offerInput();
    const { tohost } = this.#places;
    const low = this.#memory.u32(tohost);
    const high = this.#memory.u32(tohost + 4);
    if (low === 0 && high === 0) return;
    this.#memory.setU32(tohost, 0);
    this.#memory.setU32(tohost + 4, 0);
    this.#serve(high >>> 24, (high >>> 16) & 0xff, low, high & 0xffff);
  }

  #serve(device: number, command: number, low: number, high: number): void {
    if (device === DEVICE.SYSTEM && (low & 1) !== 0) {
      const code = high * 2 ** 31 + (low >>> 1);
      this.#stop({ kind: 'poweroff', code });
    } else if (device === DEVICE.SYSTEM) {
      this.#stop({ kind: 'poweroff', code: 1 });
    } else if (device === DEVICE.CONSOLE && command === CONSOLE.WRITE) {
      this.#console.output(low & 0xff);
      this.#answer(device, command, 0);
    } else if (device === DEVICE.CONSOLE && command === CONSOLE.READ) {
      this.#wantsInput = true;
      this.#offerInput();
    }
  }

  #offerInput(): void {
    const bytes = this.#console.take(1);
    if (bytes.length === 0) return;
    this.#wantsInput = false;
    this.#answer(DEVICE.CONSOLE, CONSOLE.READ, 0x100 | bytes[0]);
  }

  #answer(device: number, command: number, payload: number): void {
    const { fromhost } = this.#places;
    if (fromhost === undefined) return;
    this.#memory.setU32(fromhost, payload);
    this.#memory.setU32(fromhost + 4, ((device << 24) | (command << 16)) >>> 0);
  }
}
