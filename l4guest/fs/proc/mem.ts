/** /proc/PID/mem: the memory of a process as a file. */
import { E } from '../../abi/errno.ts';
import { UserFault } from '../../kernel/failure.ts';
import { S } from '../../abi/linux.ts';
import type { Process } from '../../kernel/process.ts';
import type { Thread } from '../../kernel/thread.ts';
import type { Io } from '../../mm/uaccess.ts';
import { mayInspect } from '../../kernel/tracing.ts';
import { File } from '../file.ts';
import { Inode, type FileSystem } from '../inode.ts';

/** A file of /proc/PID that needs the right to inspect the process. */
export class TracerInode extends Inode {
  readonly process: Process;
  private readonly file: new (inode: TracerInode, flags: number) => File;
  constructor(fs: FileSystem, process: Process, bits: number, file: new (inode: TracerInode, flags: number) => File) {
    super(fs, S.IFREG | bits);
    this.process = process; this.file = file;
  }
  override open(t: Thread, flags: number): File | number { return mayInspect(t, this.process) ? new this.file(this, flags) : -E.ACCES; }
}
export class MemFile extends File {
  declare readonly inode: TracerInode;
  override get seekable(): boolean { return true; }
  private move(io: Io, pos: number, write: boolean): number {
    const mm = this.inode.process.mm, start = io.done;
    if (!this.inode.process.alive) return 0;
    try {
      while (io.left > 0) {
        const at = pos % 4096, n = Math.min(io.left, 4096 - at), page = mm.pageForced(pos, write);
        if (write) io.take(page, at, n); else io.put(page, at, n);
        pos += n;
      }
    } catch (error) { if (!(error instanceof UserFault)) throw error; if (io.done === start) return -E.IO; }
    return io.done - start;
  }
  override read(io: Io, pos: number): number { return this.move(io, pos, false); }
  override write(io: Io, pos: number): number { return this.move(io, pos, true); }
}
