/** Terminals and streams of the system as ports of the Unix kernel: one thread reads, one writes; the main thread never waits for them. */
import { Ops, Own, Status, type Sys } from '../../../microkernel/abi/index.ts';
import type { Syscalls } from '../../../binding/index.ts';
import { spawn, valueOf, type Console, type Env } from '../../../roottask/client/index.ts';
import type { InputPort, OutputPort } from '../../drivers/ports.ts';
import { WaitQueue } from '../../kernel/wait.ts';
import type { Shared } from './shared.ts';

/** Interrupt threads run before the main thread; writers between it and the processes. */
/** Writers run below the server and above its processes, so that a computing process does not delay output. */
const writerPriority = (env: Env): number => Math.max(0, env.priority - 5);
const CAPACITY = 131072, PIECE = 65536;

/** Notifies the main thread of an event; returns once it has received it. */
export function* raise(sys: Syscalls, irq: number): Sys<void> { yield* sys.send(irq, {}); }

export class ConsoleOutput implements OutputPort {
  readonly wq = new WaitQueue();
  length = 0;
  private chunks: Uint8Array[] = [];
  private sleeping = false;
  private readonly shared: Shared;
  private readonly semaphore: number;
  constructor(shared: Shared, semaphore: number) { this.shared = shared; this.semaphore = semaphore; }

  room(): number { return CAPACITY - this.length; }
  put(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.chunks.push(bytes);
    this.length += bytes.length;
    if (!this.sleeping) return;
    this.sleeping = false;
    this.shared.kicks.push(this.semaphore);
    this.shared.chores = true;
  }
  private take(): Uint8Array {
    const all = this.chunks.splice(0);
    if (all.length === 1) return all[0]!;
    const out = new Uint8Array(all.reduce((n, c) => n + c.length, 0));
    let at = 0;
    for (const bytes of all) { out.set(bytes, at); at += bytes.length; }
    return out;
  }
  /** Body of the writer thread. */
  *write(sys: Syscalls, console: Console, irq: number): Sys<void> {
    for (;;) {
      while (this.length > 0) {
        const bytes = this.take();
        for (let at = 0; at < bytes.length; at += PIECE) yield* console.write(sys, bytes.subarray(at, at + PIECE));
        this.length -= bytes.length;
        this.shared.arrivals.push(() => this.wq.wakeAll());
        yield* raise(sys, irq);
      }
      this.sleeping = true;
      yield* sys.down(this.semaphore, Ops.semaphore.down, Infinity, 1);
      this.sleeping = false;
    }
  }
}

/** Opens an output port on a stream: a semaphore and a writer thread. */
export function* openOutput(sys: Syscalls, env: Env, shared: Shared, console: Console, irq: number): Sys<ConsoleOutput> {
  const semaphore = env.selector();
  yield* sys.must(Own.factory, Ops.factory.createSemaphore, [semaphore, 0]);
  const port = new ConsoleOutput(shared, semaphore);
  valueOf(yield* spawn(sys, env, (own) => port.write(own, console, irq), { priority: writerPriority(env) }));
  return port;
}

/** Reads a stream until its end. `resized` gets the window's size. */
export function* openInput(sys: Syscalls, env: Env, shared: Shared, console: Console, port: InputPort, irq: number,
    resized?: (columns: number, rows: number) => void): Sys<void> {
  valueOf(yield* spawn(sys, env, function* (own) {
    for (;;) {
      const got = yield* console.read(own, 4096);
      if (!got.ok) return;
      if (got.value.length > 0) shared.arrivals.push(() => port.arrive(got.value));
      else if (yield* console.ended(own)) { shared.arrivals.push(() => port.end()); yield* raise(own, irq); return; }
      if (resized) {
        const size = yield* console.size(own);
        if (size.ok && size.value.columns > 0) shared.arrivals.push(() => resized(size.value.columns, size.value.rows));
      }
      if (shared.arrivals.length > 0) yield* raise(own, irq);
      if (got.value.length === 0) yield* own.down(console.inputSemaphore, Ops.semaphore.down, Infinity, 1);
    }
  }, { priority: env.priority }));
}

/** The timer thread: sleeps until the alarm, then interrupts; `late` gets the delay of the interrupt. */
export function* openTimer(sys: Syscalls, env: Env, shared: Shared, semaphore: number, irq: number, late: (ns: number) => void): Sys<void> {
  yield* sys.must(Own.factory, Ops.factory.createSemaphore, [semaphore, 0]);
  valueOf(yield* spawn(sys, env, function* (own) {
    for (;;) {
      shared.armed = shared.alarm;
      const status = yield* own.down(semaphore, Ops.semaphore.down,
        shared.armed === Infinity ? Infinity : Math.max(0, shared.armed - own.now()), 1);
      if (status !== Status.timeout || own.now() < shared.alarm) continue;
      const due = shared.alarm;
      shared.armed = shared.alarm = Infinity;
      yield* raise(own, irq);
      late(own.now() - due);
    }
  }, { priority: env.priority }));
}
