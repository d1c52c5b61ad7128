/**
 * Partition tables: MBR with logical partitions, and GPT. The caller supplies the requested bytes; an invalid table ends the list.
 *
 * Documentation: UEFI specification 2.10, chapter 5; https://en.wikipedia.org/wiki/Master_boot_record, Extended_boot_record
 */
const SECTOR = 512, MOST = 15;

/** Partition `number` is bytes [start, start + size) of the disk. */
export interface Partition { readonly number: number; readonly start: number; readonly size: number }
/** Reads bytes [pos, pos + length) of the disk; undefined on an error. */
export interface Wanted { readonly pos: number; readonly length: number }
type Search<T> = Generator<Wanted, T, Uint8Array | undefined>;

const view = (b: Uint8Array): DataView => new DataView(b.buffer, b.byteOffset, b.length);
const EXTENDED = new Set([0x05, 0x0f, 0x85]), PROTECTIVE = 0xee;

interface Entry { readonly type: number; readonly first: number; readonly count: number }
/** The four entries of a boot record, in sectors; undefined without its signature. */
function entriesOf(bytes: Uint8Array | undefined): Entry[] | undefined {
  if (!bytes || bytes[510] !== 0x55 || bytes[511] !== 0xaa) return undefined;
  const table = view(bytes);
  return [0, 1, 2, 3].map((i) => {
    const at = 446 + 16 * i;
    return { type: bytes[at + 4]!, first: table.getUint32(at + 8, true), count: table.getUint32(at + 12, true) };
  });
}

/** The partitions of a disk of `size` bytes, at most fifteen (as many as a disk has device numbers). */
export function* findPartitions(size: number): Search<Partition[]> {
  if (size < 2 * SECTOR) return [];
  const entries = entriesOf(yield { pos: 0, length: SECTOR });
  if (!entries) return [];
  const found = entries[0]!.type === PROTECTIVE ? yield* gpt(size) : yield* mbr(entries);
  return found.filter((p) => p.number <= MOST && p.size > 0 && p.start > 0 && p.start + p.size <= size);
}
function* mbr(entries: readonly Entry[]): Search<Partition[]> {
  const out: Partition[] = [];
  for (const [i, entry] of entries.entries()) {
    if (entry.type === 0 || entry.count === 0) continue;
    // The first two sectors of an extended partition count as a partition, as room for a boot loader.
    out.push({ number: i + 1, start: entry.first * SECTOR,
      size: (EXTENDED.has(entry.type) ? Math.min(2, entry.count) : entry.count) * SECTOR });
  }
  const extended = entries.find((e) => EXTENDED.has(e.type) && e.count > 0);
  if (extended) yield* logical(extended.first, out);
  return out;
}
/** The chain of records in an extended partition: each names one partition, relative to itself, and the next, relative to the first. */
function* logical(first: number, out: Partition[]): Search<void> {
  for (let at = first, number = 5; number <= MOST; number++) {
    const entries = entriesOf(yield { pos: at * SECTOR, length: SECTOR }), [own, next] = entries ?? [];
    if (own && own.type !== 0 && own.count > 0) out.push({ number, start: (at + own.first) * SECTOR, size: own.count * SECTOR });
    if (!next || !EXTENDED.has(next.type) || next.count === 0 || next.first === 0) return;
    at = first + next.first;
  }
}
/** The table behind the protective boot record, or its copy at the disk's end. */
function* gpt(size: number): Search<Partition[]> {
  const last = Math.floor(size / SECTOR) - 1;
  for (const at of [1, last]) {
    const head = yield { pos: at * SECTOR, length: SECTOR };
    if (!head || String.fromCharCode(...head.subarray(0, 8)) !== 'EFI PART') continue;
    const header = view(head), first = Number(header.getBigUint64(72, true)), count = Math.min(128, header.getUint32(80, true)),
      each = header.getUint32(84, true);
    if (each < 128 || each > 4096 || first < 1 || first > last) continue;
    const table = yield { pos: first * SECTOR, length: Math.ceil(count * each / SECTOR) * SECTOR };
    if (!table) continue;
    const entries = view(table), out: Partition[] = [];
    for (let i = 0; i < count; i++) {
      const start = Number(entries.getBigUint64(i * each + 32, true)), end = Number(entries.getBigUint64(i * each + 40, true));
      if (table.subarray(i * each, i * each + 16).some((b) => b !== 0) && end >= start)
        out.push({ number: i + 1, start: start * SECTOR, size: (end - start + 1) * SECTOR });
    }
    return out;
  }
  return [];
}
