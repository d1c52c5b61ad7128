/** A component whose code runs in another process: its threads run here and make the system calls that the process requests. */
import type { Env, Program } from '../../../index.ts';
import { MemoryFault, type IpcRequest, type Sys } from '../../../microkernel/abi/index.ts';
import { entryOf, type Syscalls, type ThreadBody } from '../../../binding/index.ts';
import { ACCESSES, Do, MOST_BYTES, Reader, Says, WireError, Writer } from './wire.ts';
import { RemoteProcess } from './process.ts';

/** Bounds for a component's system calls and memory accesses in one world. */
const MOST_CALLS = 20_000, MOST_QUESTIONS = 1_000_000, MOST_PRINTED = 200;

export interface RemoteCode {
  readonly code: string;
  /** The place of the first line of a stack that lies in the submission. */
  place(stack: string): string;
}

/** Output of all components of the submission. */
export class Prints {
  readonly lines: string[] = [];
  add(who: string, text: string): void { if (this.lines.length < MOST_PRINTED) this.lines.push(`${who}: ${text}`); }
}

/** An exception of the submission's: the message ends with its place. */
class Thrown extends Error {
  constructor(message: string, place: string) {
    super(message);
    this.stack = place ? `Error: ${message}\n    at ${place}` : message;
  }
}

class Remote {
  private readonly remote: RemoteCode;
  private readonly process: RemoteProcess;
  private readonly prints: Prints;
  private readonly name: string;
  private readonly out = new Writer();
  private threads = 0;
  private calls = 0;
  private questions = 0;

  constructor(remote: RemoteCode, config: string, name: string, prints: Prints) {
    this.remote = remote; this.prints = prints; this.name = name;
    this.process = new RemoteProcess(remote.code, config);
  }
  close(): void { this.process.close(); }

  /** A thread of the submission, whose actions run here. `body`: its number in the process. */
  *thread(sys: Syscalls, body: number): Sys<void> {
    const id = this.threads++;
    this.out.clear().u8(Do.next).f64(id).f64(body).f64(0).utcb(sys.utcb);
    for (;;) {
      const request = this.step(sys, id);
      if (!request) return;
      let status: number;
      try {
        status = yield request;
      } catch {
        // Only a handler throws here, and its exception remains in the process.
        this.out.clear().u8(Do.raise).f64(id);
        continue;
      }
      this.out.clear().u8(Do.next).f64(id).f64(-1).f64(status).utcb(sys.utcb);
    }
  }

  /** Sends `out` and answers queries until the thread makes a system call or ends. */
  private step(sys: Syscalls, id: number): IpcRequest | undefined {
    const reader = this.answers(sys), what = reader.u8();
    if (what === Says.done) { reader.utcb(sys.utcb); return undefined; }
    if (what !== Says.yields) throw this.thrown(sys, reader, what);
    if (++this.calls > MOST_CALLS) throw new Thrown(`made more than ${MOST_CALLS} system calls: a loop that never ends?`, '');
    const request = sys.ipc(reader.f64(), reader.f64(), reader.f64(), reader.f64()), body = reader.f64(), handles = reader.u8() === 1;
    reader.utcb(sys.utcb);
    if (body >= 0) request.body = entryOf(this.bodyOf(body));
    if (handles) request.handler = () => this.handle(sys, id);
    return request;
  }
  private bodyOf(body: number): ThreadBody { return (own) => this.thread(own, body); }

  private handle(sys: Syscalls, id: number): boolean {
    this.out.clear().u8(Do.handle).f64(id).utcb(sys.utcb);
    const reader = this.answers(sys), what = reader.u8();
    if (what !== Says.handled) throw this.thrown(sys, reader, what);
    const again = reader.u8() === 1;
    reader.utcb(sys.utcb);
    return again;
  }

  private thrown(sys: Syscalls, reader: Reader, what: number): Error {
    if (what !== Says.threw) return new WireError('the submission sent a message that there is not');
    reader.utcb(sys.utcb);
    if (reader.u8() === 1) return new MemoryFault(reader.f64(), (['read', 'write', 'execute'] as const)[reader.u8()] ?? 'read');
    const message = reader.text(), stack = reader.text();
    return new Thrown(message, this.remote.place(stack));
  }

  private answers(sys: Syscalls): Reader {
    let bytes = this.process.exchange(this.out.taken);
    for (let reader = new Reader(bytes); ; reader = new Reader(bytes)) {
      const what = reader.u8();
      if (what < Says.memory || what > Says.print) return new Reader(bytes);
      if (++this.questions > MOST_QUESTIONS) throw new Thrown(`asked for memory more than ${MOST_QUESTIONS} times`, '');
      this.question(sys, what, reader);
      bytes = this.process.exchange(this.out.taken);
    }
  }

  private question(sys: Syscalls, what: number, reader: Reader): void {
    const { out } = this;
    try {
      if (what === Says.print) { this.prints.add(this.name, reader.text()); out.clear().u8(Do.ok); return; }
      reader.f64();
      if (what === Says.now) out.clear().u8(Do.ok).f64(sys.now());
      else if (what === Says.charge) { sys.charge(Math.min(1e9, Math.max(0, reader.f64()))); out.clear().u8(Do.ok); }
      else this.memory(sys, ACCESSES[reader.u8()], reader);
    } catch (error) {
      if (error instanceof MemoryFault) out.clear().u8(Do.fault).f64(error.address).u8(['read', 'write', 'execute'].indexOf(error.access));
      else if (error instanceof WireError) throw error;
      else out.clear().u8(Do.error).text((error as Error).message);
    }
  }

  private memory({ memory }: Syscalls, access: (typeof ACCESSES)[number] | undefined, reader: Reader): void {
    const ok = (): Writer => this.out.clear().u8(Do.ok), va = reader.f64();
    const bounded = (n: number): number => {
      if (n >= 0 && n <= MOST_BYTES) return n;
      throw new RangeError(`at most ${MOST_BYTES} bytes at once`);
    };
    switch (access) {
      case 'u8': case 'u16': case 'u32': { const value = memory[access](va); ok().f64(value); return; }
      case 'u64': { const value = memory.u64(va); ok().i64(value); return; }
      case 'setU8': case 'setU16': case 'setU32': memory[access](va, reader.f64()); break;
      case 'setU64': memory.setU64(va, reader.i64()); break;
      case 'read': { const bytes = memory.read(va, bounded(reader.f64())); ok().data(bytes); return; }
      case 'write': memory.write(va, reader.data()); break;
      case 'copy': memory.copy(va, reader.f64(), bounded(reader.f64())); break;
      case 'fill': memory.fill(va, bounded(reader.f64()), reader.f64()); break;
      case 'mapped': { const mapped = memory.mapped(va, bounded(reader.f64()), reader.f64()); ok().u8(mapped ? 1 : 0); return; }
      default: throw new WireError('an access that there is not');
    }
    ok();
  }
}

/** An Env that can list its capabilities. */
interface ListedEnv extends Env { readonly caps?: ReadonlyMap<string, number> }

/** The program that `file` of a submission exports. `closers`: receives functions that end its processes. */
export function remoteProgram(remote: RemoteCode, file: string, prints: Prints, closers: (() => void)[]): Program {
  return {
    name: file.replace(/\..*$/, ''),
    *main(sys, env: ListedEnv) {
      const config = JSON.stringify({ file, name: env.name, args: env.args, caps: [...env.caps ?? []] });
      const there = new Remote(remote, config, env.name, prints);
      closers.push(() => there.close());
      yield* there.thread(sys, 0);
    },
  };
}
