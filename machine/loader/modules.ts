/** Files that a boot loader puts into RAM before the start: in order, page aligned, below what the kernel keeps. */
import type { PhysicalMemory } from '../api.ts';

const PAGE = 4096;
const roundUp = (n: number): number => Math.ceil(n / PAGE) * PAGE;

/** Contents that write themselves to their place, into zeroed memory. */
export interface ModuleContents { readonly length: number; copyTo(target: Uint8Array): void }
export interface BootModule { readonly name: string; readonly bytes: Uint8Array | ModuleContents }

/** Returns their addresses; the last one ends at `top`. @throws RangeError when the RAM does not hold them. */
export function placeModules(memory: PhysicalMemory, top: number,
    files: readonly BootModule[]): { name: string; base: number; size: number }[] {
  let base = top - (top % PAGE) - files.reduce((sum, f) => sum + roundUp(f.bytes.length), 0);
  if (base <= memory.base) throw new RangeError(`the boot modules (${top - base} bytes) do not fit the RAM: give the board more`);
  return files.map(({ name, bytes }) => {
    const at = base;
    if (bytes.length > 0) {
      const target = memory.writable(at, bytes.length);
      if ('copyTo' in bytes) bytes.copyTo(target);
      else target.set(bytes);
    }
    base += roundUp(bytes.length);
    return { name, base: at, size: bytes.length };
  });
}
