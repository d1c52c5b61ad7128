/**
 * A disk behind the block protocol. `BlockQueue` keeps many requests in flight, which the driver performs directly between the disk and
 * memory that the client has shared; `Block` waits for each request.
 *
 *   const queue = valueOf(yield* openBlockQueue(sys, env, 'disk'));
 *   valueOf(yield* queue.share(sys, va, size));
 *   queue.put({ kind: BlockKind.read, offset, length, pieces: [{ address: va, length }] }, sys);
 *   yield* queue.submit(sys);                    // then wait for queue.completions and call `collect`
 *
 * Client and driver share an area of requests and completions, 256 KiB of addresses. Neither side trusts it: both read each word once and
 * check it.
 *
 *   0x1000 s   request in slot s (32 of them): kind u32, pieces u32, offset u64, length u64, –, { address u64, length u64 } × pieces
 *   0x2_0000   completions so far u32, then a ring of 32: slot u16, status u16 (0 = done, else it failed)
 *
 * Offsets and lengths are bytes of the disk, whole sectors. Addresses are the client's own, of memory that it has shared.
 */
import { NEVER, Ops, Right, Status, flexSize, memoryPage, type Memory, type Sys } from '../../microkernel/abi/index.ts';
import { flexpages, type Syscalls } from '../../binding/index.ts';
import type { Env } from './env.ts';
import { allocate } from './memory.ts';
import { BLOCK_WINDOW_ORDER, Protocol, SECTOR } from './protocol.ts';
import { bad, good, type Result } from './result.ts';
import { ask } from './wire.ts';

export const AREA_ORDER = 18, SLOTS = 32, PIECES_MOST = 254;
const SLOT = 0x1000, COUNT = 0x2_0000, RING = COUNT + 4, ENTRY = 4;
const At = { kind: 0, pieces: 4, offset: 8, length: 16, list: 32 } as const, PIECE = 16;

export const BlockKind = { read: 0, write: 1, flush: 2, zero: 3 } as const;
export type BlockKind = (typeof BlockKind)[keyof typeof BlockKind];
export interface SharedPiece { readonly address: number; readonly length: number }
export interface AreaRequest {
  readonly kind: number;
  readonly offset: number;
  readonly length: number;
  readonly pieces: readonly SharedPiece[];
}

const u64 = (m: Memory, at: number): number => m.u32(at + 4) * 2 ** 32 + m.u32(at);
function setU64(memory: Memory, at: number, value: number): void {
  memory.setU32(at, value % 2 ** 32);
  memory.setU32(at + 4, Math.floor(value / 2 ** 32));
}

export function putRequest(memory: Memory, area: number, slot: number, areaRequest: AreaRequest): void {
  const at = area + SLOT * slot;
  memory.setU32(at + At.kind, areaRequest.kind);
  memory.setU32(at + At.pieces, areaRequest.pieces.length);
  setU64(memory, at + At.offset, areaRequest.offset);
  setU64(memory, at + At.length, areaRequest.length);
  areaRequest.pieces.forEach((sharedPiece, i) => {
    setU64(memory, at + At.list + PIECE * i, sharedPiece.address);
    setU64(memory, at + At.list + PIECE * i + 8, sharedPiece.length);
  });
}

/** A copy of the request in a slot; undefined when it has more pieces than a slot holds. */
export function getRequest(memory: Memory, area: number, slot: number): AreaRequest | undefined {
  const at = area + SLOT * slot, count = memory.u32(at + At.pieces);
  if (count > PIECES_MOST) return undefined;
  const list = at + At.list;
  const pieces = Array.from({ length: count },
    (_, i) => ({ address: u64(memory, list + PIECE * i), length: u64(memory, list + PIECE * i + 8) }));
  return { kind: memory.u32(at + At.kind), offset: u64(memory, at + At.offset), length: u64(memory, at + At.length), pieces };
}

