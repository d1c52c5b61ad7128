/** Byte-range locks of files of a folder, between the guests that share it. Programs of the host do not see them. */
import { FolderError } from './folder.ts';

/** The most ranges held in one folder. */
const MOST_RANGES = 4096;

export interface Range {
  readonly exclusive: boolean;
  readonly start: bigint; /** One past the last byte; undefined: to the end of the file, however long it grows. */
  readonly end: bigint | undefined;
  readonly process: number;
  readonly client: string; /** The fid through which the lock was taken. */
  readonly through?: object
}

export class Locks {
  private readonly files = new Map<string, Range[]>();
  private count = 0;

  /** The conflicting lock of another owner. */
  conflict(file: string, wanted: Range): Range | undefined {
    return this.files.get(file)?.find((held) => !sameOwner(held, wanted) && (held.exclusive || wanted.exclusive) && overlap(held, wanted));
  }

  /** Gives the owner this range; it replaces what the owner held there. */
  take(file: string, range: Range): void {
    const rest = this.without(file, range);
    if (this.count + 1 + rest.length - this.held(file) > MOST_RANGES) throw new FolderError('ENOLCK');
    this.put(file, [...rest, range]);
  }

  /** Releases the owner's locks in this range. */
  release(file: string, range: Range): void { this.put(file, this.without(file, range)); }

  /** Releases all locks taken through this fid. */
  drop(file: string, through: object): void {
    const held = this.files.get(file);
    if (held) this.put(file, held.filter((range) => range.through !== through));
  }

  private held(file: string): number { return this.files.get(file)?.length ?? 0; }

  private put(file: string, ranges: Range[]): void {
    this.count += ranges.length - this.held(file);
    if (ranges.length) this.files.set(file, ranges);
    else this.files.delete(file);
  }

  /** The file's ranges, with the owner's cut at the edges of `cut`. */
  private without(file: string, cut: Range): Range[] {
    return (this.files.get(file) ?? []).flatMap((held) => {
      if (!sameOwner(held, cut) || !overlap(held, cut)) return [held];
      const parts: Range[] = [];
      if (held.start < cut.start) parts.push({ ...held, end: cut.start });
      if (cut.end !== undefined && (held.end === undefined || held.end > cut.end)) parts.push({ ...held, start: cut.end });
      return parts;
    });
  }
}

const sameOwner = (a: Range, b: Range) => a.process === b.process && a.client === b.client;
const overlap = (a: Range, b: Range) => (a.end === undefined || b.start < a.end) && (b.end === undefined || a.start < b.end);
