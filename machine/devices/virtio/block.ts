/**
 * virtio block device: one request queue in front of a block backend.
 *
 *   request: type u32, reserved u32, sector u64 │ data … │ status u8
 *
 * State: none beyond the queue; requests are served when they are notified.
 * Features: read, write, flush, identify, write zeroes; read-only disks; segments limit.
 * Missing: discard, several queues, the topology and lifetime fields.
 * Documentation: virtio 1.2, 5.2. Requirements met, clause by clause: README.md.
 */
import type { BlockBackend } from '../device.ts';
import { VirtioId, type VirtioModel, type VirtioPort } from './model.ts';
import { type Chain, type Piece, gather, scatter, slicePieces, totalLength } from './pieces.ts';

const SECTOR = 512;
const FEATURE = { SEG_MAX: 2, RO: 5, BLK_SIZE: 6, FLUSH: 9, WRITE_ZEROES: 14 } as const;
const TYPE = { IN: 0, OUT: 1, FLUSH: 4, GET_ID: 8, WRITE_ZEROES: 13 } as const;
const STATUS = { OK: 0, IOERR: 1, UNSUPP: 2 } as const;
const CONFIG = { CAPACITY: 0, SEG_MAX: 12, BLK_SIZE: 20, MAX_WRITE_ZEROES: 48, MAX_WRITE_ZEROES_SEG: 52, SIZE: 60 } as const;
const QUEUE_SIZE = 256;
const HEADER_BYTES = 16;
const ID_BYTES = 20;
const MAX_WRITE_ZEROES_SECTORS = 0xffff;
const ZEROES_SEGMENT_BYTES = 16, UNMAP = 1;

interface Request {
  readonly type: number;
  readonly offset: number;
  /** Data from and to the driver, without header and status. */
  readonly out: readonly Piece[];
  readonly in: readonly Piece[];
}

/** What serving a request came to. */
interface Outcome {
  readonly status: number;
  readonly written: number;
}

const failed: Outcome = { status: STATUS.IOERR, written: 0 };

export class VirtioBlock implements VirtioModel {
  readonly name = 'block';
  readonly id = VirtioId.BLOCK;
  readonly queueSizes = [QUEUE_SIZE];
  readonly features: readonly number[];
  readonly #disk: BlockBackend;
  readonly #serial: string;
  #port!: VirtioPort;

  /** `serial`: at most 20 characters, what GET_ID answers. */
  constructor(disk: BlockBackend, serial: string) {
    this.#disk = disk;
    this.#serial = serial;
    this.features = [FEATURE.SEG_MAX, FEATURE.BLK_SIZE, FEATURE.FLUSH, disk.readOnly ? FEATURE.RO : FEATURE.WRITE_ZEROES];
  }

  attach(port: VirtioPort): void {
    this.#port = port;
  }

  config(): Uint8Array {
    const bytes = new Uint8Array(CONFIG.SIZE);
    const data = new DataView(bytes.buffer);
    data.setBigUint64(CONFIG.CAPACITY, BigInt(Math.floor(this.#disk.size / SECTOR)), true);
    data.setUint32(CONFIG.SEG_MAX, QUEUE_SIZE - 2, true);
    data.setUint32(CONFIG.BLK_SIZE, SECTOR, true);
    data.setUint32(CONFIG.MAX_WRITE_ZEROES, MAX_WRITE_ZEROES_SECTORS, true);
    data.setUint32(CONFIG.MAX_WRITE_ZEROES_SEG, 1, true);
    return bytes;
  }

  notify(index: number): void {
    const queue = this.#port.queue(index);
    for (let chain = queue.pop(); chain !== undefined; chain = queue.pop()) queue.push(chain, this.#serve(chain));
    this.#port.usedBuffers(index);
  }

  /** Serves one request; answers the number of bytes written to guest memory. */
  #serve(chain: Chain): number {
    const outBytes = totalLength(chain.readable);
    const inBytes = totalLength(chain.writable);
    if (outBytes < HEADER_BYTES || inBytes < 1) return 0;
    const header = new DataView(gather(this.#port.memory, slicePieces(chain.readable, 0, HEADER_BYTES)).buffer);
    const outcome = this.#execute({
      type: header.getUint32(0, true),
      offset: Number(header.getBigUint64(8, true)) * SECTOR,
      out: slicePieces(chain.readable, HEADER_BYTES, outBytes - HEADER_BYTES),
      in: slicePieces(chain.writable, 0, inBytes - 1),
    });
    scatter(this.#port.memory, slicePieces(chain.writable, inBytes - 1, 1), Uint8Array.of(outcome.status));
    return outcome.written + 1;
  }

  #execute(request: Request): Outcome {
    try {
      switch (request.type) {
        case TYPE.IN: return this.#read(request);
        case TYPE.OUT: return this.#write(request);
        case TYPE.FLUSH: this.#disk.flush(); return { status: STATUS.OK, written: 0 };
        case TYPE.GET_ID: return this.#identify(request);
        case TYPE.WRITE_ZEROES: return this.#writeZeroes(request);
        default: return { status: STATUS.UNSUPP, written: 0 };
      }
    } catch {
      // The backend could not: the guest sees an I/O error and the machine goes on.
      return failed;
    }
  }

  #fits(offset: number, length: number): boolean {
    return length % SECTOR === 0 && offset + length <= this.#disk.size;
  }

  #read(request: Request): Outcome {
    const length = totalLength(request.in);
    if (!this.#fits(request.offset, length)) return failed;
    let at = request.offset;
    for (const piece of request.in) {
      this.#disk.read(at, this.#port.memory.writable(piece.address, piece.length));
      at += piece.length;
    }
    return { status: STATUS.OK, written: length };
  }

  #write(request: Request): Outcome {
    if (this.#disk.readOnly || !this.#fits(request.offset, totalLength(request.out))) return failed;
    let at = request.offset;
    for (const piece of request.out) {
      this.#disk.write(at, this.#port.memory.view(piece.address, piece.length));
      at += piece.length;
    }
    return this.#written();
  }

  /** A driver that cannot flush must not lose what is written. @spec virtio 5.2.6.2 */
  #written(): Outcome {
    if (!this.#port.negotiated(FEATURE.FLUSH)) this.#disk.flush();
    return { status: STATUS.OK, written: 0 };
  }

  #identify(request: Request): Outcome {
    const id = new Uint8Array(ID_BYTES);
    id.set(new TextEncoder().encode(this.#serial).subarray(0, ID_BYTES));
    return { status: STATUS.OK, written: scatter(this.#port.memory, request.in, id) };
  }

  /** One segment: sector u64, sectors u32, flags u32. @spec virtio 5.2.6 */
  #writeZeroes(request: Request): Outcome {
    if (this.#disk.readOnly || totalLength(request.out) !== ZEROES_SEGMENT_BYTES) return failed;
    const segment = new DataView(gather(this.#port.memory, request.out).buffer);
    const offset = Number(segment.getBigUint64(0, true)) * SECTOR;
    const sectors = segment.getUint32(8, true);
    if ((segment.getUint32(12, true) & ~UNMAP) !== 0) return { status: STATUS.UNSUPP, written: 0 };
    if (sectors > MAX_WRITE_ZEROES_SECTORS || !this.#fits(offset, sectors * SECTOR)) return failed;
    this.#disk.write(offset, new Uint8Array(sectors * SECTOR));
    return this.#written();
  }
}
