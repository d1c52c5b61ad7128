/**
 * Generates probes: each a system call with six arguments, from the rows of the system call table. It changes an argument of a good call
 * (bases.ts) to every value of its kind: each bit of flags, each kind of descriptor, each sort of bad address, the limits of sizes. Then it
 * changes several at once, by a seed.
 */
import { calls, type CallName } from '../../l4guest/abi/calls.ts';
import { rows } from '../../l4guest/syscalls/table.ts';
import { ADDRESSES, DATA, FDS, PATHS, bases } from './bases.ts';

export interface Probe { readonly name: CallName; readonly args: readonly string[] }
export const lineOf = (p: Probe): string => `${calls[p.name][0]} ${p.args.join(' ')}`;

const list = (letter: string, n: number): string[] => Array.from({ length: n }, (_, i) => `${letter}${i}`);
const BITS = [...Array.from({ length: 32 }, (_, i) => 2 ** i), 2 ** 32, 2 ** 40];
const SIZES = [0, 1, 2, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17, 23, 24, 25, 32, 64, 110, 111, 127, 128, 129, 255, 256, 257, 1024, 1025, 4095,
  4096, 4097, 65535, 65536, 0x7fffffff, 0x80000000, 0xffffffff, 2 ** 32, -1, -2, -4096];
const INTS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 19, 20, 31, 32, 33, 36, 37, 63, 64, 65, 99, 100, 255, 256,
  1000, 999999, 0x7fffffff, 0x80000000, 0xffffffff, 2 ** 32, -1, -2, -100];
/** Sums of bytes and positions near the maximum differ between file systems, so probes stay below. */
const POSITIONS = [0, 1, 3, 4095, 4096, 0x7fffffff, 2 ** 32, -1, -2, 2 ** 62];

type Pool = readonly string[];
const FLAGS = /^(flags|mask|mode|prot|options|how|rights|attributes|eventflags)$/,
  SIZE = /^(len|size|n|max|room|addrlen|backlog|newlen|count)$/, POSITION = /^pos$/;
const numbers = (values: readonly number[]): string[] => values.map((v) => `n${v}`);
/** All replacements of an argument. Addresses and process numbers are not replaced by arbitrary numbers. */
function poolOf(name: CallName, argument: string, base: string): Pool {
  const word = argument.split(':')[0]!, letter = base[0], value = Number(base.slice(1));
  if (letter === 'F') return list('F', FDS);
  if (letter === 'S') return [...list('S', PATHS), 'P0', 'P3', 'P4', 'P6'];
  if (letter === 'P') return [...list('P', ADDRESSES)];
  if (letter === 'D') return ['P0', 'P3', 'P4', 'P5', 'P6', base, ...(value <= 4 ? list('D', 5) : [])];
  if (/^(kill|tkill|tgkill)$/.test(name) && word !== 'sig') return ['n999999', 'n2147483647', 'n-999999'];
  if (/^(pid|tid|pgid|tgid|who)$/.test(word)) return numbers([0, 999999, 0x7fffffff, -5, -999999]);
  if (word === 'at' && value > 4096) return [base, `n${value + 1}`, `n${value + 4096}`, 'n0', 'n-4096', 'n1099511627776', 'P3'];
  if (FLAGS.test(word)) return [...numbers(BITS.flatMap((b) => (b > 2 ** 31 ? [b] : [b, (value | b) >>> 0]))), 'n-1', 'n0'];
  if (POSITION.test(word)) return numbers(POSITIONS);
  return numbers(SIZE.test(word) ? SIZES : INTS);
}
/** mulberry32: the same draws for the same seed everywhere. */
export function drawer(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
/** Combinations that would exhaust the computer's memory, harm the prober, or depend on its surroundings. */
function harmful(probe: Probe): boolean {
  const { name, args } = probe, [first, second, third] = args;
  if ((name === 'unlinkat' || name === 'renameat2') && args.includes('S18')) return true; // every program shares /dev/null
  if (['munmap', 'mremap', 'mprotect', 'pkey_mprotect'].includes(name))
    return !/^n5369|^n5370/.test(first!) || Number(second!.slice(1)) > 65536;
  if (name === 'mmap') return Number(second!.slice(1)) > 65536 && Number(second!.slice(1)) < 2 ** 40;
  // The memory after the prober's data, and Linux's time to allocate gigabytes, are not part of the interface.
  const between = (least: number, end: number): boolean => args.some((x) =>
    /^n\d+$/.test(x) && Number(x.slice(1)) >= least && Number(x.slice(1)) < end);
  if (args.includes('D6') && between(4096, 2 ** 33)) return true;
  if ((name === 'fallocate' || name === 'shmget') && between(2 ** 24, 2 ** 40)) return true;
  // Waits about as long as the prober's own sometimes end in time and sometimes not.
  if (name === 'epoll_pwait' && Number(args[3]!.slice(1)) > 20 && Number(args[3]!.slice(1)) < 5000) return true;
  if (name === 'brk' || name === 'mlockall') return first !== 'n0' && first !== 'n1';
  if (name === 'setrlimit' || name === 'prlimit64') return args.includes('D14') && !args.some((x) => x === 'n7');
  if (name === 'fcntl') return second === 'n8' && third !== 'n0' && third !== 'n999999';
  return false;
}
const usable = (): CallName[] => rows.map((r) => r.name).filter((n) => bases[n] !== undefined);
/** One argument at a time. */
export function systematic(): Probe[] {
  const out: Probe[] = [];
  for (const name of usable()) {
    const formats = calls[name][1].split(' ').filter((w) => w !== '');
    for (const text of bases[name]!) {
      const base = text.split(' ').filter((w) => w !== '');
      out.push({ name, args: base });
      base.forEach((usual, i) => {
        for (const x of new Set(poolOf(name, formats[i] ?? 'x', usual)))
          if (x !== usual) out.push({ name, args: base.map((y, j) => (j === i ? x : y)) });
      });
    }
  }
  return out.filter((p) => !harmful(p));
}
/** Two or three arguments at once, of a call drawn by the seed. */
export function drawn(seed: number, count: number): Probe[] {
  const next = drawer(seed), pick = <T>(from: readonly T[]): T => from[Math.floor(next() * from.length)]!,
    names = usable().filter((n) => bases[n]!.some((b) => b.split(' ').length > 1)), out: Probe[] = [];
  while (out.length < count) {
    const name = pick(names), formats = calls[name][1].split(' '), base = pick(bases[name]!).split(' '), args = [...base];
    for (let k = 0; k < 2 + Math.floor(next() * 2); k++) {
      const i = Math.floor(next() * args.length);
      args[i] = pick(poolOf(name, formats[i] ?? 'x', base[i]!));
    }
    const probe = { name, args };
    if (!harmful(probe)) out.push(probe);
  }
  return out;
}
export { DATA };
