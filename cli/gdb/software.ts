/**
 * Memory of a guest whose processor is software: found by the guest's own tables, whether or not their shadow has it yet. Where the monitor
 * has put breakpoints or jumps into the guest's memory, the guest's own instructions are read; what is written, the monitor hears of.
 */
import { readMemory, writeMemory } from '../../machine/debug/memory.ts';
import { virtualToGuest, type Roots } from '../../machine/debug/translate.ts';
import type { Machine } from '../../machine/index.ts';
import type { SoftwareProcessor } from '../../vmm/cpu/outside.ts';

const PAGE = 4096;

export function readSoftware(machine: Machine, processor: SoftwareProcessor, roots: Roots, address: bigint,
    length: number): Uint8Array | undefined {
  const bytes = readMemory(machine, roots, address, length);
  if (bytes) for (const [gpa, from, to] of pieces(machine, roots, address, bytes.length)) processor.restore(gpa, bytes.subarray(from, to));
  return bytes;
}

export function writeSoftware(machine: Machine, processor: SoftwareProcessor, roots: Roots, address: bigint, bytes: Uint8Array): boolean {
  for (const [gpa, from, to] of pieces(machine, roots, address, bytes.length)) processor.written(gpa, to - from);
  return writeMemory(machine, roots, address, bytes);
}

/** The range page by page: guest-physical address, and which bytes of the range. */
function* pieces(machine: Machine, roots: Roots, address: bigint, length: number): Generator<readonly [gpa: number, from: number,
  to: number]> {
  for (let done = 0; done < length; ) {
    const va = BigInt.asUintN(64, address + BigInt(done)), count = Math.min(length - done, PAGE - Number(va % BigInt(PAGE)));
    const gpa = virtualToGuest(machine.linear, roots, va);
    if (gpa !== undefined) yield [Number(gpa), done, done + count];
    done += count;
  }
}
