/** The bus: which device answers at a guest-physical address. */
import type { Chip } from '../../hardware/chips/chip.ts';

export interface Window { readonly base: number; readonly end: number; readonly device: Chip }

export class Bus {
  readonly #windows: Window[] = [];
  /** The window of the last access, because accesses come in runs. */
  #last: Window | undefined;

  attach(base: number, device: Chip): void {
    const end = base + device.size, other = this.#windows.find((w) => base < w.end && w.base < end);
    if (other) throw new Error(`${device.name} at 0x${base.toString(16)} overlaps ${other.device.name}`);
    this.#windows.push({ base, end, device });
  }

  /** Resets every device. Requests in flight no longer access memory. */
  reset(): void { for (const { device } of this.#windows) device.reset(); }

  /** The window that holds all of [address, address + size), or undefined. */
  find(address: number, size: number): Window | undefined {
    const last = this.#last;
    if (last && address >= last.base && address + size <= last.end) return last;
    const found = this.#windows.find((w) => address >= w.base && address + size <= w.end);
    if (found) this.#last = found;
    return found;
  }
}
