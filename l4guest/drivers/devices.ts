/** Device numbers to drivers. File systems call `openSpecial` for inodes that are neither file, directory nor link. */
import { openFifo } from '../fs/pipe.ts';
import type { File } from '../fs/file.ts';
import type { Inode } from '../fs/inode.ts';
import { E } from '../abi/errno.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { O, RTC_MAJOR, S, majorOf, minorOf } from '../abi/linux.ts';
import type { Thread } from '../kernel/thread.ts';
import { LoopControl, openBlock } from './block.ts';
import { FullFile, KmsgFile, NullFile, RandomFile, ZeroFile } from './memdev.ts';
import { Ptys } from './pty.ts';
import { GATE_MAJOR, openGate } from './gates.ts';
import { openRtc } from './rtc.ts';
import { Tty, openTty } from './tty.ts';

export const makeDev = (major: number, minor: number): number => ((major << 8) | (minor & 0xff)) + (minor & ~0xff) * 4096;

type Open = (t: Thread, inode: Inode, flags: number) => File | number;

/** The terminals of one kernel. */
export class Terminals {
  readonly ptys: Ptys;
  /** The terminal behind /dev/console and the standard streams, if the server has one. */
  console: Tty | undefined;
  constructor(k: Kernel) { this.ptys = new Ptys(k); }
}
const terminals = new WeakMap<Kernel, Terminals>();
export function terminalsOf(k: Kernel): Terminals {
  let x = terminals.get(k);
  if (!x) terminals.set(k, x = new Terminals(k));
  return x;
}

function openCurrent(thread: Thread, inode: Inode, flags: number): File | number {
  const tty = thread.proc.session.terminal;
  return tty instanceof Tty ? openTty(thread, inode, flags, true, tty) : -E.NXIO;
}
function openConsole(thread: Thread, inode: Inode, flags: number): File | number {
  const tty = terminalsOf(thread.k).console;
  return tty ? openTty(thread, inode, flags, true, tty) : new NullFile(inode, flags);
}

export interface CharDevice { readonly name: string; readonly major: number; readonly minor: number; readonly mode: number;
  readonly open: Open }
/** The rows define both /dev and the driver of each device number. */
export const charDevices: readonly CharDevice[] = [
  { name: 'null', major: 1, minor: 3, mode: 0o666, open: (_t, i, f) => new NullFile(i, f) },
  { name: 'zero', major: 1, minor: 5, mode: 0o666, open: (_t, i, f) => new ZeroFile(i, f) },
  { name: 'full', major: 1, minor: 7, mode: 0o666, open: (_t, i, f) => new FullFile(i, f) },
  { name: 'random', major: 1, minor: 8, mode: 0o666, open: (_t, i, f) => new RandomFile(i, f) },
  { name: 'urandom', major: 1, minor: 9, mode: 0o666, open: (_t, i, f) => new RandomFile(i, f) },
  { name: 'kmsg', major: 1, minor: 11, mode: 0o644, open: (_t, i, f) => new KmsgFile(i, f) },
  { name: 'loop-control', major: 10, minor: 237, mode: 0o660, open: (t, i, f) => new LoopControl(i, f, t.k) },
  { name: 'tty', major: 5, minor: 0, mode: 0o666, open: openCurrent },
  { name: 'console', major: 5, minor: 1, mode: 0o600, open: openConsole },
  { name: 'ptmx', major: 5, minor: 2, mode: 0o666, open: (t, i, f) => terminalsOf(t.k).ptys.open(i, f) },
  { name: 'rtc0', major: RTC_MAJOR, minor: 0, mode: 0o600, open: openRtc },
  { name: 'tty1', major: 4, minor: 1, mode: 0o620, open: openConsole },
  { name: 'ttyS0', major: 4, minor: 64, mode: 0o660, open: openConsole },
];
const byNumber = new Map(charDevices.map((d) => [makeDev(d.major, d.minor), d]));

export function openSpecial(thread: Thread, inode: Inode, flags: number): File | number {
  switch (inode.type) {
    case S.IFIFO: return openFifo(thread, inode as Inode & { endpoint: unknown }, flags);
    case S.IFCHR: return openChar(thread, inode, flags);
    case S.IFBLK: return openBlock(thread, inode, flags);
    default: return flags & O.PATH ? -E.INVAL : -E.NXIO;
  }
}
function openChar(thread: Thread, inode: Inode, flags: number): File | number {
  const charDevice = byNumber.get(inode.rdev);
  if (charDevice) return charDevice.open(thread, inode, flags);
  if (majorOf(inode.rdev) === GATE_MAJOR) return openGate(thread, inode, flags, minorOf(inode.rdev));
  if (majorOf(inode.rdev) === 136) return terminalsOf(thread.k).ptys.list[minorOf(inode.rdev)]?.openSlave(thread, flags) ?? -E.IO;
  return -E.NXIO;
}
