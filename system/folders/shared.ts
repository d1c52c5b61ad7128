/**
 * A folder of the host, with what its guests share in addition to its files: special files, locks, identities. Each guest has one
 * connection to it.
 */
import type { Qid } from '../../roottask/client/ninep/index.ts';
import { QidType } from '../../roottask/client/ninep/index.ts';
import { Errno, FolderError, Mode, type Attributes, type HostFile, type HostFolder, type Later } from './folder.ts';
import { Locks } from './locks.ts';
import type { Place } from './places.ts';
import { Specials, type Special } from './specials.ts';

/** A computation that may have to wait for the host: it yields promises, and resumes with their values. */
export type Steps<T> = Generator<Promise<unknown>, T, unknown>;

export function* settle<T>(value: Later<T>): Steps<T> {
  return value instanceof Promise ? ((yield value) as T) : value;
}

/** Keeps identities of files on the host's other devices apart: their paths differ in the upper bits. */
const DEVICE_SHIFT = 48n;
const SPECIAL_PATH = 1n << 63n;
const MASK = (1n << 64n) - 1n;

export class SharedFolder {
  readonly host: HostFolder;
  readonly writable: boolean;
  readonly specials: Specials;
  readonly locks = new Locks();
  private readonly devices = new Map<bigint, bigint>();
  /**
   * Attributes read within the current compound, if the host answers at once: a compound asks for the same directory again and again, and
   * for a file that it has just opened.
   */
  private seen: Map<Place | HostFile, Attributes> | undefined;

  /** `now`: nanoseconds since 1970, for the times of special files. */
  constructor(host: HostFolder, writable: boolean, now: () => bigint) {
    this.host = host;
    this.writable = writable;
    this.specials = new Specials(now);
  }

  mustBeWritable(): void {
    if (!this.writable) throw new FolderError('EROFS');
  }

  /** A directory as the key of what is found in it. */
  *folderKey(place: Place): Steps<string> {
    const { device, ino } = yield* settle(this.host.stat(place.path));
    return `${device}:${ino}`;
  }

  /** The attributes of a place: the host's file, or the guest's special file. */
  *attributes(place: Place): Steps<Attributes> {
    if (place.gone) throw new FolderError('ENOENT');
    const known = this.seen?.get(place);
    if (known) return known;
    try {
      const found = this.host.stat(place.path);
      if (found instanceof Promise) return (yield found) as Attributes;
      this.seen?.set(place, found);
      return found;
    } catch (error) {
      const special = isErrno(error, Errno.ENOENT) ? yield* this.special(place) : undefined;
      if (!special) throw error;
      return special;
    }
  }

  /** The attributes of an open file. */
  *fileAttributes(file: HostFile): Steps<Attributes> {
    return this.seen?.get(file) ?? (yield* settle(file.stat()));
  }
  /** Notes that a file was just opened at a place, or created there. Returns its identity. */
  *opened(file: HostFile, place: Place): Steps<Attributes> {
    const { opened } = file;
    if (!opened) return yield* settle(file.stat());
    this.seen?.set(file, opened).set(place, opened);
    return opened;
  }

  remember(): void { this.seen = new Map(); }
  /** Something was changed: forgets attributes read before. */
  changed(): void { this.seen?.clear(); }
  forget(): void { this.seen = undefined; }

  /** The guest's own special file at a place where the host has none. */
  *special(place: Place): Steps<Special | undefined> {
    if (this.specials.size === 0 || place.up === place) return undefined;
    try {
      return this.specials.find(yield* this.folderKey(place.up), place.name);
    } catch {
      return undefined;
    }
  }

  /** Throws if this name exists. */
  *mustBeFree(place: Place): Steps<void> {
    if (yield* this.special(place)) throw new FolderError('EEXIST');
  }

  qid(attributes: Attributes | Special): Qid {
    const { mode, ino, mtime, size } = attributes;
    const type = (mode & Mode.type) === Mode.dir ? QidType.dir : (mode & Mode.type) === Mode.link ? QidType.symlink : QidType.file;
    const path = 'special' in attributes ? SPECIAL_PATH | ino : this.deviceBits(attributes.device) ^ ino;
    return { type, version: (low(mtime) ^ Math.floor(Number(mtime) / 2 ** 32) ^ (low(size) << 8)) >>> 0, path };
  }

  private deviceBits(device: bigint): bigint {
    const known = this.devices.get(device);
    if (known !== undefined) return known;
    const bits = (BigInt(this.devices.size) << DEVICE_SHIFT) & MASK;
    if (this.devices.size < 1 << 15) this.devices.set(device, bits);
    return bits;
  }
}

const low = (value: bigint): number => Number(BigInt.asIntN(32, value));

export const isErrno = (error: unknown, errno: number): boolean => error instanceof FolderError && error.errno === errno;
