/** The physical address map outside RAM: windows of devices, found by address. */
import type { Bus } from './api.ts';
import type { Device } from './devices/device.ts';

interface Window { readonly base: number; readonly end: number; readonly device: Device; }

export class AddressBus implements Bus {
  readonly #windows: Window[] = [];
  #last: Window | undefined;

  /** @throws Error when the window overlaps another. */
  attach(base: number, device: Device): void {
    const window = { base, end: base + device.size, device };
    const other = this.#windows.find((w) => w.base < window.end && base < w.end);
    if (other) throw new Error(`bus: ${device.name} at 0x${base.toString(16)} overlaps ${other.device.name}`);
    this.#windows.push(window);
  }

  read(pa: number, size: number): number | undefined {
    const window = this.#find(pa, size);
    return window?.device.read(pa - window.base, size);
  }

  write(pa: number, size: number, value: number): boolean {
    const window = this.#find(pa, size);
    if (window === undefined) return false;
    window.device.write(pa - window.base, value, size);
    return true;
  }

  reset(): void { for (const w of this.#windows) w.device.reset?.(); }

  #find(pa: number, size: number): Window | undefined {
    const last = this.#last;
    if (last !== undefined && pa >= last.base && pa + size <= last.end) return last;
    const found = this.#windows.find((w) => pa >= w.base && pa + size <= w.end);
    if (found) this.#last = found;
    return found;
  }
}
