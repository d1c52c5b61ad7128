/**
 * A Linux kernel with too little memory for its first tables panics before it has a console: nothing is seen, for ever. How much it
 * needs nobody can say who does not run it, so the user is told what to think of when nothing appears.
 */
const MIB = 2 ** 20;
/** Kernels larger than this are of Linux's kind. */
const LARGE = 8 * MIB;
/** Debian's 6.12 starts with 47 MiB beside itself and its initramfs. */
const COMFORT = 48 * MIB;

/**
 * The line for a kernel of `kernel` bytes (as it lies in memory) that would have little room in `memory` bytes; undefined when all is
 * well.
 */
export function tightMemory(path: string, kernel: number, initrd: number, memory: number): string | undefined {
  const left = memory - kernel - initrd;
  if (kernel < LARGE || left >= COMFORT) return undefined;
  const mib = (bytes: number): string => `${Math.max(0, Math.floor(bytes / MIB))} MiB`;
  return `tessera: warning: kernel '${path}' has ${mib(left)} of ${mib(memory)} left beside itself; with less than ${mib(COMFORT)} Linux `
    + `often stops before it can say so; if nothing appears, give more with --memory\n`;
}
