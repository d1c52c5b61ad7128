/** Page tables as the MMU sees them: only from the words in RAM, not from the kernel's records. */
import { Right } from '../abi/index.ts';
import type { Frames } from '../frames.ts';
import { LEVEL_SIZE, within } from '../mem/node.ts';
import type { Space } from '../mem/space.ts';
import { PTE } from '../mem/table.ts';

export function entryFlags(frames: Frames, tablePa: number, index: number): number {
  return frames.words[(tablePa - frames.base) / 4 + index * 2] & 0x3ff;
}
export function entryAddress(frames: Frames, tablePa: number, index: number): number {
  const at = (tablePa - frames.base) / 4 + index * 2;
  return ((frames.words[at] >>> 10) + frames.words[at + 1] * 2 ** 22) * 4096;
}

/** Where `va` is, and with which rights (Right.*); undefined: it is not mapped. */
export function walk(space: Space, va: number): { pa: number; rights: number } | undefined {
  if (!space.holds(va, 1)) return undefined;
  const { frames } = space.k;
  let table = space.root.pa;
  for (let { level } = space.root; level >= 0; level--) {
    const i = space.indexAt(va, level), flags = entryFlags(frames, table, i), next = entryAddress(frames, table, i);
    if ((flags & PTE.V) === 0) return undefined;
    if ((flags & (PTE.R | PTE.W | PTE.X)) !== 0) return { pa: next + within(va, LEVEL_SIZE[level]), rights: (flags >> 1) & Right.RWX };
    table = next;
  }
  return undefined;
}
