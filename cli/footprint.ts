/**
 * Host memory of a run besides the RAM that the guest has touched, from Linux's figures; undefined on other systems.
 *
 *   resident = guest + overhead;  overhead = tlbs + records + javascript + program + rest
 */
import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { getHeapStatistics } from 'node:v8';
import type { Machine } from '../machine/index.ts';

/** All in bytes. */
export interface Footprint {
  /** Resident memory of the process. */
  readonly resident: number;
  /** The part that is the machine's RAM. */
  readonly guest: number;
  /** The rest: the overhead. */
  readonly overhead: number;
  readonly tlbs: number;
  /** Decoded instructions and their side data. */
  readonly records: number;
  /** JavaScript's heap. */
  readonly javascript: number;
  /** Pages of files: Node itself and its libraries. */
  readonly program: number;
  /** Translations, their compiler's memory, stacks. */
  readonly rest: number;
}

/** A mapping of this process: [start, end), bytes in memory, file or ''. */
interface Mapping { readonly start: number; readonly end: number; readonly resident: number; readonly path: string }

const PAGE = 4096;
/**
 * One word of /proc/self/pagemap: its last byte has bits for a present page, and for an exclusive one (so that it is not the system's
 * page of zeros).
 */
const WORD = 8, FLAGS = 7, PRESENT = 0x80, OWN = 0x01;

export function footprint(machine: Machine): Footprint | undefined {
  try {
    return measured(machine);
  } catch {
    return undefined; // no /proc, or one without this file
  }
}

function measured({ linear: { layout } }: Machine): Footprint | undefined {
  const mappings = parseMappings(readFileSync('/proc/self/smaps', 'latin1'));
  // The engine's memory is the only mapping of its size; after a reboot the last machine's may still be there.
  const [memory, other] = mappings.filter((m) => m.path === '' && m.end - m.start === layout.bytes);
  if (memory === undefined || other !== undefined) return undefined;
  const [tlbs, records, guest] = [
    [layout.tlbs, layout.codeMap], [layout.codePages, layout.ram], [layout.ram, layout.bytes]
  ].map(([from, to]) =>
    ownBytes(memory.start + from!, memory.start + to!));
  const sum = (list: readonly Mapping[]): number => list.reduce((total, m) => total + m.resident, 0);
  const resident = sum(mappings), program = sum(mappings.filter((m) => m.path.startsWith('/'))),
    javascript = getHeapStatistics().total_physical_size;
  const overhead = resident - guest!;
  return {
    resident, guest: guest!, overhead, tlbs: tlbs!, records: records!, javascript, program,
    rest: overhead - tlbs! - records! - javascript - program
  };
}

/** Reads /proc/PID/smaps. */
export function parseMappings(text: string): Mapping[] {
  return [...text.matchAll(/^([0-9a-f]+)-([0-9a-f]+) \S+ \S+ \S+ \S+ *(.*)\n(?:(?![0-9a-f]+-).*\n)*?Rss: +(\d+) kB$/gm)]
    .map(([, start, end, path, kib]) => ({
      start: parseInt(start!, 16), end: parseInt(end!, 16), resident: Number(kib) * 1024, path: path!
    }));
}

/** Resident bytes of [from, to), by pages. */
function ownBytes(from: number, to: number): number {
  const first = Math.floor(from / PAGE), words = Buffer.alloc((Math.ceil(to / PAGE) - first) * WORD);
  const file = openSync('/proc/self/pagemap', 'r');
  try {
    if (readSync(file, words, 0, words.length, first * WORD) !== words.length) throw new RangeError('pagemap is cut short');
  } finally {
    closeSync(file);
  }
  let pages = 0;
  for (let at = FLAGS; at < words.length; at += WORD) if ((words[at]! & PRESENT) !== 0 && (words[at]! & OWN) !== 0) pages++;
  return pages * PAGE;
}
