/**
 * A byte stream to the outside: a terminal of the console multiplexer, the UART, or a virtio console; all speak the same protocol.
 * Output of up to 400 bytes travels in the message, more through a shared buffer: one message per 64 KiB.
 *
 * One thread writes and one thread reads at a time (each passes its own `sys`); writer and reader may be different threads.
 */
import { memoryPage, Right, type Sys } from '../../microkernel/abi/index.ts';
import type { Syscalls } from '../../binding/index.ts';
import type { Env } from './env.ts';
import { allocate } from './memory.ts';
import { Protocol, STREAM_HALF, STREAM_ORDER } from './protocol.ts';
import { bad, good, type Result } from './result.ts';
import { ask } from './wire.ts';

const SHORT = 400;

export class Console {
  /** Selector of a semaphore that goes up whenever input has arrived (or the window has changed its size). */
  readonly inputSemaphore: number;
  private readonly cap: number;
  private readonly buffer: number;
  private readonly name: string;
  constructor(name: string, cap: number, buffer: number, inputSemaphore: number) {
    this.name = name; this.cap = cap; this.buffer = buffer; this.inputSemaphore = inputSemaphore;
  }

  /** Returns when the server has taken all of the bytes. */
  *write(sys: Syscalls, bytes: Uint8Array): Sys<Result<void>> {
    if (bytes.length <= SHORT) return this.answer(yield* ask(sys, this.cap, Protocol.stream.write, [], { bytes }));
    for (let at = 0; at < bytes.length; at += STREAM_HALF) {
      const part = bytes.subarray(at, at + STREAM_HALF);
      sys.memory.write(this.buffer, part);
      const status = yield* ask(sys, this.cap, Protocol.stream.writeBuffer, [part.length]);
      if (status !== 0) return this.answer(status);
    }
    return good(undefined);
  }
  /** The same from this task's own memory. */
  *writeFrom(sys: Syscalls, va: number, length: number): Sys<Result<void>> {
    for (let at = 0; at < length; at += STREAM_HALF) {
      const n = Math.min(STREAM_HALF, length - at);
      sys.memory.copy(this.buffer, va + at, n);
      const status = yield* ask(sys, this.cap, Protocol.stream.writeBuffer, [n]);
      if (status !== 0) return this.answer(status);
    }
    return good(undefined);
  }
  /** Up to `max` waiting bytes; empty when there are none. */
  *read(sys: Syscalls, max: number): Sys<Result<Uint8Array>> {
    const status = yield* ask(sys, this.cap, Protocol.stream.read, [Math.min(max, STREAM_HALF)]);
    return status === 0 ? good(sys.memory.read(this.buffer + STREAM_HALF, sys.utcb.word(0))) : bad(status, `console '${this.name}'`);
  }
  /** Whether the input has ended (the last `read` was empty and no more will come): end of file on the host's standard input. */
  *ended(sys: Syscalls): Sys<boolean> {
    return (yield* ask(sys, this.cap, Protocol.stream.read, [0])) === 0 && sys.utcb.word(1) === 1;
  }
  /** Columns and rows of the terminal window; 0 × 0 when there is none. */
  *size(sys: Syscalls): Sys<Result<{ columns: number; rows: number }>> {
    const status = yield* ask(sys, this.cap, Protocol.stream.size);
    return status === 0 ? good({ columns: sys.utcb.word(0), rows: sys.utcb.word(1) }) : bad(status, `console '${this.name}'`);
  }
  private answer(status: number): Result<void> { return status === 0 ? good(undefined) : bad(status, `console '${this.name}'`); }
}

/** Opens the stream that the scenario gave this component under `name`. */
export function* openConsole(sys: Syscalls, env: Env, name: string): Sys<Result<Console>> {
  const size = 2 ** STREAM_ORDER, buffer = yield* allocate(sys, env, size, { align: size });
  if (!buffer.ok) return buffer;
  const semaphore = env.selector(), items = [{ flexpage: memoryPage(buffer.value, STREAM_ORDER, Right.RW), dest: 0 }];
  const status = yield* ask(sys, env.cap(name), Protocol.stream.open, [semaphore], { items, receives: 'capabilities' });
  return status === 0 ? good(new Console(name, env.cap(name), buffer.value, semaphore)) : bad(status, `${env.name}: console '${name}'`);
}
