/** /proc/PID/maps. */
import type { Process } from '../../kernel/process.ts';
import type { Thread } from '../../kernel/thread.ts';
import { E } from '../../abi/errno.ts';
import { mayInspect } from '../../kernel/tracing.ts';
import { bytesOf, copyIn, copyOut, getI64 } from '../../mm/uaccess.ts';
import { GeneratedFile, GeneratedInode } from '../generated.ts';
import type { FileSystem } from '../inode.ts';
import type { Vma } from '../../mm/vma.ts';

export function mapLine(vma: Vma): string {
  const { prot, object } = vma, hex = (n: number, width: number): string => n.toString(16).padStart(width, '0');
  const rights = `${prot & 1 ? 'r' : '-'}${prot & 2 ? 'w' : '-'}${prot & 4 ? 'x' : '-'}${vma.shared && object?.ino ? 's' : 'p'}`;
  const file = `${hex(object ? vma.first * 4096 : 0, 8)} 00:${hex(object?.dev ?? 0, 2)} ${object?.ino ?? 0}`;
  const head = `${hex(vma.start, 8)}-${hex(vma.end, 8)} ${rights} ${file} `;
  return `${vma.name ? `${head.padEnd(73)}${vma.name}` : head}\n`;
}
/** The areas of a process, one per line. */
export const mapsOf = (p: Process): string => (p.alive ? p.mm.areas.list.map(mapLine).join('') : '');
export class MapsInode extends GeneratedInode {
  readonly process: Process;
  constructor(fs: FileSystem, p: Process) { super(fs, () => mapsOf(p)); this.process = p; }
  override open(t: Thread, flags: number): GeneratedFile | number {
    return mayInspect(t, this.process) ? new MapsFile(this, flags) : -E.ACCES;
  }
}
/** PROCMAP_QUERY: one area, as a structure. Bits: readable, writable, executable, shared; covering or next; only of files. */
const QUERY = 0xc0686611, NEXT = 0x10, OF_FILE = 0x20, ALL = 0x3f, LENGTH = 104;
class MapsFile extends GeneratedFile {
  override ioctl(thread: Thread, command: number, va: number): number {
    if (command >>> 0 !== QUERY) return -E.NOTTY;
    const size = getI64(thread.mm, va);
    if (size > 4096) return -E.TOOBIG;
    if (size < LENGTH) return -E.INVAL;
    const bytes = copyIn(thread.mm, va, LENGTH), view = new DataView(bytes.buffer), at = getI64(thread.mm, va + 16),
      flags = getI64(thread.mm, va + 8),
      process = (this.inode as MapsInode).process;
    if (flags & ~ALL || (view.getBigUint64(88, true) === 0n) !== (view.getUint32(80, true) === 0) ||
      (view.getBigUint64(96, true) === 0n) !== (view.getUint32(84, true) === 0)) return -E.INVAL;
    const area = process.alive ? process.mm.areas.list.find((a) => a.end > at && (a.start <= at || (flags & NEXT) !== 0) && suits(a, flags))
      : undefined;
    if (!area || (!(flags & NEXT) && area.start > at)) return process.alive ? -E.NOENT : -E.SRCH;
    return tell(thread, va, view, bytes, area);
  }
}
const rightsOf = (a: Vma): number => (a.prot & 7) | (a.shared && a.object?.ino ? 8 : 0);
const suits = (a: Vma, flags: number): boolean => (flags & 15 & ~rightsOf(a)) === 0 && (!(flags & OF_FILE) || (a.object?.ino ?? 0) !== 0);
function tell(thread: Thread, va: number, view: DataView, bytes: Uint8Array, vma: Vma): number {
  const name = bytesOf(`${vma.name ?? ''}\0`), room = view.getUint32(80, true), named = name.length > 1;
  if (room && named && room < name.length) return -E.NAMETOOLONG;
  const put = (at: number, n: number): void => view.setBigUint64(at, BigInt(n), true);
  put(24, vma.start); put(32, vma.end); put(40, rightsOf(vma)); put(48, 4096); put(56, vma.object ? vma.first * 4096 : 0);
  put(64, vma.object?.ino ?? 0);
  view.setUint32(72, (vma.object?.dev ?? 0) >>> 8, true);
  view.setUint32(76, (vma.object?.dev ?? 0) & 0xff, true);
  view.setUint32(80, room && named ? name.length : 0, true);
  view.setUint32(84, 0, true);
  if (room && named) copyOut(thread.mm, Number(view.getBigUint64(88, true)), name);
  copyOut(thread.mm, va, bytes);
  return 0;
}
