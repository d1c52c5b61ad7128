/**
 * Driver for a virtio disk behind the block protocol: any number of sessions, each with up to 32 requests in flight.
 *
 *   client's area ── submit ──► requests that wait ──► parts of 128 KiB in slots of the device
 *   client's memory, area, semaphore ◄── interrupt ──────────────────────────────────┘
 *
 * args: device (its name on the board). Provides 'block'. Needs `dma` and the device.
 * State: per session its area and the memory that it has shared; requests; 16 parts under way, each with a DMA buffer: data is copied
 * once, between that and the client's memory.
 */
import { MemoryFault, NEVER, Ops, Own, Status, capPage, type Sys } from '../../microkernel/abi/index.ts';
import type { Syscalls } from '../../binding/index.ts';
import { Block, VirtioId } from '../../hardware/chips/virtio/layout.ts';
import { AREA_ORDER, BlockKind, SLOTS, completionCount, getRequest, putCompletion, type AreaRequest } from '../client/block.ts';
import { BLOCK_WINDOW_ORDER, Protocol, SECTOR, allocateDma, spawn, valueOf, type Env, type Program } from '../client/index.ts';
import { OK, Server, refuse, type Answer, type Session, type SessionHandler } from '../lib/server.ts';
import { DriverQueue, openVirtio, type Piece, type VirtioDriver } from '../lib/virtio.ts';

const PART = 128 * 1024, PARTS = DriverQueue.SLOTS, ZERO_PART = 0x8000 * SECTOR;
/** Memory of a part besides its data: header, status, segment of zeroes. */
const HEAD = 64, STATUS_AT = Block.HEADER, ZEROES_AT = 32;
const WINDOW = 2 ** BLOCK_WINDOW_ORDER, REGIONS_MOST = 40;
const types = {
  [BlockKind.read]: Block.type.IN, [BlockKind.write]: Block.type.OUT,
  [BlockKind.flush]: Block.type.FLUSH, [BlockKind.zero]: Block.type.WRITE_ZEROES,
} as const;
const NONSENSE: AreaRequest = { kind: BlockKind.flush, offset: 0, length: 0, pieces: [] };

/** Shared memory of a client: its address in the client, and in this task. */
interface Region { readonly base: number; readonly end: number; readonly va: number }

/** The driver's state of a session. */
class Client {
  readonly label: string;
  area = 0;
  semaphore = 0;
  era = 0;
  completed = 0;
  readonly regions: Region[] = [];
  constructor(label: string) { this.label = label; }

  /** The address in this task of [address, address + length), up to the end of one region; undefined if the client has not shared it. */
  find(address: number, length: number): { va: number; length: number } | undefined {
    const region = this.regions.find(r => address >= r.base && address < r.end);
    return region && { va: region.va + address - region.base, length: Math.min(length, region.end - address) };
  }
}

interface Request extends AreaRequest {
  readonly client: Client;
  readonly slot: number;
  /** Bytes passed to the device, and parts that it has not finished. */
  posted: number;
  left: number;
  ok: boolean;
  /** The client still wants it. */
  live: boolean;
}
interface Part { readonly request: Request; readonly at: number; readonly length: number }

class BlockDriver {
  private readonly device: VirtioDriver;
  private readonly env: Env;
  private readonly server: Server<Client>;
  private sectors = 0;
  private readOnly = false;
  private canFlush = false;
  private canZero = false;
  private head = { va: 0, pa: 0 };
  private data = { va: 0, pa: 0 };
  private waiting: Request[] = [];
  /** By slot of the device. */
  private readonly parts: (Part | undefined)[] = Array.from({ length: PARTS }, () => undefined);
  /** Clients whose semaphores the driver must raise. */
  private readonly news = new Set<Client>();

  constructor(env: Env, device: VirtioDriver) {
    this.env = env;
    this.device = device;
    const handlers = new Map<number, SessionHandler<Client>>([
      [Protocol.block.open.label, (sys, s) => this.open(sys, s)],
      [Protocol.block.share.label, (sys, s) => this.share(sys, s)],
      [Protocol.block.submit.label, (sys, s) => this.submit(sys, s.state)],
      [Protocol.block.cancel.label, (sys, s) => this.cancel(sys, s.state)],
    ]);
    this.server = new Server(env, 'block', handlers, {
      bufferOrder: BLOCK_WINDOW_ORDER, open: label => new Client(label), closed: s => this.drop(s.state),
    });
  }

  *run(sys: Syscalls, env: Env): Sys<void> {
    const { feature } = Block, features = yield* this.device.start(sys, env, [feature.RO, feature.FLUSH, feature.WRITE_ZEROES], 1);
    this.readOnly = features.has(feature.RO);
    this.canFlush = features.has(feature.FLUSH);
    this.canZero = features.has(feature.WRITE_ZEROES);
    this.sectors = this.device.config32(0) + this.device.config32(4) * 2 ** 32;
    this.head = valueOf(yield* allocateDma(sys, env, 4096));
    this.data = valueOf(yield* allocateDma(sys, env, PARTS * PART));
    valueOf(yield* spawn(sys, env, own => this.interrupts(own), { priority: env.priority, name: `${env.name} interrupts` }));
    yield* this.server.run(sys);
  }

