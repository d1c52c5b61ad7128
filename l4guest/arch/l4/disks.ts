/** Disks of the board as block devices of the Unix kernel: one thread for each asks the driver, so that only those wait who ask. */
import { Ops, Own, type Sys } from '../../../microkernel/abi/index.ts';
import type { Syscalls } from '../../../binding/index.ts';
import { SECTOR, allocate, openBlock, spawn, valueOf, type Block, type Env } from '../../../roottask/client/index.ts';
import { E } from '../../abi/errno.ts';
import { blockDevicesOf } from '../../drivers/block.ts';
import type { ByteSource } from '../../fs/bytesource.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import { WaitQueue, type Co, type Sleeper } from '../../kernel/wait.ts';
import type { Shared } from './shared.ts';
import { raise } from './streams.ts';

/** Bytes that a request carries at most. */
const PIECE = 128 << 10;

interface Asked { readonly sector: number; readonly count: number; readonly done: (bytes: Uint8Array | undefined) => void }

class Disk implements ByteSource {
  readonly size: number;
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
  }

  *read(t: Sleeper, pos: number, length: number): Co<Uint8Array | number> {
    if (pos < 0 || pos + length > this.size) return -E.IO;
    const out = new Uint8Array(length);
    for (let done = 0; done < length; ) {
      const first = Math.floor((pos + done) / SECTOR), skip = (pos + done) % SECTOR, n = Math.min(length - done, PIECE - skip),
        bytes = yield* this.sectors(t, first, Math.ceil((skip + n) / SECTOR));
      if (!bytes) return -E.IO;
      out.set(bytes.subarray(skip, skip + n), done);
      done += n;
    }
    return out;
  }
  private *sectors(t: Sleeper, sector: number, count: number): Co<Uint8Array | undefined> {
    const wq = new WaitQueue();
    let bytes: Uint8Array | undefined, arrived = false;
    this.queue.push({ sector, count, done: (b) => { bytes = b; arrived = true; wq.wakeAll(); } });
    if (this.sleeping) { this.sleeping = false; this.shared.kicks.push(this.semaphore); this.shared.chores = true; }
    while (!arrived) yield* t.nap(wq);
    return bytes;
  }
  /** Body of the thread; `buffer`: PIECE bytes of this task. */
  *serve(sys: Syscalls, buffer: number, irq: number): Sys<void> {
    for (;;) {
      for (let asked = this.queue.shift(); asked; asked = this.queue.shift()) {
        const { done, count, sector } = asked, r = yield* this.block.read(sys, sector, count, buffer),
          bytes = r.ok ? sys.memory.read(buffer, count * SECTOR) : undefined;
        this.shared.arrivals.push(() => done(bytes));
        yield* raise(sys, irq);
      }
      this.sleeping = true;
      yield* sys.down(this.semaphore, Ops.semaphore.down, Infinity, 1);
      this.sleeping = false;
    }
  }
}

/** Opens the disks behind capabilities disk0, disk1, … */
export function* openDisks(sys: Syscalls, env: Env, shared: Shared, k: Kernel, irq: number): Sys<void> {
  for (let i = 0; env.hasCap(`disk${i}`); i++) {
    const block = valueOf(yield* openBlock(sys, env, `disk${i}`)), semaphore = env.selector(),
      buffer = valueOf(yield* allocate(sys, env, PIECE));
    yield* sys.must(Own.factory, Ops.factory.createSemaphore, [semaphore, 0]);
    const disk = new Disk(block, shared, semaphore);
    blockDevicesOf(k).disks.push(disk);
    valueOf(yield* spawn(sys, env, (own) => disk.serve(own, buffer, irq), { priority: env.priority }));
  }
}
