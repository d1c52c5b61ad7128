/**
 * Disks of the board as block devices of the Unix kernel: one thread for each calls the driver, so that only requesters wait. To write a
 * part of a sector it reads the sector first; it performs one request after the other, so that no other request interferes.
 */
import { Ops, Own, type Sys } from '../../../microkernel/abi/index.ts';
import type { Syscalls } from '../../../binding/index.ts';
import { SECTOR, allocate, openBlock, spawn, valueOf, type Block, type Env } from '../../../roottask/client/index.ts';
import { E } from '../../abi/errno.ts';
import { blockDevicesOf } from '../../drivers/block.ts';
import { findPartitions, type Partition } from '../../drivers/partitions.ts';
import type { BlockSource } from '../../fs/bytesource.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import { WaitQueue, type Co, type Sleeper } from '../../kernel/wait.ts';
import type { Shared } from './shared.ts';
import { raise } from './streams.ts';

/** Most bytes of a request. */
const PIECE = 128 << 10;

/** A request: bytes to read or to write, in at most PIECE bytes of whole sectors; neither: a flush. */
interface Asked {
  readonly pos: number; readonly length: number; readonly bytes: Uint8Array | undefined;
  readonly done: (ok: boolean, bytes: Uint8Array | undefined) => void;
}

class Disk implements BlockSource {
  readonly size: number;
  readonly readOnly: boolean;
  private readonly block: Block;
  private readonly shared: Shared;
  private readonly semaphore: number;
  private readonly queue: Asked[] = [];
  private sleeping = false;
  constructor(block: Block, shared: Shared, semaphore: number) {
    this.block = block;
    this.shared = shared;
    this.semaphore = semaphore;
    this.size = block.sectors * SECTOR;
    this.readOnly = block.readOnly;
  }

  *read(sleeper: Sleeper, pos: number, length: number): Co<Uint8Array | number> {
    if (pos < 0 || pos + length > this.size) return -E.IO;
    const out = new Uint8Array(length);
    for (let done = 0; done < length; ) {
      const n = Math.min(length - done, PIECE - (pos + done) % SECTOR), answer = yield* this.ask(sleeper, pos + done, n, undefined);
      if (!answer.bytes) return -E.IO;
      out.set(answer.bytes, done);
      done += n;
    }
    return out;
  }
  *write(sleeper: Sleeper, pos: number, bytes: Uint8Array): Co<number> {
    if (this.readOnly) return -E.ROFS;
    if (pos < 0 || pos + bytes.length > this.size) return -E.IO;
    for (let done = 0; done < bytes.length; ) {
      const n = Math.min(bytes.length - done, PIECE - (pos + done) % SECTOR),
        answer = yield* this.ask(sleeper, pos + done, n, bytes.subarray(done, done + n));
      if (!answer.ok) return -E.IO;
      done += n;
    }
    return 0;
  }
  *flush(t: Sleeper): Co<number> { return this.readOnly || (yield* this.ask(t, 0, 0, undefined)).ok ? 0 : -E.IO; }
  private *ask(sleeper: Sleeper, pos: number, length: number,
      data: Uint8Array | undefined): Co<{ ok: boolean; bytes: Uint8Array | undefined }> {
    const wq = new WaitQueue();
    let bytes: Uint8Array | undefined, ok = false, arrived = false;
    this.queue.push({ pos, length, bytes: data, done: (o, b) => { ok = o; bytes = b; arrived = true; wq.wakeAll(); } });
    if (this.sleeping) { this.sleeping = false; this.shared.kicks.push(this.semaphore); this.shared.chores = true; }
    while (!arrived) yield* sleeper.nap(wq);
    return { ok, bytes };
  }
  /** Body of the thread; `buffer`: PIECE bytes of this task. */
  *serve(sys: Syscalls, buffer: number, irq: number): Sys<void> {
    for (;;) {
      for (let asked = this.queue.shift(); asked; asked = this.queue.shift()) {
        const { done, pos, length, bytes } = asked;
        const result = yield* length === 0 ? this.flushed(sys)
          : bytes ? this.put(sys, pos, bytes, buffer) : this.get(sys, pos, length, buffer);
        this.shared.arrivals.push(() => done(result !== undefined, result));
        yield* raise(sys, irq);
      }
      this.sleeping = true;
      yield* sys.down(this.semaphore, Ops.semaphore.down, Infinity, 1);
      this.sleeping = false;
    }
  }
  private *get(sys: Syscalls, pos: number, length: number, buffer: number): Sys<Uint8Array | undefined> {
    const first = Math.floor(pos / SECTOR), skip = pos % SECTOR, count = Math.ceil((skip + length) / SECTOR),
      result = yield* this.block.read(sys, first, count, buffer);
    return result.ok ? sys.memory.read(buffer + skip, length) : undefined;
  }
  private *put(sys: Syscalls, pos: number, bytes: Uint8Array, buffer: number): Sys<Uint8Array | undefined> {
    const first = Math.floor(pos / SECTOR), skip = pos % SECTOR, count = Math.ceil((skip + bytes.length) / SECTOR),
      torn = (skip + bytes.length) % SECTOR !== 0;
    if (skip !== 0 && !(yield* this.block.read(sys, first, 1, buffer)).ok) return undefined;
    if (torn && (count > 1 || skip === 0)
      && !(yield* this.block.read(sys, first + count - 1, 1, buffer + (count - 1) * SECTOR)).ok) return undefined;
    sys.memory.write(buffer + skip, bytes);
    return (yield* this.block.write(sys, first, count, buffer)).ok ? bytes : undefined;
  }
  private *flushed(sys: Syscalls): Sys<Uint8Array | undefined> { return (yield* this.block.flush(sys)).ok ? NOTHING : undefined; }
}
const NOTHING = new Uint8Array(0);


/** The partitions of a disk, read before the server starts to serve. */
function* partitionsOf(sys: Syscalls, block: Block, buffer: number): Sys<Partition[]> {
  const search = findPartitions(block.sectors * SECTOR);
  let step = search.next();
  while (!step.done) {
    const { pos, length } = step.value, ok = length <= PIECE && (yield* block.read(sys, pos / SECTOR, length / SECTOR, buffer)).ok;
    step = search.next(ok ? sys.memory.read(buffer, length) : undefined);
  }
  return step.value;
}
/** Opens the disks behind capabilities disk0, disk1, … */
export function* openDisks(sys: Syscalls, env: Env, shared: Shared, k: Kernel, irq: number): Sys<void> {
  for (let i = 0; env.hasCap(`disk${i}`); i++) {
    const block = valueOf(yield* openBlock(sys, env, `disk${i}`)), semaphore = env.selector(),
      buffer = valueOf(yield* allocate(sys, env, PIECE));
    yield* sys.must(Own.factory, Ops.factory.createSemaphore, [semaphore, 0]);
    const disk = new Disk(block, shared, semaphore);
    blockDevicesOf(k).addDisk(disk, yield* partitionsOf(sys, block, buffer));
    valueOf(yield* spawn(sys, env, (own) => disk.serve(own, buffer, irq), { priority: env.priority }));
  }
}
