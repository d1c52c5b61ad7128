/** pidfd: a descriptor that names a process (or, with PIDFD_THREAD, one thread of it), and becomes readable when it ends. */
import { E } from '../abi/errno.ts';
import { O, Poll, S } from '../abi/linux.ts';
import type { Process } from '../kernel/process.ts';
import { Run, type Thread } from '../kernel/thread.ts';
import { File } from './file.ts';
import { Inode } from './inode.ts';
import type { Kernel } from '../kernel/kernel.ts';

class PidInode extends Inode {
  override open(): number { return -E.NXIO; }
  override change(): number { return -E.PERM; }
  override get immutable(): boolean { return true; }
  override get shownMode(): number { return this.mode & 0o7777; }
}
/** Its descriptors share one inode, so that programs can compare them. */
const inodes = new WeakMap<Process, Inode>();
export function pidInode(k: Kernel, process: Process): Inode {
  let inode = inodes.get(process);
  if (!inode) { inodes.set(process, inode = new PidInode(k.nowhere.fs, S.IFREG | 0o700)); inode.nlink = 1; }
  return inode;
}

export class PidFile extends File {
  readonly process: Process;
  readonly thread: Thread | undefined;
  constructor(inode: Inode, flags: number, process: Process, thread?: Thread) {
    super(inode, O.RDWR | flags);
    this.process = process;
    this.thread = thread;
    this.wq = process.endWq;
    this.name = 'anon_inode:[pidfd]';
  }
  /** Its parent has reaped it, and its number may belong to another process. */
  get reaped(): boolean { return this.process.k.pids.processes.get(this.process.pid) !== this.process; }
  get ended(): boolean { return !this.process.alive || this.thread?.state === Run.dead; }
  override ioctl(): number { return -E.INVAL; }
  override poll(): number { return (this.ended ? Poll.IN | Poll.RDNORM : 0) | (this.reaped ? Poll.HUP : 0); }
  override get details(): string {
    const pid = this.reaped ? -1 : this.thread?.tid ?? this.process.pid;
    return `Pid:\t${pid}\nNSpid:\t${pid}\n`;
  }
}
export function pidFd(caller: Thread, process: Process, flags: number, thread?: Thread): number {
  const file = new PidFile(pidInode(caller.k, process), flags & (O.NONBLOCK | O.EXCL), process, thread),
    fd = file.charge(caller.k.frames) ? caller.proc.fds.add(file, true, caller.proc.limits.files) : -E.NFILE;
  if (fd < 0) file.release();
  return fd;
}