/** For the driver: completion number `count`, counted from 0. */
export function putCompletion(memory: Memory, area: number, count: number, slot: number, status: number): void {
  memory.setU32(area + RING + ENTRY * (count % SLOTS), slot | (status << 16));
  memory.setU32(area + COUNT, (count + 1) >>> 0);
}
export const completionCount = (m: Memory, area: number): number => m.u32(area + COUNT);
export function getCompletion(memory: Memory, area: number, count: number): { slot: number; ok: boolean } {
  const entry = memory.u32(area + RING + ENTRY * (count % SLOTS));
  return { slot: entry & 0xffff, ok: entry >>> 16 === 0 };
}

// ── the client ──

const WINDOW = 2 ** BLOCK_WINDOW_ORDER, COUNTS = 2 ** 32;

/** Only one thread may use it at a time. */
export class BlockQueue {
  readonly sectors: number;
  readonly readOnly: boolean;
  /** The driver raises it after completions. The client may raise it for its own purposes. */
  readonly completions: number;
  private readonly name: string;
  private readonly cap: number;
  private readonly area: number;
  private readonly free = Array.from({ length: SLOTS }, (_, i) => SLOTS - 1 - i);
  private readonly flying = new Set<number>();
  private fresh: number[] = [];
  private seen = 0;
  private era = 0;

  constructor(name: string, cap: number, area: number, semaphore: number, sectors: number, readOnly: boolean) {
    this.name = name; this.cap = cap; this.area = area; this.completions = semaphore; this.sectors = sectors; this.readOnly = readOnly;
  }

  /** Free request slots. */
  get room(): number { return this.free.length; }

  /** Gives the driver access to [va, va + size) of this task. Sizes are multiples of 4096. */
  *share(sys: Syscalls, va: number, size: number): Sys<Result<void>> {
    for (let from = va, to; from < va + size; from = to) {
      to = Math.min(va + size, from - (from % WINDOW) + WINDOW);
      // One per message: the kernel reserves for the worst case of all items together, far more than superpages cost.
      for (const { page, dest } of flexpages(from, to - from, Right.RW)) {
        const items = [{ flexpage: page, dest: dest % WINDOW }];
        const status = yield* ask(sys, this.cap, Protocol.block.share, [dest, flexSize(page)], { items });
        if (status !== 0) return this.answer(status);
      }
    }
    return good(undefined);
  }

  /** Prepares a request, if there is room; returns its slot. At most PIECES_MOST pieces. */
  put(request: AreaRequest, sys: Syscalls): number {
    const slot = this.free.pop()!;
    putRequest(sys.memory, this.area, slot, request);
    this.flying.add(slot);
    this.fresh.push(slot);
    return slot;
  }
  /** Tells the driver about the requests that `put` prepared. The driver replies before they are done. */
  *submit(sys: Syscalls): Sys<Result<void>> {
    const slots = this.fresh;
    this.fresh = [];
    return slots.length === 0 ? good(undefined) : this.answer(yield* ask(sys, this.cap, Protocol.block.submit, [this.era, ...slots]));
  }
  /** Slots whose requests are done, each once. */
  collect(sys: Syscalls): { slot: number; ok: boolean }[] {
    const done: { slot: number; ok: boolean }[] = [];
    const count = completionCount(sys.memory, this.area);
    for (; this.seen !== count && done.length < SLOTS; this.seen = (this.seen + 1) % COUNTS) {
      const entry = getCompletion(sys.memory, this.area, this.seen);
      if (!this.flying.delete(entry.slot)) continue;
      this.free.push(entry.slot);
      done.push(entry);
    }
    return done;
  }
  /** Cancels all requests. Afterwards the driver accesses no memory for them. */
  *cancel(sys: Syscalls): Sys<Result<void>> {
    this.fresh = [];
    const status = yield* ask(sys, this.cap, Protocol.block.cancel, [++this.era]);
    this.seen = completionCount(sys.memory, this.area);
    this.free.push(...this.flying);
    this.flying.clear();
    return this.answer(status);
  }
  private answer(status: number): Result<void> { return status === 0 ? good(undefined) : bad(status, `disk '${this.name}'`); }
}

