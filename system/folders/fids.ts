/** The fids of a connection: each one's place, and the limit of their number. */
import { NO_FID } from '../../roottask/client/ninep/index.ts';
import { FolderError, type HostFile, type HostListing } from './folder.ts';
import { Place } from './places.ts';
import type { SharedFolder } from './shared.ts';

export const MOST_FIDS = 65_536;
/** Open files and directories of one connection. */
export const MOST_OPEN = 4096;

/** A directory being read: `at` is the offset of the next entry; `last` is an entry that did not fit and comes next. */
export interface Reading { listing: HostListing | undefined; at: bigint; kept: string | undefined; specials: readonly string[] }

/** An extended attribute being read, or written. */
export interface AttributeFid {
  readonly name: string;
  readonly value: Uint8Array;
  readonly writing: boolean;
  readonly flags: number;
  filled: number
}

export interface Fid {
  place: Place;
  file?: HostFile;
  reading?: Reading;
  attribute?: AttributeFid;
  /** Locks were taken through this fid: the key of their file. */
  locked?: string;
}

export class Fids {
  readonly root = new Place().hold();
  private readonly fids = new Map<number, Fid>();
  private readonly folder: SharedFolder;
  private open = 0;

  constructor(folder: SharedFolder) { this.folder = folder; }

  get(number: number): Fid {
    const fid = this.fids.get(number);
    if (!fid) throw new FolderError('EBADF');
    return fid;
  }

  /** Throws unless a new fid may have this number. */
  mustBeFree(number: number): void {
    if (number === NO_FID || this.fids.has(number)) throw new FolderError('EBADF');
    if (this.fids.size >= MOST_FIDS) throw new FolderError('EMFILE');
  }

  add(number: number, place: Place): Fid {
    this.mustBeFree(number);
    const fid: Fid = { place: place.hold() };
    this.fids.set(number, fid);
    return fid;
  }

  move(fid: Fid, place: Place): void {
    place.hold();
    fid.place.release();
    fid.place = place;
  }

  mayOpen(): void {
    if (this.open >= MOST_OPEN) throw new FolderError('EMFILE');
  }
  opened(fid: Fid, what: { file: HostFile } | { reading: Reading }): void {
    this.open++;
    Object.assign(fid, what);
  }

  remove(number: number): Fid {
    const fid = this.get(number);
    this.fids.delete(number);
    if (fid.file || fid.reading) this.open--;
    if (fid.locked !== undefined) this.folder.locks.drop(fid.locked, fid);
    fid.file?.close();
    fid.reading?.listing?.close();
    fid.place.release();
    return fid;
  }

  clear(): void {
    for (const number of [...this.fids.keys()]) this.remove(number);
  }
}
