/** /proc/PID/mounts and mountinfo; poll reports that a mount was made or removed since the last read. */
import { Poll, S } from '../../abi/linux.ts';
import type { Process } from '../../kernel/process.ts';
import type { WaitQueue } from '../../kernel/wait.ts';
import { GeneratedFile, GeneratedInode } from '../generated.ts';
import type { FileSystem } from '../inode.ts';
import type { MountSpace } from '../path.ts';

export class MountsInode extends GeneratedInode {
  readonly process: Process;
  constructor(fs: FileSystem, process: Process, text: (p: Process) => string) {
    super(fs, () => text(process), undefined, S.IFREG | 0o444);
    this.process = process;
  }
  override open(_t: unknown, flags: number): GeneratedFile { return new MountsFile(this, flags); }
}
class MountsFile extends GeneratedFile {
  private readonly space: MountSpace;
  private seen: number;
  constructor(inode: MountsInode, flags: number) {
    super(inode, flags);
    this.space = inode.process.mounts;
    this.seen = this.space.changes;
    this.wq = this.space.wq as WaitQueue;
  }
  override poll(): number {
    const changed = this.seen !== this.space.changes;
    this.seen = this.space.changes;
    return Poll.IN | Poll.RDNORM | (changed ? Poll.ERR | Poll.PRI : 0);
  }
}
