/**
 * Driver for a virtio console: one session of the stream protocol in front of it.
 *
 * args: device (its name on the board). Provides 'stream'. Needs `dma` and the device.
 * State: eight receive buffers of 4 KiB, one transmit buffer of 64 KiB, the window size.
 * The console has no hang-up signal: the host sends a window of 0 × 0 after the last byte.
 */
import { Console, Interrupt, VirtioId } from '../../hardware/chips/virtio/layout.ts';
import { NEVER, Ops, type Sys } from '../../microkernel/abi/index.ts';
import type { Syscalls } from '../../binding/index.ts';
import { STREAM_HALF, allocateDma, spawn, valueOf, type Env, type Program } from '../client/index.ts';
import { INPUT_LIMIT, StreamServer, type StreamState } from '../lib/stream.ts';
import { openVirtio, type VirtioDriver } from '../lib/virtio.ts';

const { RECEIVE, TRANSMIT } = Console;
const BUFFERS = 8, BUFFER = 4096;

class VirtioConsoleDriver {
  private readonly device: VirtioDriver;
  private readonly stream: StreamServer;
  private inVa = 0; private inPa = 0; private outVa = 0; private outPa = 0;
  private columns = 0; private rows = 0;
  private state: StreamState | undefined;
  /** Buffers withheld from the device because their input is still unread. */
  private readonly held: number[] = [];
  private unread: Uint8Array[] = [];

  constructor(env: Env, device: VirtioDriver) {
    this.device = device;
    this.stream = new StreamServer(env, 'stream', {
      write: (sys, _state, bytes) => this.write(sys, bytes),
      drained: sys => this.refill(sys),
      size: () => ({ columns: this.columns, rows: this.rows }),
      accept: (_label, open) => open === 0,
      opened: state => {
        this.state = state;
        for (const bytes of this.unread) { state.chunks.push(bytes); state.waiting += bytes.length; }
        this.unread = [];
      },
      closed: () => { this.state = undefined; },
    });
  }

  *run(sys: Syscalls, env: Env): Sys<void> {
    yield* this.device.start(sys, env, [Console.feature.SIZE], 2);
    ({ va: this.inVa, pa: this.inPa } = valueOf(yield* allocateDma(sys, env, BUFFERS * BUFFER)));
    ({ va: this.outVa, pa: this.outPa } = valueOf(yield* allocateDma(sys, env, STREAM_HALF)));
    this.readSize();
    for (let slot = 0; slot < BUFFERS; slot++) this.post(slot);
    this.device.notify(RECEIVE);
    valueOf(yield* spawn(sys, env, s => this.interrupts(s), { priority: env.priority }));
    yield* this.stream.server.run(sys);
  }

  private post(slot: number): void {
    this.device.queues[RECEIVE]!.post(slot, [{ pa: this.inPa + slot * BUFFER, length: BUFFER, write: true }]);
  }
  private readSize(): void {
    this.columns = this.device.config16(Console.config.COLUMNS);
    this.rows = this.device.config16(Console.config.ROWS);
  }

  private *write(sys: Syscalls, bytes: Uint8Array): Sys<number> {
    const queue = this.device.queues[TRANSMIT]!;
    if (bytes.length === 0) return 0;
    sys.memory.write(this.outVa, bytes);
    queue.post(0, [{ pa: this.outPa, length: bytes.length, write: false }]);
    this.device.notify(TRANSMIT);
    while (!queue.done()) yield* sys.down(this.device.interrupt, Ops.semaphore.down, 1e6);
    return 0;
  }

  private *interrupts(sys: Syscalls): Sys<void> {
    for (;;) {
      yield* sys.down(this.device.interrupt, Ops.semaphore.down, NEVER, 1);
      const why = this.device.acknowledge();
      yield* sys.invoke(this.device.interrupt, Ops.semaphore.ack);
      yield* this.collect(sys);
      if (why & Interrupt.CONFIG) yield* this.resized(sys); else yield* this.tellEnd(sys);
    }
  }
  /** A new size of the window; 0 × 0 = hung up. */
  private *resized(sys: Syscalls): Sys<void> {
    this.readSize();
    yield* this.tellEnd(sys);
    if (this.state) yield* this.stream.signal(sys, this.state);
  }
  /** Takes filled buffers from the device and returns them while there is room for more. */
  private *collect(sys: Syscalls): Sys<void> {
    const queue = this.device.queues[RECEIVE]!;
    for (let used = queue.done(); used; used = queue.done()) {
      const bytes = sys.memory.read(this.inVa + used.slot * BUFFER, used.length);
      this.held.push(used.slot);
      if (this.state) yield* this.stream.feed(sys, this.state, bytes); else this.unread.push(bytes);
      if (this.held.length === BUFFERS && (this.state?.waiting ?? 0) < INPUT_LIMIT) this.giveBack();
    }
    if ((this.state?.waiting ?? 0) < INPUT_LIMIT) this.giveBack();
  }
  private giveBack(): void {
    if (this.held.length === 0) return;
    for (const slot of this.held.splice(0)) this.post(slot);
    this.device.notify(RECEIVE);
  }
  /** The client learns of the end when the device has nothing more for it. */
  private *tellEnd(sys: Syscalls): Sys<void> {
    const { state } = this, over = this.columns === 0 && this.rows === 0 && this.held.length === 0 && !this.device.queues[RECEIVE]!.ready;
    if (!state || !over || state.ended) return;
    state.ended = true;
    yield* this.stream.signal(sys, state);
  }
  private *refill(sys: Syscalls): Sys<void> {
    this.giveBack();
    yield* this.collect(sys);
    yield* this.tellEnd(sys);
  }
}

export const virtioConsole: Program = {
  name: 'virtio-console',
  *main(sys, env) {
    const device = valueOf(yield* openVirtio(sys, env, String(env.args['device']), VirtioId.CONSOLE));
    yield* new VirtioConsoleDriver(env, device).run(sys, env);
  },
};
