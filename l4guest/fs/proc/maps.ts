/** /proc/PID/maps and smaps. */
import type { Process } from '../../kernel/process.ts';
import type { Thread } from '../../kernel/thread.ts';
import { E } from '../../abi/errno.ts';
import { bytesOf, copyIn, copyOut, getI64 } from '../../mm/uaccess.ts';
import { GeneratedFile, GeneratedInode } from '../generated.ts';
import type { FileSystem } from '../inode.ts';
import type { Vma } from '../../mm/vma.ts';

function line(v: Vma): string {
  const p = v.prot, rights = `${p & 1 ? 'r' : '-'}${p & 2 ? 'w' : '-'}${p & 4 ? 'x' : '-'}${v.shared && v.object?.ino ? 's' : 'p'}`,
    hex = (n: number, w: number): string => n.toString(16).padStart(w, '0');
  const head = `${hex(v.start, 8)}-${hex(v.end, 8)} ${rights} ${hex(v.object ? v.first * 4096 : 0, 8)} 00:${hex(v.object?.dev ?? 0, 2)} `
    + `${v.object?.ino ?? 0} `;
  return `${v.name ? `${head.padEnd(73)}${v.name}` : head}\n`;
}
/** The areas of a process, one a line. */
export const mapsOf = (p: Process): string => (p.alive ? p.mm.areas.list.map(line).join('') : '');
export class MapsInode extends GeneratedInode {
  readonly process: Process;
  constructor(fs: FileSystem, p: Process) { super(fs, () => mapsOf(p)); this.process = p; }
  override open(_t: unknown, flags: number): GeneratedFile { return new MapsFile(this, flags); }
}
/** PROCMAP_QUERY: one area, as a structure. Bits: readable, writable, executable, shared; covering or next; only of files. */
const QUERY = 0xc0686611, NEXT = 0x10, OF_FILE = 0x20, ALL = 0x3f, LENGTH = 104;
class MapsFile extends GeneratedFile {
  override ioctl(t: Thread, command: number, va: number): number {
    if (command >>> 0 !== QUERY) return -E.NOTTY;
    const size = getI64(t.mm, va);
    if (size > 4096) return -E.TOOBIG;
    if (size < LENGTH) return -E.INVAL;
    const q = copyIn(t.mm, va, LENGTH), v = new DataView(q.buffer), at = getI64(t.mm, va + 16), flags = getI64(t.mm, va + 8),
      p = (this.inode as MapsInode).process;
    if (flags & ~ALL || (v.getBigUint64(88, true) === 0n) !== (v.getUint32(80, true) === 0) ||
      (v.getBigUint64(96, true) === 0n) !== (v.getUint32(84, true) === 0)) return -E.INVAL;
    const area = p.alive ? p.mm.areas.list.find((a) => a.end > at && (a.start <= at || (flags & NEXT) !== 0) && suits(a, flags))
      : undefined;
    if (!area || (!(flags & NEXT) && area.start > at)) return p.alive ? -E.NOENT : -E.SRCH;
    return tell(t, va, v, q, area);
  }
}
const rightsOf = (a: Vma): number => (a.prot & 7) | (a.shared && a.object?.ino ? 8 : 0);
const suits = (a: Vma, flags: number): boolean => (flags & 15 & ~rightsOf(a)) === 0 && (!(flags & OF_FILE) || (a.object?.ino ?? 0) !== 0);
function tell(t: Thread, va: number, v: DataView, q: Uint8Array, a: Vma): number {
  const name = bytesOf(`${a.name ?? ''}\0`), room = v.getUint32(80, true), named = name.length > 1;
  if (room && named && room < name.length) return -E.NAMETOOLONG;
  const put = (at: number, n: number): void => v.setBigUint64(at, BigInt(n), true);
  put(24, a.start); put(32, a.end); put(40, rightsOf(a)); put(48, 4096); put(56, a.object ? a.first * 4096 : 0);
  put(64, a.object?.ino ?? 0);
  v.setUint32(72, (a.object?.dev ?? 0) >>> 8, true);
  v.setUint32(76, (a.object?.dev ?? 0) & 0xff, true);
  v.setUint32(80, room && named ? name.length : 0, true);
  v.setUint32(84, 0, true);
  if (room && named) copyOut(t.mm, Number(v.getBigUint64(88, true)), name);
  copyOut(t.mm, va, q);
  return 0;
}
export function smaps(p: Process, _t: Thread): string {
  if (!p.alive) return '';
  return p.mm.areas.list.map((v) => {
    let resident = 0;
    p.mm.table.update(v.start / 4096, v.end / 4096, (_vpn, pte) => { resident += 4; return pte; });
    const kb = (name: string, n: number): string => `${`${name}:`.padEnd(16)}${String(n).padStart(8)} kB\n`;
    const size = (v.end - v.start) / 1024, locked = [0, size, resident][v.locked]!;
    const figures = {
      Size: size, KernelPageSize: 4, MMUPageSize: 4, Rss: resident, Pss: resident, Private_Dirty: v.shared ? 0 : resident, Swap: 0,
      Locked: locked
    };
    return line(v) + Object.entries(figures).map(([name, n]) => kb(name, n)).join('');
  }).join('');
}
