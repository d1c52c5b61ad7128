/** Memory for the unit specs: an array in the place of the VMM's address space. */
import { UTCB_SIZE, Utcb } from '../microkernel/abi/index.ts';
import { GuestRam, type RamAccess } from './ram.ts';

const VA = 0x1000_0000;

export function fakeAccess(size: number, va = VA): RamAccess {
  const bytes = new Uint8Array(size), data = new DataView(bytes.buffer);
  const view = (at: number, n: number): Uint8Array => bytes.subarray(at - va, at - va + n);
  return {
    u8: (a) => data.getUint8(a - va), u16: (a) => data.getUint16(a - va, true), u32: (a) => data.getUint32(a - va, true),
    setU8: (a, v) => data.setUint8(a - va, v), setU16: (a, v) => data.setUint16(a - va, v, true),
    setU32: (a, v) => data.setUint32(a - va, v, true),
    read: (a, n) => view(a, n).slice(), write: (a, b) => bytes.set(b, a - va), fill: (a, n, b) => void view(a, n).fill(b),
  };
}

export const fakeRam = (size = 0x10_0000): GuestRam => new GuestRam(fakeAccess(size), VA, size);
export const fakeUtcb = (): Utcb => new Utcb(new ArrayBuffer(UTCB_SIZE), 0);

/** Runs a generator that never blocks: every system call returns `ok`. */
export function finish<T>(run: T | Generator<unknown, T, number>): T {
  if (typeof run !== 'object' || run === null || !(Symbol.iterator in run)) return run as T;
  const generator = run as Generator<unknown, T, number>;
  for (let step = generator.next(0); ; step = generator.next(0)) if (step.done) return step.value;
}
