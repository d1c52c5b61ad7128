/** DBCN extension: the debug console, on the same terminal as the UART. @spec sbi 12 (v2.0) */
import type { HartApi, PhysicalMemory } from '../../api.ts';
import type { CharBackend } from '../../devices/device.ts';
import { A0, A1, A2, type SbiExtension, type SbiResult, invalidParam, low, notSupported, success, unsigned, value } from './sbi.ts';

/** Most bytes that a call moves: the specification lets a console take less than offered, and the host stores no more than this. */
const MOST = 0x1000;

export class DbcnExtension implements SbiExtension {
  readonly ids = [0x4442_434e]; // "DBCN"
  readonly #memory: PhysicalMemory;
  readonly #console: CharBackend;

  constructor(memory: PhysicalMemory, console: CharBackend) {
    this.#memory = memory;
    this.#console = console;
  }

  call(hart: HartApi, fid: number): SbiResult {
    switch (fid) {
      case 0: return this.#write(hart);
      case 1: return this.#read(hart);
      case 2: this.#console.output(low(hart, A0) & 0xff); return success;
      default: return notSupported;
    }
  }

  /** num_bytes, base_addr_lo, base_addr_hi: physical memory. */
  #write(hart: HartApi): SbiResult {
    const offered = unsigned(hart, A0), length = Math.min(offered, MOST);
    const address = unsigned(hart, A1);
    if (low(hart, A2) !== 0 || !this.#memory.isRam(address, offered)) return invalidParam;
    for (const byte of this.#memory.view(address, length)) this.#console.output(byte);
    return value(length);
  }

  #read(hart: HartApi): SbiResult {
    const offered = unsigned(hart, A0), length = Math.min(offered, MOST);
    const address = unsigned(hart, A1);
    if (low(hart, A2) !== 0 || !this.#memory.isRam(address, offered)) return invalidParam;
    const bytes = this.#console.take(length);
    this.#memory.writable(address, bytes.length).set(bytes);
    return value(bytes.length);
  }
}
