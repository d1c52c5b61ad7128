/**
 * Driver for the board's 16550 UART behind the stream protocol: one session (the console multiplexer, or a single client).
 *
 * args: device (default: the first ns16550a). Provides 'stream'.
 * State: none but the session's input queue. The transmitter is polled, the receiver interrupts.
 */
import { NEVER, Ops, type Sys } from '../../microkernel/abi/index.ts';
import type { Syscalls } from '../../binding/index.ts';
import { openDevice, spawn, valueOf, type DeviceWindow, type Env, type Program } from '../client/index.ts';
import { INPUT_LIMIT, StreamServer, type StreamState } from '../lib/stream.ts';

const REG = { DATA: 0, IER: 1, FCR: 2, LSR: 5 } as const, LSR = { READY: 1, THR_EMPTY: 0x20 } as const;
const IER_RECEIVED = 1, FCR_ENABLE = 1;

class UartDriver {
  private readonly window: DeviceWindow;
  private readonly stream: StreamServer;
  private state: StreamState | undefined;

  constructor(env: Env, window: DeviceWindow) {
    this.window = window;
    this.stream = new StreamServer(env, 'stream', {
      write: (sys, _state, bytes) => this.write(sys, bytes),
      drained: (sys, state) => this.collect(sys, state),
      accept: (_label, open) => open === 0,
      opened: state => { this.state = state; },
      closed: () => { this.state = undefined; },
    });
  }

  *run(sys: Syscalls, env: Env): Sys<void> {
    const { va } = this.window;
    sys.memory.setU8(va + REG.FCR, FCR_ENABLE);
    sys.memory.setU8(va + REG.IER, IER_RECEIVED);
    valueOf(yield* spawn(sys, env, s => this.interrupts(s), { priority: env.priority }));
    yield* this.stream.server.run(sys);
  }
  private *write(sys: Syscalls, bytes: Uint8Array): Sys<number> {
    const { va } = this.window;
    for (const byte of bytes) {
      while ((sys.memory.u8(va + REG.LSR) & LSR.THR_EMPTY) === 0) yield* sys.down(this.window.interrupt, Ops.semaphore.down, 1e5);
      sys.memory.setU8(va + REG.DATA, byte);
    }
    return 0;
  }
  private *interrupts(sys: Syscalls): Sys<void> {
    for (;;) {
      yield* sys.down(this.window.interrupt, Ops.semaphore.down, NEVER, 1);
      if (this.state) yield* this.collect(sys, this.state); else this.discard(sys);
      yield* sys.invoke(this.window.interrupt, Ops.semaphore.ack);
    }
  }
  /** Moves received bytes into the session while there is room. */
  private *collect(sys: Syscalls, state: StreamState): Sys<void> {
    const bytes: number[] = [], { va } = this.window;
    while (state.waiting + bytes.length < INPUT_LIMIT && sys.memory.u8(va + REG.LSR) & LSR.READY) bytes.push(sys.memory.u8(va + REG.DATA));
    sys.memory.setU8(va + REG.IER, state.waiting + bytes.length < INPUT_LIMIT ? IER_RECEIVED : 0);
    if (bytes.length) yield* this.stream.feed(sys, state, Uint8Array.from(bytes));
  }
  private discard(sys: Syscalls): void {
    while (sys.memory.u8(this.window.va + REG.LSR) & LSR.READY) sys.memory.u8(this.window.va + REG.DATA);
  }
}

export const uart: Program = {
  name: 'uart',
  *main(sys, env) {
    const window = valueOf(yield* openDevice(sys, env, String(env.args['device'] ?? 'ns16550a')));
    yield* new UartDriver(env, window).run(sys, env);
  },
};
