/**
 * virtio block device: one request queue in front of a disk.
 *
 *   request: type u32, reserved u32, sector u64 │ data … │ status u8
 *
 * State: the requests in flight. The disk serves them later and in any order; the vCPU that notified the device continues meanwhile.
 * Features: read, write, flush, identify, write zeroes; read-only disks; segments limit. A reset of the device or of the queue cancels the
 * requests in flight: no memory is written after it.
 * Missing: discard, several queues, the topology and lifetime fields.
 * Documentation: virtio 1.2, 5.2. Requirements met, clause by clause: README.md.
 */
import type { BlockPort, BlockRequest, Piece } from '../ports.ts';
import { InFlight, type Flying } from './in-flight.ts';
import { Block, VirtioId } from './layout.ts';
import type { VirtioModel, VirtioPort } from './model.ts';
import { gather, scatter, slicePieces, totalLength } from './pieces.ts';

const { SECTOR, feature: FEATURE, type: TYPE, status: STATUS, config: CONFIG, zeroes: ZEROES } = Block;
const QUEUE = 0, QUEUE_SIZE = 256;
const ID_BYTES = 20;
const MAX_WRITE_ZEROES_SECTORS = 0xffff;

/** A request without its header and status: data from and to the driver. */
interface Body {
  readonly type: number;
  readonly offset: number;
  readonly out: readonly Piece[];
  readonly in: readonly Piece[];
}

/** The result of checking a request: an immediate answer, or work for the disk. */
type Decision = { readonly status: number; readonly written: number } | BlockRequest;

const answer = (status: number, written = 0): Decision => ({ status, written });
const work = (kind: BlockRequest['kind'], offset: number, length: number, pieces: readonly Piece[] = []): Decision =>
  ({ kind, offset, length, pieces });

/**
 * The longest transfer. One page of memory can stand in a request a thousand times, so without a bound one request could keep the host
 * busy for a whole disk.
 */
const MOST_BYTES = 64 << 20;

export class VirtioBlock implements VirtioModel {
  readonly name = 'block';
  readonly id = VirtioId.BLOCK;
  readonly queueSizes = [QUEUE_SIZE];
  readonly features: readonly number[];
  readonly #disk: BlockPort;
  readonly #serial: string;
  #port!: VirtioPort;
  #flight!: InFlight;

  /** `serial`: the answer to GET_ID, at most 20 characters. */
  constructor(disk: BlockPort, serial: string) {
    this.#disk = disk;
    this.#serial = serial;
    this.features = [FEATURE.SEG_MAX, FEATURE.BLK_SIZE, FEATURE.FLUSH, disk.readOnly ? FEATURE.RO : FEATURE.WRITE_ZEROES];
  }

  attach(port: VirtioPort): void {
    this.#port = port;
    this.#flight = new InFlight(port, QUEUE);
  }

