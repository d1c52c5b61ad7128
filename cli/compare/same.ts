/**
 * Moments of a guest (digests.ts) under a technique against those natively. Registers, the process's pages and the kernel's code are
 * compared at their addresses; all of memory by contents, because a kernel that finds another board gives out other pages.
 */
import { nameOfRegister, type Moment } from './digests.ts';

const PAGE = 4096;

/** Pages that were compared, those that are the same, and where the others are, with how many of their bytes differ. */
export interface PagesSame { pages: number; same: number; readonly differ: Record<string, number> }
export interface Sameness {
  /** Markers that were seen, in this order; undefined: they are different ones. And how many natively only. */
  readonly markers: readonly string[] | undefined;
  readonly unseen: number;
  /** Registers that differ at a marker. */
  readonly registers: readonly string[];
  readonly process: PagesSame;
  readonly code: PagesSame;
  readonly data: PagesSame;
  /** Pages of all memory, and those whose contents some page has natively. */
  readonly memory: { pages: number; known: number };
}

/** `nameAt`: of a place in the kernel's image; `codeEnd`: its first address behind code. */
export function sameness(native: readonly Moment[], other: readonly Moment[], codeEnd: number,
    nameAt: (address: number) => string): Sameness {
  const none = (): PagesSame => ({ pages: 0, same: 0, differ: {} }), process = none(), code = none(), data = none(),
    registers: string[] = [], memory = { pages: 0, known: 0 };
  const markers = other.map((m) => m.marker), pairs = paired(native, other), unseen = native.length - other.length;
  if (!pairs) return { markers: undefined, unseen, registers, process, code, data, memory };
  for (const [before, after] of pairs) {
    before.registers.forEach((value, n) => {
      if (value !== after.registers[n]) registers.push(`${nameOfRegister(n)} at ${before.marker}`);
    });
    compare(process, before.process, after.process, (va) => `0x${va.toString(16)}`);
    const part = (of: Moment, isCode: boolean): Map<number, Uint8Array | number> =>
      new Map([...of.kernel].filter(([at]) => at < codeEnd === isCode));
    compare(code, part(before, true), part(after, true), nameAt);
    compare(data, part(before, false), part(after, false), nameAt);
    const contents = new Set(before.pages);
    memory.pages += after.pages.length;
    for (const digest of after.pages) if (contents.has(digest)) memory.known++;
  }
  return { markers, unseen, registers, process, code, data, memory };
}

/**
 * Each moment with its native one, in order. Where look-ahead has done a marker itself, nobody saw it: then the next native one with
 * the same registers is taken. undefined: these are other markers.
 */
function paired(native: readonly Moment[], other: readonly Moment[]): [Moment, Moment][] | undefined {
  const pairs: [Moment, Moment][] = [];
  let at = 0;
  for (const after of other) {
    const isSame = (m: Moment, i: number): boolean => i >= at && m.marker === after.marker && m.registers.join() === after.registers.join();
    const found = other.length < native.length ? native.findIndex(isSame) : -1, before = native[found < 0 ? at : found];
    if (before?.marker !== after.marker) return undefined;
    pairs.push([before, after]);
    at = (found < 0 ? at : found) + 1;
  }
  return other.length === 0 ? undefined : pairs;
}

type Page = Uint8Array | number | undefined;
function compare<Address extends number | bigint>(found: PagesSame, before: ReadonlyMap<Address, Uint8Array | number>,
    after: ReadonlyMap<Address, Uint8Array | number>, nameOf: (at: Address) => string): void {
  for (const at of new Set([...before.keys(), ...after.keys()])) {
    const places = [...differing(before.get(at), after.get(at))];
    found.pages++;
    if (places.length === 0) found.same++;
    for (const i of places) note(found, nameOf(typeof at === 'number' ? (at + i) as Address : at), 1);
  }
}
/** Offsets of bytes that differ; of pages that are not there, or only digests, the first one. */
function* differing(before: Page, after: Page): Generator<number> {
  if (!(before instanceof Uint8Array && after instanceof Uint8Array)) { if (before !== after) yield 0; return; }
  for (let i = 0; i < PAGE; i++) if (before[i] !== after[i]) yield i;
}
const note = ({ differ }: PagesSame, name: string, bytes: number): void => { differ[name] = (differ[name] ?? 0) + bytes; };

const SHOWN = 8;
/** Lines about one technique. */
export function sayings(way: string, { markers, unseen, registers, process, code, data, memory }: Sameness): string[] {
  if (!markers) return [`digests under ${way}: the guest does not set the markers that it sets natively`];
  const of = (what: string, { pages, same, differ }: PagesSame): string[] => {
    const most = Object.entries(differ).toSorted(([, a], [, b]) => b - a), rest = most.length - SHOWN;
    const shown = most.slice(0, SHOWN).map(([name, bytes]) => `${name} (${bytes})`).join(', ');
    return [`  ${what}: ${same} of ${pages} pages the same${same === pages ? '' : `; bytes that differ: ${shown}`}`
      + (rest > 0 ? ` and ${rest} more places` : '')];
  };
  const more = unseen > 0 ? `; ${unseen} more were done by look-ahead` : '';
  return [`digests under ${way}, at ${markers.length} markers (${[...new Set(markers)].join(', ')}${more}):`,
    `  registers: ${registers.length === 0 ? 'the same' : `differ: ${registers.join(', ')}`}`,
    ...(process.pages > 0 ? of('memory of the process', process) : []), ...(code.pages > 0 ? of("kernel's code", code) : []),
    ...of("rest of the kernel's image", data),
    `  all memory: ${memory.known} of ${memory.pages} pages have contents that a page has natively`];
}