  // ── sessions ──

  private *open(sys: Syscalls, session: Session<Client>): Sys<Answer> {
    const dest = sys.utcb.word(0), client = session.state;
    const area = client.area ? undefined : this.server.takeBuffer(sys, 2 ** AREA_ORDER);
    if (area === undefined) return refuse(Status.badArgument);
    session.buffer = client.area = area;
    client.completed = completionCount(sys.memory, area);
    session.objects.push(client.semaphore = this.env.selector());
    const status = yield* sys.invoke(Own.factory, Ops.factory.createSemaphore, [client.semaphore, 0]);
    if (status !== 0) return refuse(status);
    return { status: 0, words: [this.sectors, this.readOnly ? 1 : 0], items: [{ flexpage: capPage(client.semaphore), dest }] };
  }

  private *share(sys: Syscalls, session: Session<Client>): Sys<Answer> {
    const base = sys.utcb.word(0), size = sys.utcb.word(1), offset = base % WINDOW, { regions } = session.state;
    if (!(base >= 0) || !(size > 0) || offset + size > WINDOW || regions.length >= REGIONS_MOST) return refuse(Status.badArgument);
    const window = this.server.takeBuffer(sys, 0);
    if (window === undefined) return refuse(Status.badArgument);
    session.windows.push(window);
    regions.push({ base, end: base + size, va: window + offset });
    return OK;
  }

  private *submit(sys: Syscalls, client: Client): Sys<Answer> {
    const slots = Array.from({ length: sys.utcb.wordCount - 1 }, (_, i) => sys.utcb.word(i + 1));
    if (!client.area || slots.some(s => !(s >= 0 && s < SLOTS))) return refuse(Status.badArgument);
    if (sys.utcb.word(0) !== client.era) return OK;
    for (const slot of slots) this.accept(sys, client, slot);
    this.pump(sys);
    yield* this.tell(sys);
    return OK;
  }

  /** Reads a request from the shared area once; a malformed one fails at once. A slot holds one request at a time. */
  private accept(sys: Syscalls, client: Client, slot: number): void {
    const isThis = (r: Request): boolean => r.live && r.client === client && r.slot === slot;
    if (this.waiting.some(isThis) || this.parts.some(p => p && isThis(p.request))) return;
    const asked = getRequest(sys.memory, client.area, slot), ok = asked !== undefined && this.isSound(asked);
    const request: Request = { ...(asked ?? NONSENSE), client, slot, posted: 0, left: 0, ok, live: true };
    const nothingToDo = request.length === 0 && (request.kind !== BlockKind.flush || !this.canFlush);
    if (!ok || nothingToDo) this.complete(sys, request);
    else this.waiting.push(request);
  }
  private isSound({ kind, offset, length, pieces }: AreaRequest): boolean {
    const total = pieces.reduce((sum, p) => sum + p.length, 0), moves = kind === BlockKind.read || kind === BlockKind.write;
    if (kind === BlockKind.flush) return length === 0;
    if (offset % SECTOR !== 0 || length % SECTOR !== 0 || offset + length > this.sectors * SECTOR) return false;
    return moves ? total === length && (kind === BlockKind.read || !this.readOnly) : kind === BlockKind.zero && !this.readOnly;
  }

  /** Requests at the device complete without notice to the client. */
  private *cancel(sys: Syscalls, client: Client): Sys<Answer> {
    client.era = sys.utcb.word(0);
    this.drop(client);
    return OK;
  }
  private drop(client: Client): void {
    for (const request of [...this.waiting, ...this.parts.map(p => p?.request)]) if (request?.client === client) request.live = false;
    this.waiting = this.waiting.filter(r => r.live);
    this.news.delete(client);
  }

  // ── the device ──

  /** Gives the device as many parts as it has room for. */
  private pump(sys: Syscalls): void {
    let posted = false;
    for (let slot = this.parts.indexOf(undefined); slot >= 0 && this.waiting.length > 0; slot = this.parts.indexOf(undefined)) {
      const request = this.waiting[0]!, most = request.kind === BlockKind.zero && this.canZero ? ZERO_PART : PART;
      const part: Part = { request, at: request.posted, length: Math.min(most, request.length - request.posted) };
      request.posted += part.length;
      const lost = request.kind === BlockKind.write && !this.copy(sys, part, slot);
      if (lost) request.ok = false;
      if (lost || request.posted === request.length) this.waiting.shift();
      if (!lost) this.post(sys, slot, part);
      else if (request.left === 0) this.complete(sys, request);
      posted ||= !lost;
    }
    if (posted) this.device.notify(0);
  }

