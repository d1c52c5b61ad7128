/** /proc/PID/pagemap: eight bytes for each page of a process. */
import { E } from '../../abi/errno.ts';
import { Cap } from '../../abi/linux.ts';
import { capable } from '../../kernel/creds.ts';
import type { Process } from '../../kernel/process.ts';
import type { Thread } from '../../kernel/thread.ts';
import type { Io } from '../../mm/uaccess.ts';
import { File } from '../file.ts';
import type { TracerInode } from './mem.ts';

/** Bits of an entry: present; of a file or shared; mapped by this process alone. */
const PRESENT = 1n << 63n, OF_FILE = 1n << 61n, EXCLUSIVE = 1n << 56n;
const LAST = 2 ** 38 / 4096;

export class PageMapFile extends File {
  declare readonly inode: TracerInode;
  override get seekable(): boolean { return true; }
  override read(io: Io, pos: number, thread: Thread): number {
    const { process } = this.inode;
    if (pos % 8 !== 0 || io.left % 8 !== 0) return -E.INVAL;
    if (!process.alive) return 0;
    const n = Math.max(0, Math.min(io.left / 8, LAST - pos / 8, 4096)), out = new BigUint64Array(n),
      sees = capable(thread.creds, Cap.SYS_ADMIN);
    for (let i = 0; i < n; i++) out[i] = entry(process, pos / 8 + i, sees);
    io.put(new Uint8Array(out.buffer), 0, n * 8);
    return n * 8;
  }
}
/** Only privileged readers see frame numbers. */
function entry(process: Process, page: number, sees: boolean): bigint {
  const pte = process.mm.table.get(page);
  if (!pte) return 0n;
  const shared = process.mm.areas.find(page * 4096)?.object !== undefined;
  return PRESENT | (shared ? OF_FILE : EXCLUSIVE) | (sees ? BigInt(Math.floor(pte / 1024)) : 0n);
}
