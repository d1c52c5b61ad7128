/**
 * Driver for a virtio disk behind the block protocol: any number of sessions, one request at a time.
 *
 * args: device (its name on the board). Provides 'block'. Needs `dma` and the device.
 * State: one request slot, a DMA buffer of 1 MiB.
 */
import { NEVER, Ops, Status, type Sys, type Syscalls } from '../../microkernel/abi/index.ts';
import { BLOCK_ORDER, Protocol, SECTOR, allocateDma, valueOf, type Env, type Program } from '../client/index.ts';
import { OK, Server, answer, refuse, type Answer, type Session, type SessionHandler } from '../lib/server.ts';
import { VirtioId, openVirtio, type Piece, type VirtioDriver } from '../lib/virtio.ts';

const FEATURE = { READ_ONLY: 5, FLUSH: 9 } as const, TYPE = { READ: 0, WRITE: 1, FLUSH: 4 } as const;
const SIZE = 2 ** BLOCK_ORDER, HEADER = 16;

class BlockDriver {
  private readonly device: VirtioDriver;
  private readonly server: Server<string>;
  private sectors = 0;
  private readOnly = false;
  private canFlush = false;
  private head = { va: 0, pa: 0 };
  private data = { va: 0, pa: 0 };

  constructor(env: Env, device: VirtioDriver) {
    this.device = device;
    const handlers = new Map<number, SessionHandler<string>>([
      [Protocol.block.open.label, (sys, s) => this.open(sys, s)],
      [Protocol.block.read.label, (sys, s) => this.transfer(sys, s, false)],
      [Protocol.block.write.label, (sys, s) => this.transfer(sys, s, true)],
      [Protocol.block.flush.label, sys => this.flush(sys)],
    ]);
    this.server = new Server(env, 'block', handlers, { bufferOrder: BLOCK_ORDER, open: label => label });
  }

  *run(sys: Syscalls, env: Env): Sys<void> {
    const features = yield* this.device.start(sys, env, [FEATURE.READ_ONLY, FEATURE.FLUSH], 1);
    this.readOnly = features.has(FEATURE.READ_ONLY);
    this.canFlush = features.has(FEATURE.FLUSH);
    this.sectors = this.device.config32(0) + this.device.config32(4) * 2 ** 32;
    this.head = valueOf(yield* allocateDma(sys, env, 4096));
    this.data = valueOf(yield* allocateDma(sys, env, SIZE));
    yield* this.server.run(sys);
  }

  private *open(sys: Syscalls, s: Session<string>): Sys<Answer> {
    const buffer = this.server.takeBuffer(sys);
    if (buffer === undefined || s.buffer) return refuse(Status.badArgument);
    s.buffer = buffer;
    return answer(this.sectors, this.readOnly ? 1 : 0);
  }
  private *transfer(sys: Syscalls, s: Session<string>, write: boolean): Sys<Answer> {
    const sector = sys.utcb.word(0), count = sys.utcb.word(1), bytes = count * SECTOR;
    if (!s.buffer || !(sector >= 0) || !(count > 0) || bytes > SIZE || sector + count > this.sectors) return refuse(Status.badArgument);
    if (write && this.readOnly) return refuse(Status.badRights);
    if (write) sys.memory.copy(this.data.va, s.buffer, bytes);
    const ok = yield* this.request(sys, write ? TYPE.WRITE : TYPE.READ, sector, { pa: this.data.pa, length: bytes, write: !write });
    if (ok && !write) sys.memory.copy(s.buffer, this.data.va, bytes);
    return ok ? OK : refuse(Status.aborted);
  }
  private *flush(sys: Syscalls): Sys<Answer> {
    return !this.canFlush || (yield* this.request(sys, TYPE.FLUSH, 0)) ? OK : refuse(Status.aborted);
  }

  /** One request: header, data, status byte. @spec virtio 5.2.6 */
  private *request(sys: Syscalls, type: number, sector: number, data?: Piece): Sys<boolean> {
    const { va, pa } = this.head, queue = this.device.queues[0]!, m = sys.memory;
    m.setU32(va, type); m.setU32(va + 4, 0); m.setU64(va + 8, BigInt(sector)); m.setU8(va + HEADER, 0xff);
    queue.post(0, [{ pa, length: HEADER, write: false }, ...(data ? [data] : []), { pa: pa + HEADER, length: 1, write: true }]);
    this.device.notify(0);
    while (!queue.done()) yield* this.wait(sys);
    return m.u8(va + HEADER) === 0;
  }
  private *wait(sys: Syscalls): Sys<void> {
    yield* sys.down(this.device.interrupt, Ops.semaphore.down, NEVER, 1);
    this.device.acknowledge();
    yield* sys.invoke(this.device.interrupt, Ops.semaphore.ack);
  }
}

export const virtioBlock: Program = {
  name: 'virtio-block',
  *main(sys, env) {
    const device = valueOf(yield* openVirtio(sys, env, String(env.args['device']), VirtioId.block));
    yield* new BlockDriver(env, device).run(sys, env);
  },
};