  /** @spec virtio 5.2.6 */
  private post(sys: Syscalls, slot: number, part: Part): void {
    const memory = sys.memory, { kind, offset } = part.request, sector = (offset + part.at) / SECTOR;
    const at = this.head.va + HEAD * slot, pa = this.head.pa + HEAD * slot;
    const zero = kind === BlockKind.zero, type = zero && !this.canZero ? Block.type.OUT : types[kind as BlockKind];
    memory.setU32(at + Block.TYPE_AT, type);
    memory.setU32(at + Block.TYPE_AT + 4, 0);
    memory.setU64(at + Block.SECTOR_AT, BigInt(type === Block.type.WRITE_ZEROES || type === Block.type.FLUSH ? 0 : sector));
    memory.setU8(at + STATUS_AT, 0xff);
    this.parts[slot] = part;
    part.request.left++;
    const header = { pa, length: Block.HEADER, write: false }, status = { pa: pa + STATUS_AT, length: 1, write: true };
    this.device.queues[0]!.post(slot, [header, ...this.body(sys, slot, part, sector), status]);
  }
  private body(sys: Syscalls, slot: number, part: Part, sector: number): Piece[] {
    const memory = sys.memory, { kind } = part.request, at = this.head.va + HEAD * slot + ZEROES_AT;
    const data = { pa: this.data.pa + PART * slot, length: part.length };
    if (part.length === 0) return [];
    if (kind !== BlockKind.zero) return [{ ...data, write: kind === BlockKind.read }];
    if (!this.canZero) {
      memory.fill(this.data.va + PART * slot, part.length, 0);
      return [{ ...data, write: false }];
    }
    memory.setU64(at + Block.zeroes.SECTOR_AT, BigInt(sector));
    memory.setU32(at + Block.zeroes.COUNT_AT, part.length / SECTOR);
    memory.setU32(at + Block.zeroes.FLAGS_AT, 0);
    return [{ pa: this.head.pa + HEAD * slot + ZEROES_AT, length: Block.zeroes.BYTES, write: false }];
  }

  private *interrupts(sys: Syscalls): Sys<void> {
    for (;;) {
      yield* sys.down(this.device.interrupt, Ops.semaphore.down, NEVER, 1);
      this.device.acknowledge();
      yield* sys.invoke(this.device.interrupt, Ops.semaphore.ack);
      const queue = this.device.queues[0]!;
      for (let done = queue.done(); done; done = queue.done()) this.finish(sys, done.slot);
      this.pump(sys);
      yield* this.tell(sys);
    }
  }

  /** The device has finished a part. A cancelled request accesses no memory. */
  private finish(sys: Syscalls, slot: number): void {
    const part = this.parts[slot], request = part?.request;
    if (!part || !request) return;
    this.parts[slot] = undefined;
    request.left--;
    if (!request.live) return;
    const well = sys.memory.u8(this.head.va + HEAD * slot + STATUS_AT) === Block.status.OK;
    request.ok &&= well && (request.kind !== BlockKind.read || this.copy(sys, part, slot));
    if (request.left === 0 && !this.waiting.includes(request)) this.complete(sys, request);
  }

  /** Copies between the DMA buffer of a slot and the client's memory; false: the client has not shared it, or has revoked it. */
  private copy(sys: Syscalls, { request, at, length }: Part, slot: number): boolean {
    const buffer = this.data.va + PART * slot, read = request.kind === BlockKind.read;
    let skip = at, done = 0;
    try {
      for (const piece of request.pieces) {
        for (let from = Math.min(skip, piece.length); from < piece.length && done < length; ) {
          const here = request.client.find(piece.address + from, Math.min(piece.length - from, length - done));
          if (!here) return false;
          if (read) sys.memory.copy(here.va, buffer + done, here.length); else sys.memory.copy(buffer + done, here.va, here.length);
          from += here.length;
          done += here.length;
        }
        skip = Math.max(0, skip - piece.length);
      }
      return true;
    } catch (error) {
      if (error instanceof MemoryFault) return false;
      throw error;
    }
  }

  private complete(sys: Syscalls, request: Request): void {
    const { client } = request;
    request.live = false;
    try {
      putCompletion(sys.memory, client.area, client.completed, request.slot, request.ok ? 0 : 1);
      client.completed = (client.completed + 1) >>> 0;
      this.news.add(client);
    } catch (error) {
      if (!(error instanceof MemoryFault)) throw error; // the client has revoked its area, and does not read it
    }
  }
  private *tell(sys: Syscalls): Sys<void> {
    for (const client of [...this.news]) {
      this.news.delete(client);
      yield* sys.invoke(client.semaphore, Ops.semaphore.up);
    }
  }
}

export const virtioBlock: Program = {
  name: 'virtio-block',
  *main(sys, env) {
    const device = valueOf(yield* openVirtio(sys, env, String(env.args['device']), VirtioId.BLOCK));
    yield* new BlockDriver(env, device).run(sys, env);
  },
};
