/**
 * The log of the system: whole lines, each with the name of the component it came from. A thread of roottask writes them: to the component
 * that the scenario names, or to the UART itself while that component does not run.
 */
import { Initial, NEVER, Ops, type Sys } from '../../microkernel/abi/index.ts';
import type { Syscalls } from '../../binding/index.ts';
import { Protocol } from '../client/protocol.ts';
import { ask, bytesOf, textOf } from '../client/wire.ts';

const MAX_QUEUE = 4096, MAX_LINE = 4096, CHUNK = 400, PATIENCE = 2e9;
const UART_LSR = 5, LSR_THRE = 0x20;

export class Log {
  private readonly queue: string[] = [];
  private readonly partial = new Map<string, string>();
  private lost = 0;
  readonly semaphore: number;
  private readonly uart: number | undefined;
  /** A stream session to write to; 0 = the UART. */
  private session = 0;
  private busy = false;

  /** `uart`: address of the 16550's registers; `semaphore`: a fresh one of count 0. */
  constructor(uart: number | undefined, semaphore: number) { this.uart = uart; this.semaphore = semaphore; }

  /** Takes bytes of a component; writes whole lines, the rest waits for its line end. */
  *write(sys: Syscalls, name: string, bytes: Uint8Array): Sys<void> {
    const parts = ((this.partial.get(name) ?? '') + textOf(bytes)).split('\n');
    this.partial.set(name, parts.pop()!);
    if (this.partial.get(name)!.length > MAX_LINE) { parts.push(this.partial.get(name)!); this.partial.delete(name); }
    for (const line of parts) yield* this.line(sys, name, line);
  }
  *line(sys: Syscalls, name: string, text: string): Sys<void> {
    if (this.queue.length >= MAX_QUEUE) { this.lost++; return; }
    this.queue.push(`[${name}] ${text.replace(/\r$/, '')}\n`);
    yield* sys.invoke(this.semaphore, Ops.semaphore.up);
  }
  /** The unfinished line of a component. */
  *flush(sys: Syscalls, name: string): Sys<void> {
    const rest = this.partial.get(name);
    this.partial.delete(name);
    if (rest) yield* this.line(sys, name, rest);
  }
  useSession(selector: number): void { this.session = selector; }
  get idle(): boolean { return this.queue.length === 0 && !this.busy; }

  /** The thread that writes. */
  *run(sys: Syscalls): Sys<void> {
    for (;;) {
      yield* sys.down(this.semaphore, Ops.semaphore.down, NEVER, 1);
      while (this.queue.length) yield* this.carry(sys);
    }
  }
  private *carry(sys: Syscalls): Sys<void> {
    this.busy = true;
    let text = '';
    while (this.queue.length && text.length < CHUNK) text += this.queue.shift()!;
    if (this.lost) { text += `[log] ${this.lost} lines lost\n`; this.lost = 0; }
    const bytes = bytesOf(text);
    for (let at = 0; at < bytes.length; at += CHUNK) yield* this.out(sys, bytes.subarray(at, at + CHUNK));
    this.busy = false;
  }
  private *out(sys: Syscalls, bytes: Uint8Array): Sys<void> {
    if (this.session) {
      if ((yield* ask(sys, this.session, Protocol.stream.write, [], { bytes, timeout: PATIENCE })) === 0) return;
      this.session = 0;
    }
    if (this.uart === undefined) return;
    for (const byte of bytes) {
      for (let tries = 0; tries < 1000 && (sys.memory.u8(this.uart + UART_LSR) & LSR_THRE) === 0; tries++) {
        sys.charge(100);
        yield* sys.invoke(Initial.thread, Ops.thread.info); // the charged time passes now
      }
      sys.memory.setU8(this.uart, byte);
    }
  }
}
