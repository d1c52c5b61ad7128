/**
 * What Linux tells programs of the processor, by keys (riscv_hwprobe) and as text (/proc/cpuinfo), from an ISA string.
 * Source: Linux 6.12, Documentation/arch/riscv/hwprobe.rst.
 */

/** Extensions for programs, in the order of /proc/cpuinfo, with the bit in IMA_EXT_0 of those that have one. */
const EXTENSIONS: readonly (readonly [name: string, bit?: number])[] = [
  ['zicbom'], ['zicboz', 6], ['zicntr'], ['zicond', 35], ['zicsr'], ['zifencei'], ['zihintntl', 29], ['zihintpause', 36], ['zimop', 42],
  ['zacas', 34], ['zawrs', 48], ['zfa', 32], ['zfh', 27], ['zfhmin', 28], ['zca', 43], ['zcb', 44], ['zcd', 45], ['zcmop', 47], ['zba', 3],
  ['zbb', 4], ['zbc', 7], ['zbkb', 8], ['zbkc', 9], ['zbkx', 10], ['zbs', 5],
];
const CONTAINED: Readonly<Record<string, readonly string[]>> = { c: ['zca'], zfh: ['zfhmin'] };
/** The letters that stand for what every program may expect (RV64GC), in canonical order. */
const LETTERS = 'imafdc';
/** The processor of a server that is told of none. */
export const PLAIN_ISA = `rv64${LETTERS}_zicntr_zicsr_zifencei`;

function extensionsOf(isa: string): Set<string> {
  const [letters, ...names] = isa.split('_'), all = new Set([...letters!.slice('rv64'.length), ...names]);
  for (const [name, parts] of Object.entries(CONTAINED)) if (all.has(name)) for (const part of parts) all.add(part);
  if (all.has('c') && all.has('d')) all.add('zcd');
  return all;
}

/** The ISA string of /proc/cpuinfo. */
export function isaForPrograms(isa: string): string {
  const all = extensionsOf(isa);
  return [`rv64${[...LETTERS].filter((letter) => all.has(letter)).join('')}`, ...EXTENSIONS.map(([name]) => name)
    .filter((name) => all.has(name))].join('_');
}

const BASE_IMA = 1n, FAST = 3n, TICKS_A_SECOND = 10_000_000n, CACHE_BLOCK = 64n;
/** Keys whose values are sets of bits; the others are compared as a whole. */
const BASE_BEHAVIOUR = 3, IMA_EXT_0 = 4, CPUPERF_0 = 5;
export const isBits = (key: number): boolean => key === BASE_BEHAVIOUR || key === IMA_EXT_0 || key === CPUPERF_0;

/**
 * The values of all keys that there are, by key: vendor, architecture and implementation are not told. `end`: where the addresses of
 * programs end.
 */
export function hardwareValues(isa: string, end: number): readonly bigint[] {
  const all = extensionsOf(isa);
  let bits = (all.has('f') && all.has('d') ? 1n : 0n) | (all.has('c') ? 2n : 0n);
  for (const [name, bit] of EXTENSIONS) if (bit !== undefined && all.has(name)) bits |= 1n << BigInt(bit);
  return [0n, 0n, 0n, BASE_IMA, bits, FAST, all.has('zicboz') ? CACHE_BLOCK : 0n, BigInt(end), TICKS_A_SECOND, FAST];
}
