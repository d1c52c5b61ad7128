/**
 * Driver for a virtio 9P device behind the files protocol: one session, one message at a time. It understands no message.
 *
 * args: device (its name on the board). Provides 'files'. Needs `dma` and the device.
 * State: one request slot, a DMA buffer of 128 KiB for a message and one for its answer.
 */
import { VirtioId } from '../../hardware/chips/virtio/layout.ts';
import { NEVER, Ops, Status, type Sys } from '../../microkernel/abi/index.ts';
import type { Syscalls } from '../../binding/index.ts';
import { FILES_HALF, FILES_ORDER, Protocol, allocateDma, valueOf, type Env, type Program } from '../client/index.ts';
import { OK, Server, answer, refuse, type Answer, type Session, type SessionHandler } from '../lib/server.ts';
import { openVirtio, type VirtioDriver } from '../lib/virtio.ts';

class FilesDriver {
  private readonly device: VirtioDriver;
  private readonly server: Server<string>;
  private message = { va: 0, pa: 0 };
  private reply = { va: 0, pa: 0 };

  constructor(env: Env, device: VirtioDriver) {
    this.device = device;
    const handlers = new Map<number, SessionHandler<string>>([
      [Protocol.files.open.label, (sys, s) => this.open(sys, s)],
      [Protocol.files.request.label, (sys, s) => this.request(sys, s)],
    ]);
    // One connection has one client, because fids belong to the client.
    this.server = new Server(env, 'files', handlers, {
      bufferOrder: FILES_ORDER, open: label => (this.server.sessions.size === 0 ? label : undefined)
    });
  }

  *run(sys: Syscalls, env: Env): Sys<void> {
    yield* this.device.start(sys, env, [], 1);
    this.message = valueOf(yield* allocateDma(sys, env, FILES_HALF));
    this.reply = valueOf(yield* allocateDma(sys, env, FILES_HALF));
    yield* this.server.run(sys);
  }

  private *open(sys: Syscalls, session: Session<string>): Sys<Answer> {
    const buffer = this.server.takeBuffer(sys);
    if (buffer === undefined || session.buffer) return refuse(Status.badArgument);
    session.buffer = buffer;
    return OK;
  }

  private *request(sys: Syscalls, session: Session<string>): Sys<Answer> {
    const length = sys.utcb.word(0);
    if (!session.buffer || !(length > 0) || length > FILES_HALF) return refuse(Status.badArgument);
    sys.memory.copy(this.message.va, session.buffer, length);
    const written = Math.min(yield* this.exchange(sys, length), FILES_HALF);
    sys.memory.copy(session.buffer + FILES_HALF, this.reply.va, written);
    return answer(written);
  }

  /** The host usually answers at once; otherwise the device interrupts. */
  private *exchange(sys: Syscalls, length: number): Sys<number> {
    const queue = this.device.queues[0]!;
    queue.quiet();
    queue.post(0, [{ pa: this.message.pa, length, write: false }, { pa: this.reply.pa, length: FILES_HALF, write: true }]);
    this.device.notify(0);
    for (let done = queue.done(); ; done = queue.done()) {
      if (done) return done.length;
      queue.loud();
      if (!queue.ready) yield* this.wait(sys);
    }
  }

  private *wait(sys: Syscalls): Sys<void> {
    yield* sys.down(this.device.interrupt, Ops.semaphore.down, NEVER, 1);
    this.device.acknowledge();
    yield* sys.invoke(this.device.interrupt, Ops.semaphore.ack);
  }
}

export const virtioFiles: Program = {
  name: 'virtio-files',
  *main(sys, env) {
    const device = valueOf(yield* openVirtio(sys, env, String(env.args['device']), VirtioId.FILES));
    yield* new FilesDriver(env, device).run(sys, env);
  },
};
