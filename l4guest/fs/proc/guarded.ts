/** What /proc/PID tells only to those who may inspect the process. */
import { E } from '../../abi/errno.ts';
import type { Process } from '../../kernel/process.ts';
import type { Thread } from '../../kernel/thread.ts';
import { mayInspect } from '../../kernel/tracing.ts';
import type { File } from '../file.ts';
import { GeneratedDir, GeneratedInode, GeneratedLink, type Content } from '../generated.ts';
import type { DirEntry, FileSystem, Inode, Located } from '../inode.ts';

/** A link that others can neither read nor follow. */
export const guardedLink = (fs: FileSystem, process: Process, target: (t: Thread) => string | number,
    to: (t: Thread) => Located | number | undefined): GeneratedLink =>
  new GeneratedLink(fs, (t) => (mayInspect(t, process) ? target(t) : -E.ACCES), (t) => (mayInspect(t, process) ? to(t) : -E.ACCES));

/** Content that others find out at the read that they may not have. */
export const guarded = (process: Process, refusal: number, content: Content): Content =>
  (t) => (mayInspect(t, process) ? content(t) : -refusal);

/** A file that others cannot open. */
export class GuardedInode extends GeneratedInode {
  private readonly process: Process;
  constructor(fs: FileSystem, process: Process, mode: number, content: Content) {
    super(fs, content, undefined, mode);
    this.process = process;
  }
  override open(t: Thread, flags: number): File | number { return mayInspect(t, this.process) ? super.open(t, flags) : -E.ACCES; }
}
/** A folder that others cannot list; `byOwner`: the user to whom the process's files belong can. */
export class GuardedDir extends GeneratedDir {
  private readonly process: Process;
  private readonly byOwner: boolean;
  constructor(fs: FileSystem, process: Process, byOwner: boolean, find: (name: string, t: Thread) => Inode | undefined,
      more: (t: Thread) => DirEntry[]) {
    super(fs, find, more);
    this.process = process;
    this.byOwner = byOwner;
  }
  override open(t: Thread, flags: number): File | number {
    return (this.byOwner && t.creds.fsuid === this.uid) || mayInspect(t, this.process) ? super.open(t, flags) : -E.ACCES;
  }
}
