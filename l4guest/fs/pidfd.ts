/** pidfd: a descriptor that names a process, and becomes readable when it ends. */
import { O, Poll, S } from '../abi/linux.ts';
import type { Process } from '../kernel/process.ts';
import type { Thread } from '../kernel/thread.ts';
import { File } from './file.ts';
import type { Inode } from './inode.ts';

export class PidFile extends File {
  readonly process: Process;
  constructor(inode: Inode, flags: number, process: Process) {
    super(inode, O.RDWR | flags);
    this.process = process;
    this.wq = process.endWq;
    this.name = 'anon_inode:[pidfd]';
  }
  override poll(): number { return this.process.alive ? 0 : Poll.IN | Poll.RDNORM; }
}
export function pidFd(t: Thread, p: Process, flags: number): number {
  const file = new PidFile(t.k.anon.make(S.IFREG | 0o600), flags & O.NONBLOCK, p), fd = t.proc.fds.add(file, true, t.proc.limits.files);
  if (fd < 0) file.release();
  return fd;
}
