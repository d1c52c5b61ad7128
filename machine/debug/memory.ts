/**
 * Memory through a debugger's eyes: by physical address, or by virtual address in a hart's current mode. Reading changes
 * nothing (no accessed bits, no faults, no device registers); writing keeps decoded code coherent and ends reservations.
 */
import { HS, PAGE } from '../engine/layout.ts';
import type { Hart } from '../hart/hart.ts';
import type { Machine } from '../machine.ts';
import { physicalAddress, translate, type Roots } from './translate.ts';

/** The meaning of a debugger's addresses: virtual in a hart's current mode, virtual by given translation registers, or physical. */
export type View = Hart | Roots | 'physical';

const ALL = (1n << 64n) - 1n;

/** Up to `length` bytes from `address`: fewer when something is not mapped RAM; none = undefined. */
export function readMemory(machine: Machine, view: View, address: bigint, length: number): Uint8Array | undefined {
  const out = new Uint8Array(length);
  let done = 0;
  for (const [pa, count] of pieces(machine, view, address, length)) {
    out.set(machine.memory.view(pa, count), done);
    done += count;
  }
  return done === 0 && length > 0 ? undefined : out.subarray(0, done);
}

/** Writes all of it, or nothing (false) when some of it is not mapped RAM. */
export function writeMemory(machine: Machine, view: View, address: bigint, bytes: Uint8Array): boolean {
  const places = [...pieces(machine, view, address, bytes.length)];
  if (places.reduce((n, [, count]) => n + count, 0) < bytes.length) return false;
  let done = 0;
  for (const [pa, count] of places) {
    machine.memory.writable(pa, count).set(bytes.subarray(done, done + count));
    done += count;
  }
  for (const hart of machine.harts) hart.w[HS.RES >> 2] = 0;
  return true;
}

/** The range page by page: physical address and bytes, up to the first that is not RAM. */
function* pieces(machine: Machine, view: View, address: bigint, length: number): Generator<readonly [number, number]> {
  for (let done = 0; done < length;) {
    const va = (address + BigInt(done)) & ALL;
    const count = Math.min(length - done, PAGE - Number(va % BigInt(PAGE)));
    const pa = place(machine, view, va);
    if (pa === undefined || !machine.memory.isRam(pa, count)) return;
    yield [pa, count];
    done += count;
  }
}

function place(machine: Machine, view: View, va: bigint): number | undefined {
  if (view === 'physical') return va <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(va) : undefined;
  return 'first' in view ? translate(machine.linear, view, va) : physicalAddress(view, va);
}
