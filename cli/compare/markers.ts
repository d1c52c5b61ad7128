/**
 * Markers that a guest sets: `slti zero, zero, N` in a program, which computes nothing (a hint that the manual leaves to software), or a
 * function of its kernel that it calls. The machine does not stop there and nothing of the run changes: a debugger's point looks.
 * @spec unpriv 2.9
 */
import { Debugger } from '../../machine/debug/debugger.ts';
import { readMemory } from '../../machine/debug/memory.ts';
import type { Hart } from '../../machine/hart/hart.ts';
import { parseElf } from '../../machine/loader/elf.ts';
import type { Machine } from '../../machine/machine.ts';
import type { Kernel } from '../../microkernel/index.ts';
import { runsGuest } from '../../system/panic/roots.ts';
import { hostedSeen, momentOf, nativeSeen, type KernelImage, type Moment, type Ram, type Seen } from './digests.ts';

/** `word`: the instruction there, of a point in a program, which only user mode reaches. */
export interface Point { readonly name: string; readonly address: bigint; readonly word?: number }
export interface Markers { readonly points: readonly Point[]; readonly image: KernelImage }

const HINT = 0x2013, FIELDS = 0xf_ffff, NUMBER = 20;

/** The markers in a program's file. */
export function pointsIn(program: Uint8Array): Point[] {
  const elf = parseElf(program), points: Point[] = [];
  if (!elf.ok) return points;
  for (const { vaddr, bytes, executable } of elf.value.segments) {
    const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let at = 0; executable && at + 4 <= bytes.length; at += 2) {
      const word = data.getUint32(at, true);
      if ((word & FIELDS) === HINT) points.push({ name: `marker ${word >>> NUMBER}`, address: BigInt(vaddr + at), word });
    }
  }
  return points;
}

/** What the guest sees at its markers, as the machine comes there. */
export function watchNative(machine: Machine, markers: Markers): Moment[] {
  return watch(machine, markers, (hart) => nativeSeen(machine, hart));
}
export function watchHosted(machine: Machine, kernel: Kernel, ram: Ram, markers: Markers): Moment[] {
  return watch(machine, markers, (hart) => {
    const thread = kernel.cpus[hart.id]!.running;
    return thread && runsGuest(thread) && (hart.virt ? thread.guest : hart.priv === 0) ? hostedSeen(machine, thread, ram) : undefined;
  });
}

function watch(machine: Machine, { points, image }: Markers, see: (hart: Hart) => Seen | undefined): Moment[] {
  const moments: Moment[] = [], debug = new Debugger(machine);
  /** Of this marker, after so many instructions: it is met again if a fault or the monitor's scan comes in between, before it is done. */
  let last = { name: '', retired: -1 };
  machine.debug = debug;
  for (const { name, address, word } of points) {
    debug.insert('break', address, 4, (hart) => {
      const seen = last.name === name && last.retired === hart.instret ? undefined : see(hart);
      if (seen && seen.isUser === (word !== undefined) && (word === undefined || holds(machine, seen, address, word)))
        last = { name, retired: moments.push(momentOf(machine, seen, name, image)) && hart.instret };
      return false;
    });
  }
  return moments;
}
/** Another program may have something else at this address. */
function holds(machine: Machine, { roots }: Seen, address: bigint, word: number): boolean {
  const bytes = readMemory(machine, roots, address, 4);
  return bytes?.length === 4 && new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true) === word;
}
