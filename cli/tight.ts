/**
 * A Linux kernel with too little memory for its first tables panics before it has a console, without any output. Its need is unknown before
 * the run, so this prints a hint when the memory looks tight.
 */
const MIB = 2 ** 20;
/** Kernels larger than this are probably Linux. */
const LARGE = 8 * MIB;
/** Debian's 6.12 needs 47 MiB besides itself and its initramfs. */
const COMFORT = 48 * MIB;

/**
 * The line for a kernel of `kernel` bytes (as it lies in memory) that would have little room in `memory` bytes; undefined when there is
 * enough.
 */
export function tightMemory(path: string, kernel: number, initrd: number, memory: number): string | undefined {
  const left = memory - kernel - initrd;
  if (kernel < LARGE || left >= COMFORT) return undefined;
  const mib = (bytes: number): string => `${Math.max(0, Math.floor(bytes / MIB))} MiB`;
  return `tessera: warning: kernel '${path}' has ${mib(left)} of ${mib(memory)} left beside itself; with less than ${mib(COMFORT)} Linux `
    + `often stops before it can say so; if nothing appears, give more with --memory\n`;
}
