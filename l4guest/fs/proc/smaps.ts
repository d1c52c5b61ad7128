/** /proc/PID/smaps, smaps_rollup, map_files, clear_refs and mountstats: what the memory of a process consists of. */
import { E } from '../../abi/errno.ts';
import { S } from '../../abi/linux.ts';
import { CallError } from '../../kernel/failure.ts';
import type { Process } from '../../kernel/process.ts';
import { pteFrame } from '../../mm/pagetable.ts';
import { bytesOf } from '../../mm/uaccess.ts';
import type { Vma } from '../../mm/vma.ts';
import { GeneratedInode, type GeneratedDir } from '../generated.ts';
import { GuardedDir, GuardedInode, guardedLink } from './guarded.ts';
import type { DirEntry, FileSystem } from '../inode.ts';
import { mapLine } from './maps.ts';

const PAGE_KB = 4;
/** The figures of areas in kB, in Linux's order; those of a rollup have some more, which smaps leaves away. */
const FIGURES = ['Rss', 'Pss', 'Pss_Dirty', 'Pss_Anon', 'Pss_File', 'Pss_Shmem', 'Shared_Clean', 'Shared_Dirty', 'Private_Clean',
  'Private_Dirty', 'Anonymous', 'KSM', 'LazyFree', 'AnonHugePages', 'ShmemPmdMapped', 'FilePmdMapped', 'Shared_Hugetlb', 'Private_Hugetlb',
  'Swap', 'SwapPss', 'Locked'] as const;
const ROLLUP_ONLY: readonly string[] = ['Pss_Anon', 'Pss_File', 'Pss_Shmem'];
type Figures = Record<(typeof FIGURES)[number], number>;
const none = (): Figures => Object.fromEntries(FIGURES.map((name) => [name, 0])) as Figures;

/** Adds an area's pages. A page counts in Pss by the number of processes that have it. */
function count(process: Process, vma: Vma, sum: Figures): void {
  const { mm } = process, { frames } = mm;
  let resident = 0;
  mm.table.update(vma.start / 4096, vma.end / 4096, (vpn, pte) => {
    const frame = pteFrame(pte);
    if (frame === frames.zero) return pte;
    const { object } = vma, page = vma.pageOf(vpn), isObjects = object?.resident(page) === true && object.frameToRead(page) === frame;
    // A page cache holds its frames as well; read-only files in memory are not counted.
    const users = Math.max(1, frames.users(frame) - (isObjects ? 1 : 0)), share = PAGE_KB / users, isMemory = isObjects && vma.shared;
    const dirty = !isObjects || isMemory ? 'Dirty' : 'Clean';
    resident += PAGE_KB;
    sum.Pss += share;
    if (dirty === 'Dirty') sum.Pss_Dirty += share;
    sum[isMemory ? 'Pss_Shmem' : isObjects ? 'Pss_File' : 'Pss_Anon'] += share;
    sum[`${users > 1 ? 'Shared' : 'Private'}_${dirty}`] += PAGE_KB;
    if (!isObjects) sum.Anonymous += PAGE_KB;
    return pte;
  });
  for (const vpn of mm.swapped?.keys() ?? []) if (vpn >= vma.start / 4096 && vpn < vma.end / 4096) sum.Swap += PAGE_KB;
  sum.SwapPss = sum.Swap;
  sum.Rss += resident;
  sum.Locked += [0, (vma.end - vma.start) / 1024, resident][vma.locked]!;
}
const kb = (name: string, n: number): string => `${`${name}:`.padEnd(16)}${String(Math.floor(n)).padStart(8)} kB\n`;
const flagsOf = ({ prot, shared, mayWrite, locked, fork, undumped }: Vma): string => [
  prot & 1 && 'rd', prot & 2 && 'wr', prot & 4 && 'ex', shared && 'sh', 'mr', mayWrite !== false && 'mw', 'me', shared && 'ms',
  locked > 0 && 'lo', fork === 'none' && 'dc', fork === 'wipe' && 'wf', undumped && 'dd',
].filter(Boolean).join(' ');

/** An area's lines. */
function linesOf(process: Process, vma: Vma): string {
  const sum = none();
  count(process, vma, sum);
  const lines = FIGURES.filter((name) => !ROLLUP_ONLY.includes(name)).map((name) => kb(name, sum[name])).join('');
  return `${mapLine(vma)}${kb('Size', (vma.end - vma.start) / 1024)}${kb('KernelPageSize', 4)}${kb('MMUPageSize', 4)}${lines}`
    + `THPeligible:           0\nVmFlags: ${flagsOf(vma)} \n`;
}
/** Bytes that an area's lines take at most, besides its name. */
const MOST_LINES = 800;
/** Tens of thousands of areas make a long text: it is written into one buffer, for which there must be memory. */
export function smaps(process: Process): Uint8Array {
  const list = process.alive ? process.mm.areas.list : [];
  const room = list.reduce((sum, vma) => sum + MOST_LINES + (vma.name?.length ?? 0), 0);
  if (!process.k.frames.affords(room)) throw new CallError(E.NOMEM);
  const text = new Uint8Array(room);
  let at = 0;
  for (const vma of list) {
    const lines = bytesOf(linesOf(process, vma));
    text.set(lines, at);
    at += lines.length;
  }
  return text.subarray(0, at);
}

/** The sums over all areas. */
function rollup(process: Process): string {
  if (!process.alive) return '';
  const { list } = process.mm.areas, sum = none(), hex = (n: number): string => n.toString(16).padStart(8, '0');
  for (const vma of list) count(process, vma, sum);
  const head = `${hex(list[0]?.start ?? 0)}-${hex(list.at(-1)?.end ?? 0)} ---p 00000000 00:00 0 `;
  return `${head.padEnd(73)}[rollup]\n${FIGURES.map((name) => kb(name, sum[name])).join('')}`;
}

/** A link for each area of a file, named by its addresses. */
function mapFiles(fs: FileSystem, process: Process): GeneratedDir {
  const nameOf = (vma: Vma): string => `${vma.start.toString(16)}-${vma.end.toString(16)}`,
    files = (): Vma[] => (process.alive ? process.mm.areas.list.filter((vma) => (vma.object?.ino ?? 0) !== 0) : []);
  return new GuardedDir(fs, process, false, (name) => {
    const vma = files().find((a) => nameOf(a) === name);
    return vma && guardedLink(fs, process, () => vma.name ?? '', () => undefined);
  }, (): DirEntry[] => files().map((vma) => ({ name: nameOf(vma), ino: vma.object!.ino, type: S.IFLNK })));
}

/** 1 to 4 clear bits that no figure here shows; 5 resets the peak of resident memory. */
function clearRefs(process: Process, text: string): number {
  const kind = Number(text.trim());
  if (!/^[1-5]$/.test(text.trim())) return -E.INVAL;
  if (kind === 5 && process.alive) process.mm.peak = process.mm.table.count;
  return 0;
}

/** Adds these files to the directory of a process or thread; `mountstats`: its mounts, a line each. */
export function addMemoryFiles(dir: GeneratedDir, fs: FileSystem, process: Process, mountstats: () => string): void {
  dir.add('smaps', new GuardedInode(fs, process, 0o444, () => smaps(process)))
    .add('smaps_rollup', new GuardedInode(fs, process, 0o444, () => rollup(process))).add('map_files', mapFiles(fs, process))
    .add('clear_refs', new GeneratedInode(fs, () => '', (_t, text) => clearRefs(process, text), 0o200))
    .add('mountstats', new GeneratedInode(fs, mountstats, undefined, 0o400));
}