  config(): Uint8Array {
    const bytes = new Uint8Array(CONFIG.BYTES);
    const data = new DataView(bytes.buffer);
    data.setBigUint64(CONFIG.CAPACITY, BigInt(Math.floor(this.#disk.size / SECTOR)), true);
    data.setUint32(CONFIG.SEG_MAX, QUEUE_SIZE - 2, true);
    data.setUint32(CONFIG.BLK_SIZE, SECTOR, true);
    data.setUint32(CONFIG.MAX_WRITE_ZEROES, MAX_WRITE_ZEROES_SECTORS, true);
    data.setUint32(CONFIG.MAX_WRITE_ZEROES_SEG, 1, true);
    return bytes;
  }

  reset(): void { this.stopped(); }

  stopped(): void {
    if (this.#flight.count > 0) this.#disk.cancel();
    this.#flight.forget();
  }

  notify(): void {
    const queue = this.#port.queue(QUEUE);
    for (let chain = queue.pop(); chain !== undefined; chain = queue.pop()) this.#start(this.#flight.take(chain));
  }

  save(): ReturnType<InFlight['save']> { return this.#flight.save(); }
  load(state: Parameters<InFlight['load']>[0]): void { for (const request of this.#flight.load(state)) this.#start(request); }

  #start(request: Flying): void {
    const { readable, writable } = request.chain, inBytes = totalLength(writable);
    if (totalLength(readable) < Block.HEADER || inBytes < 1) return this.#flight.done(request, () => 0);
    const header = new DataView(gather(this.#port.memory, slicePieces(readable, 0, Block.HEADER)).buffer);
    const decision = this.#decide({
      type: header.getUint32(Block.TYPE_AT, true),
      offset: Number(header.getBigUint64(Block.SECTOR_AT, true)) * SECTOR,
      out: slicePieces(readable, Block.HEADER, Infinity),
      in: slicePieces(writable, 0, inBytes - 1),
    });
    if ('status' in decision) this.#finish(request, decision.status, decision.written);
    else this.#submit(request, decision);
  }

  /** A driver that cannot flush must not lose writes. @spec virtio 5.2.6.2 */
  #submit(request: Flying, asked: BlockRequest): void {
    const finish = (ok: boolean): void =>
      this.#finish(request, ok ? STATUS.OK : STATUS.IOERR, ok && asked.kind === 'read' ? asked.length : 0);
    const durable = (asked.kind !== 'write' && asked.kind !== 'zero') || this.#port.negotiated(FEATURE.FLUSH);
    this.#disk.submit(asked, (ok) => {
      if (!ok || durable || !request.live) finish(ok);
      else this.#disk.submit({ kind: 'flush', offset: 0, length: 0, pieces: [] }, finish);
    });
  }

  #finish(request: Flying, status: number, written: number): void {
    const { writable } = request.chain;
    this.#flight.done(request, () => {
      scatter(this.#port.memory, slicePieces(writable, totalLength(writable) - 1, 1), Uint8Array.of(status));
      return written + 1;
    });
  }

  #decide(body: Body): Decision {
    switch (body.type) {
      case TYPE.IN: return this.#transfer('read', body.offset, body.in);
      case TYPE.OUT: return this.#disk.readOnly ? answer(STATUS.IOERR) : this.#transfer('write', body.offset, body.out);
      case TYPE.FLUSH: return work('flush', 0, 0);
      case TYPE.GET_ID: return this.#identify(body);
      case TYPE.WRITE_ZEROES: return this.#writeZeroes(body);
      default: return answer(STATUS.UNSUPP);
    }
  }

  #transfer(kind: 'read' | 'write', offset: number, pieces: readonly Piece[]): Decision {
    const length = totalLength(pieces);
    return length <= MOST_BYTES && this.#fits(offset, length) ? work(kind, offset, length, pieces) : answer(STATUS.IOERR);
  }

  #fits(offset: number, length: number): boolean {
    return length % SECTOR === 0 && offset + length <= this.#disk.size;
  }

  #identify(body: Body): Decision {
    const id = new Uint8Array(ID_BYTES);
    id.set(new TextEncoder().encode(this.#serial).subarray(0, ID_BYTES));
    return answer(STATUS.OK, scatter(this.#port.memory, body.in, id));
  }

  /** One segment. @spec virtio 5.2.6 */
  #writeZeroes(body: Body): Decision {
    if (this.#disk.readOnly || totalLength(body.out) !== ZEROES.BYTES) return answer(STATUS.IOERR);
    const segment = new DataView(gather(this.#port.memory, body.out).buffer);
    const offset = Number(segment.getBigUint64(ZEROES.SECTOR_AT, true)) * SECTOR, sectors = segment.getUint32(ZEROES.COUNT_AT, true);
    if ((segment.getUint32(ZEROES.FLAGS_AT, true) & ~ZEROES.UNMAP) !== 0) return answer(STATUS.UNSUPP);
    return sectors <= MAX_WRITE_ZEROES_SECTORS && this.#fits(offset, sectors * SECTOR)
      ? work('zero', offset, sectors * SECTOR)
      : answer(STATUS.IOERR);
  }
}
