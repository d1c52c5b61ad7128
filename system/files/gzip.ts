/** Checks gzip files without unpacking them, and bounds their unpacked size. */

/** The file cannot be unpacked: the rest of a sentence that begins with its name. */
export class BadGzip extends Error {}

const MIB = 2 ** 20;
/** No honest archive compresses better than this factor; small ones are not checked. */
const MOST_RATIO = 200, FREE = 256 * MIB, MOST = 2048 * MIB;

/** Most unpacked bytes for a file of this size. */
export const mostUnpacked = (packed: number): number => Math.min(MOST, Math.max(FREE, packed * MOST_RATIO));

export const tooMuch = (most: number): BadGzip =>
  new BadGzip(`unpacks to more than ${Math.floor(most / MIB)} MiB; unpack it by hand if you trust it`);
export const damagedGzip = (): BadGzip => new BadGzip('is truncated or damaged: its gzip data does not unpack');

export const isGzip = (bytes: Uint8Array): boolean => bytes.length >= 2 && bytes[0] === 0x1f && bytes[1] === 0x8b;

export const PIECE = 65_536;

/** Bytes that grow up to a limit, without a copy at the end. */
export class Growing {
  private bytes = new Uint8Array(PIECE);
  private length = 0;
  private readonly most: number;
  constructor(most: number) { this.most = most; }

  add(part: Uint8Array): void {
    const length = this.length + part.length;
    if (length > this.most) throw tooMuch(this.most);
    if (length > this.bytes.length) {
      const larger = new Uint8Array(Math.min(this.most, Math.max(length, 2 * this.bytes.length)));
      larger.set(this.bytes.subarray(0, this.length));
      this.bytes = larger;
    }
    this.bytes.set(part, this.length);
    this.length = length;
  }
  take(): Uint8Array { return this.bytes.subarray(0, this.length); }
}
