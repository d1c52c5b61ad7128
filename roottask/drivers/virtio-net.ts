/**
 * Driver for a virtio network card: one session of the net protocol in front of it. For several clients on one card, put a
 * switch (net/switch.ts) between.
 *
 * args: device (its name on the board). Provides 'net'. Needs `dma` and the device.
 * State: 16 receive and 16 transmit buffers of 2 KiB.
 * Documentation: virtio 1.2, 5.1.
 */
import { Net, VirtioId } from '../../hardware/chips/virtio/layout.ts';
import { NEVER, Ops, Own, type Sys } from '../../microkernel/abi/index.ts';
import type { Syscalls } from '../../binding/index.ts';
import { allocateDma, spawn, valueOf, type Env, type Program } from '../client/index.ts';
import { NetEnd, NetServer } from '../lib/net.ts';
import { DriverQueue, openVirtio, type VirtioDriver } from '../lib/virtio.ts';

const { RECEIVE, TRANSMIT, HEADER } = Net, BUFFER = 2048, BUFFERS = DriverQueue.SLOTS;
/** Wait between two checks for a transmit buffer, in nanoseconds of virtual time. */
const LOOK_AGAIN = 1e5;

class VirtioNetDriver {
  private readonly device: VirtioDriver;
  private readonly net: NetServer;
  private inVa = 0; private inPa = 0; private outVa = 0; private outPa = 0;
  /** A semaphore that is never raised, for timed waits. */
  private never = 0;
  private free: number[] = Array.from({ length: BUFFERS }, (_, i) => i);

  constructor(env: Env, device: VirtioDriver) {
    this.device = device;
    this.net = new NetServer(env, 'net', {
      send: (sys, _end, frames) => this.send(sys, frames),
      accept: (_label, open) => (open === 0 ? new NetEnd(this.mac()) : undefined),
    });
  }

  *run(sys: Syscalls, env: Env): Sys<void> {
    yield* this.device.start(sys, env, [Net.feature.MAC], 2);
    ({ va: this.inVa, pa: this.inPa } = valueOf(yield* allocateDma(sys, env, BUFFERS * BUFFER)));
    ({ va: this.outVa, pa: this.outPa } = valueOf(yield* allocateDma(sys, env, BUFFERS * BUFFER)));
    this.never = env.selector();
    yield* sys.must(Own.factory, Ops.factory.createSemaphore, [this.never, 0]);
    this.device.queues[TRANSMIT]!.quiet();
    for (let slot = 0; slot < BUFFERS; slot++) this.post(slot);
    this.device.notify(RECEIVE);
    valueOf(yield* spawn(sys, env, s => this.interrupts(s), { priority: env.priority }));
    yield* this.net.server.run(sys);
  }

  private mac(): Uint8Array { return Uint8Array.from({ length: 6 }, (_, i) => this.device.config8(Net.config.MAC + i)); }
  private post(slot: number): void {
    this.device.queues[RECEIVE]!.post(slot, [{ pa: this.inPa + slot * BUFFER, length: BUFFER, write: true }]);
  }

  /** Each frame into a buffer of its own, behind an empty header. @spec virtio 5.1.6.2 */
  private *send(sys: Syscalls, frames: readonly Uint8Array[]): Sys<void> {
    const queue = this.device.queues[TRANSMIT]!;
    for (const frame of frames) {
      for (this.reclaim(); this.free.length === 0; this.reclaim()) {
        this.device.notify(TRANSMIT);
        if (!queue.ready) yield* sys.down(this.never, Ops.semaphore.down, LOOK_AGAIN);
      }
      const slot = this.free.pop()!, at = slot * BUFFER;
      sys.memory.write(this.outVa + at, new Uint8Array(HEADER));
      sys.memory.write(this.outVa + at + HEADER, frame);
      queue.post(slot, [{ pa: this.outPa + at, length: HEADER + frame.length, write: false }]);
    }
    this.device.notify(TRANSMIT);
  }
  private reclaim(): void {
    const queue = this.device.queues[TRANSMIT]!;
    for (let used = queue.done(); used; used = queue.done()) this.free.push(used.slot);
  }

  private *interrupts(sys: Syscalls): Sys<void> {
    for (;;) {
      yield* sys.down(this.device.interrupt, Ops.semaphore.down, NEVER, 1);
      this.device.acknowledge();
      yield* sys.invoke(this.device.interrupt, Ops.semaphore.ack);
      yield* this.collect(sys);
    }
  }
  /** Passes received frames on and returns the buffers. Frames without a client are lost. */
  private *collect(sys: Syscalls): Sys<void> {
    const queue = this.device.queues[RECEIVE]!, frames: Uint8Array[] = [];
    for (let used = queue.done(); used; used = queue.done()) {
      if (used.length > HEADER)
        frames.push(sys.memory.read(this.inVa + used.slot * BUFFER + HEADER, Math.min(used.length, BUFFER) - HEADER));
      this.post(used.slot);
    }
    if (frames.length === 0) return;
    this.device.notify(RECEIVE);
    for (const end of this.net.ends) yield* this.net.feed(sys, end, frames);
  }
}

export const virtioNet: Program = {
  name: 'virtio-net',
  *main(sys, env) {
    const device = valueOf(yield* openVirtio(sys, env, String(env.args['device']), VirtioId.NET));
    yield* new VirtioNetDriver(env, device).run(sys, env);
  },
};