/** Opens the disk that the scenario gave this component under `name`. */
export function* openBlockQueue(sys: Syscalls, env: Env, name: string): Sys<Result<BlockQueue>> {
  const area = yield* allocate(sys, env, 2 ** AREA_ORDER, { align: 2 ** AREA_ORDER }), semaphore = env.selector();
  if (!area.ok) return area;
  const items = [{ flexpage: memoryPage(area.value, AREA_ORDER, Right.RW), dest: 0 }];
  const status = yield* ask(sys, env.cap(name), Protocol.block.open, [semaphore], { items, receives: 'capabilities' });
  if (status !== 0) return bad(status, `${env.name}: disk '${name}'`);
  return good(new BlockQueue(name, env.cap(name), area.value, semaphore, sys.utcb.word(0), (sys.utcb.word(1) & 1) !== 0));
}

const BUFFER = 1 << 20;

/** Moves sectors of 512 bytes to and from any memory of the caller, through a buffer. Only one thread may use it at a time. */
export class Block {
  readonly sectors: number;
  readonly readOnly: boolean;
  private readonly queue: BlockQueue;
  private readonly name: string;
  private readonly buffer: number;
  constructor(name: string, queue: BlockQueue, buffer: number) {
    this.name = name; this.queue = queue; this.buffer = buffer; this.sectors = queue.sectors; this.readOnly = queue.readOnly;
  }

  /** Reads `count` sectors to `va` of this task. badArgument: beyond the end. */
  *read(sys: Syscalls, sector: number, count: number, va: number): Sys<Result<void>> {
    return yield* this.transfer(sys, sector, count, va, false);
  }
  /** Writes `count` sectors from `va`. badRights: read-only disk. */
  *write(sys: Syscalls, sector: number, count: number, va: number): Sys<Result<void>> {
    if (this.readOnly) return bad(Status.badRights, `disk '${this.name}' is read-only`);
    return yield* this.transfer(sys, sector, count, va, true);
  }
  *flush(sys: Syscalls): Sys<Result<void>> { return yield* this.wait(sys, { kind: BlockKind.flush, offset: 0, length: 0, pieces: [] }); }

  private *transfer(sys: Syscalls, sector: number, count: number, va: number, write: boolean): Sys<Result<void>> {
    if (sector < 0 || count < 0 || sector + count > this.sectors) return bad(Status.badArgument, `disk '${this.name}'`);
    for (let done = 0; done < count; ) {
      const n = Math.min(count - done, BUFFER / SECTOR), at = va + done * SECTOR, length = n * SECTOR;
      if (write) sys.memory.copy(this.buffer, at, length);
      const kind = write ? BlockKind.write : BlockKind.read;
      const result = yield* this.wait(sys, { kind, offset: (sector + done) * SECTOR, length, pieces: [{ address: this.buffer, length }] });
      if (!result.ok) return result;
      if (!write) sys.memory.copy(at, this.buffer, length);
      done += n;
    }
    return good(undefined);
  }

  private *wait(sys: Syscalls, request: AreaRequest): Sys<Result<void>> {
    const { queue } = this;
    queue.put(request, sys);
    const submitted = yield* queue.submit(sys);
    if (!submitted.ok) return submitted;
    for (;;) {
      const [done] = queue.collect(sys);
      if (done) return done.ok ? good(undefined) : bad(Status.aborted, `disk '${this.name}'`);
      const status = yield* sys.down(queue.completions, Ops.semaphore.down, NEVER, 1);
      if (status !== 0) return bad(status, `disk '${this.name}'`);
    }
  }
}

/** Opens the disk that the scenario gave this component under `name`. */
export function* openBlock(sys: Syscalls, env: Env, name: string): Sys<Result<Block>> {
  const queue = yield* openBlockQueue(sys, env, name), buffer = yield* allocate(sys, env, BUFFER, { align: BUFFER });
  if (!queue.ok) return queue;
  if (!buffer.ok) return buffer;
  const shared = yield* queue.value.share(sys, buffer.value, BUFFER);
  return shared.ok ? good(new Block(name, queue.value, buffer.value)) : shared;
}
