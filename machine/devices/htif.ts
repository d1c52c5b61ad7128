/**
 * HTIF: the host-target interface, two doublewords in RAM that test programs call `tohost` and `fromhost`.
 *
 *   63     56 55     48 47                    0
 *   ┌────────┬─────────┬───────────────────────┐
 *   │ device │ command │ payload               │   device 0: odd payload = exit with payload >> 1
 *   └────────┴─────────┴───────────────────────┘   even payload = a system call, see below
 *                                                  device 1: command 1 writes a character, 0 reads one
 *
 * A system call is eight doublewords at the payload's address: number, arguments; the result replaces the number, and `fromhost` becomes 1.
 *
 * State: none beyond the two doublewords. They are RAM, so the device polls them at regular times.
 * Features: exit, console output and input, the system calls write (to outputs 1 and 2) and exit. Missing: other system calls
 * (files, time): they answer ENOSYS. A payload that is no address ends the run with failure, because no answer could ever arrive.
 * Documentation: riscv-isa-sim fesvr, htif and device sources; riscv-tests env/p/riscv_test.h.
 */
import type { EventQueue, PhysicalMemory } from '../api.ts';
import type { CharBackend, DeviceContext } from './device.ts';

/** Cycles between two polls. */
const INTERVAL = 2000;
const DEVICE = { SYSTEM: 0, CONSOLE: 1 } as const;
const CONSOLE = { READ: 0, WRITE: 1 } as const;
const CALL = { WRITE: 64, EXIT: 93 } as const;
const CALL_BYTES = 64, ENOSYS = 38, EBADF = 9, EFAULT = 14;

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

  /** Serves the request in `tohost`. */
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
      this.#systemCall(high * 2 ** 32 + low);
    } else if (device === DEVICE.CONSOLE && command === CONSOLE.WRITE) {
      this.#console.output(low & 0xff);
      this.#answer(device, command, 0);
    } else if (device === DEVICE.CONSOLE && command === CONSOLE.READ) {
      this.#wantsInput = true;
      this.#offerInput();
    }
  }

  #systemCall(at: number): void {
    const memory = this.#memory;
    if (at % 8 !== 0 || !memory.isRam(at, CALL_BYTES)) return this.#stop({ kind: 'poweroff', code: 1 });
    const [number, first, second, third] = [0, 1, 2, 3].map((i) => Number(memory.u64(at + 8 * i)));
    if (number === CALL.EXIT) return this.#stop({ kind: 'poweroff', code: first });
    const result = number === CALL.WRITE ? this.#write(first, second, third) : -ENOSYS;
    memory.setU64(at, BigInt.asUintN(64, BigInt(result)));
    this.#answer(DEVICE.SYSTEM, 0, 1);
  }

  #write(descriptor: number, address: number, length: number): number {
    if (descriptor !== 1 && descriptor !== 2) return -EBADF;
    if (!this.#memory.isRam(address, length)) return -EFAULT;
    for (const byte of this.#memory.view(address, length)) this.#console.output(byte);
    return length;
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
