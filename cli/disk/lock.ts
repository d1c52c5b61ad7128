/**
 * Only one program at a time may write to a disk's file. A run of Tessera leaves a file next to the disk that names its holder,
 *
 *   disk.img.tessera-lock   { "pid": 4711, "started": "…", "host": "…", "command": "tessera vm …" }
 *
 * and recognises a file whose process has ended. Other programs' locks appear in Linux's /proc/locks.
 */
import {
  fstatSync, linkSync, readFileSync, readdirSync, readlinkSync, realpathSync, renameSync, rmSync, statSync, writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { CliError, isFileError } from '../errors.ts';
import { visible } from '../../trace/visible.ts';

interface Holder { readonly pid: number; readonly started: string; readonly host: string; readonly command: string }

const ADVICE = 'end it first, or use the disk with ,ro or ,snapshot';
const LOCK_MOST = 4096, TRIES = 5;

export class DiskLock {
  readonly #path: string;
  readonly #text: string;
  readonly #leave = (): void => this.release();

  private constructor(path: string, text: string) {
    this.#path = path;
    this.#text = text;
    process.once('exit', this.#leave);
  }

  /** Takes the lock of a disk's file; none where its folder is not writable. @throws CliError when another program has it */
  static take(disk: string): DiskLock | undefined {
    const path = `${realpathSync(disk)}.tessera-lock`, text = JSON.stringify(self()) + '\n';
    for (let tries = 0; tries < TRIES; tries++) {
      try {
        writeFileSync(path, text, { flag: 'wx' });
        return new DiskLock(path, text);
      } catch (error) {
        if (!isFileError(error)) throw error;
        if (error.code === 'EACCES' || error.code === 'EROFS' || error.code === 'EPERM') return undefined;
        if (error.code !== 'EEXIST') throw new CliError('E_DISK', `the lock of disk '${disk}' cannot be made (${error.code})`);
      }
      clearStale(disk, path);
    }
    throw new CliError('E_DISK', `disk '${disk}' is in use: its lock '${path}' comes and goes`, ADVICE);
  }

  /** Releases the lock, if it is still ours. */
  release(): void {
    process.removeListener('exit', this.#leave);
    if (readLock(this.#path) === this.#text) rmSync(this.#path, { force: true });
  }
}

/** Removes a lock whose holder has ended. @throws CliError when the holder runs */
function clearStale(disk: string, path: string): void {
  const text = readLock(path), holder = holderOf(text);
  if (text === undefined) return;
  if (holder && isAlive(holder)) {
    const where = holder.host === hostname() ? '' : ` on ${visible(holder.host)}`;
    throw new CliError('E_DISK', `disk '${disk}' is in use by process ${holder.pid}${where} (${visible(holder.command)})`, ADVICE);
  }
  // Two runs may see the same stale lock. A run that has moved away another lock than the one it saw puts it back.
  const aside = `${path}.${process.pid}`;
  try {
    renameSync(path, aside);
  } catch {
    return;
  }
  if (readLock(aside) !== text) try { linkSync(aside, path); } catch { /* another run already has a new one */ }
  rmSync(aside, { force: true });
}

function readLock(path: string): string | undefined {
  try {
    return statSync(path).size > LOCK_MOST ? '' : readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/** Parses a lock; undefined when it is no lock of ours, or is cut off. */
function holderOf(text: string | undefined): Holder | undefined {
  try {
    const { pid, started, host, command } = JSON.parse(text ?? '') as Partial<Holder>;
    if (!Number.isInteger(pid) || typeof host !== 'string') return undefined;
    return { pid: pid!, started: String(started), host, command: String(command) };
  } catch {
    return undefined;
  }
}

const self = (): Holder => ({ pid: process.pid, started: startOf(process.pid), host: hostname(), command: commandOf(process.pid) });

/**
 * A lock from another computer always counts, because its process cannot be checked. A process with the same number but another start time
 * is a different one.
 */
function isAlive({ pid, started, host }: Holder): boolean {
  if (host !== hostname()) return true;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  return started === startOf(pid);
}

/** Start time of a process: field 22 of Linux's stat. Elsewhere a constant. */
function startOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\)/s, '').trim().split(' ')[19] ?? '';
  } catch {
    return '';
  }
}

function commandOf(pid: number): string {
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').filter(Boolean);
    return words.map((word) => word.split('/').pop()).slice(0, 4).join(' ');
  } catch {
    return process.pid === pid ? 'tessera' : 'unknown';
  }
}

/** Bytes that QEMU locks to show that it writes to an image, and that it excludes other writers (its block/file-posix.c). */
const QEMU_WRITES = [101, 201];

/** Refuses a disk that another program has locked. @throws CliError */
export function refuseIfTaken(disk: string, fd: number): void {
  let locks: string;
  try {
    locks = readFileSync('/proc/locks', 'utf8');
  } catch {
    return; // not on Linux
  }
  const { ino, dev, nlink } = fstatSync(fd, { bigint: true }), device = deviceName(dev);
  // A run places its lock beside the name of the disk that it was given.
  const writer = nlink > 1n ? writerOf(dev, ino, fd) : undefined;
  if (writer !== undefined)
    throw new CliError('E_DISK',
      `disk '${disk}' is in use under another name by process ${writer} (${visible(commandOf(writer))})`, ADVICE);
  for (const line of locks.split('\n')) {
    // 1: POSIX  ADVISORY  WRITE 4711 08:02:1234 0 EOF
    const [, kind, pid, place, from, to] = /^\d+: (?:-> )?\S+\s+\S+\s+(READ|WRITE)\s+(-?\d+) (\S+) (\d+) (\d+|EOF)$/.exec(line) ?? [];
    if (place !== `${device}:${ino}` || Number(pid) === process.pid) continue;
    const end = to === 'EOF' ? Infinity : Number(to), qemu = QEMU_WRITES.some((b) => Number(from) <= b && b <= end);
    if (kind === 'READ' && !qemu) continue;
    const holder = Number(pid) > 0 ? Number(pid) : whoHas(disk);
    const who = holder === undefined ? 'another program' : `process ${holder} (${visible(commandOf(holder))})`;
    throw new CliError('E_DISK', `disk '${disk}' is locked by ${who}`, ADVICE);
  }
}

/** As /proc/locks writes it: major and minor number in hexadecimal. */
function deviceName(dev: bigint): string {
  const major = ((dev >> 8n) & 0xfffn) | ((dev >> 32n) & ~0xfffn), minor = (dev & 0xffn) | ((dev >> 12n) & ~0xffn);
  return [major, minor].map((n) => n.toString(16).padStart(2, '0')).join(':');
}

/** The first process with a descriptor that passes; other users' processes cannot be examined. */
function processWith(passes: (pid: number, fd: string) => boolean): number | undefined {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number).find((pid) => {
    try {
      return readdirSync(`/proc/${pid}/fd`).some((fd) => passes(pid, fd));
    } catch {
      return false;
    }
  });
}

/** A process that has the file open for writing, but through this descriptor of ours. */
const writerOf = (dev: bigint, ino: bigint, but: number): number | undefined => processWith((pid, fd) => {
  if (pid === process.pid && Number(fd) === but) return false;
  const other = statSync(`/proc/${pid}/fd/${fd}`, { bigint: true, throwIfNoEntry: false });
  if (other?.ino !== ino || other.dev !== dev) return false;
  return /^flags:\s*\d*[1-7]$/m.test(readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'utf8'));
});

/** A process that has the file open; locks of open files name none. */
function whoHas(disk: string): number | undefined {
  const path = realpathSync(disk);
  return processWith((pid, fd) => pid !== process.pid && readlinkSync(`/proc/${pid}/fd/${fd}`) === path);
}
