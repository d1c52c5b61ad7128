/**
 * A host folder as a 9P2000.L connection: passes the caller's messages through a shared buffer and returns the answers. `ninep/` builds and
 * parses the messages. Only one thread may use it at a time; it waits for the host.
 */
import { memoryPage, Right, Status, type Sys } from '../../microkernel/abi/index.ts';
import type { Syscalls } from '../../binding/index.ts';
import type { Env } from './env.ts';
import { allocate } from './memory.ts';
import { FILES_HALF, FILES_ORDER, Protocol } from './protocol.ts';
import { bad, good, type Result } from './result.ts';
import { ask } from './wire.ts';

export class HostFiles {
  /** Addresses of the request's and the answer's bytes, so that a caller can move data in place. */
  readonly requestVa: number;
  readonly replyVa: number;
  private readonly cap: number;
  private readonly name: string;
  constructor(name: string, cap: number, buffer: number) {
    this.name = name; this.cap = cap; this.requestVa = buffer; this.replyVa = buffer + FILES_HALF;
  }

  /** One message and its answer, at most FILES_HALF bytes each. */
  *request(sys: Syscalls, message: Uint8Array): Sys<Result<Uint8Array>> {
    if (message.length > FILES_HALF) return bad(Status.badArgument, `files '${this.name}': a message of ${message.length} bytes`);
    sys.memory.write(this.requestVa, message);
    const length = yield* this.send(sys, message.length);
    return length.ok ? good(sys.memory.read(this.replyVa, length.value)) : length;
  }

  /** The same with the message already at `requestVa`; returns the length of the reply at `replyVa`. */
  *send(sys: Syscalls, length: number): Sys<Result<number>> {
    const status = yield* ask(sys, this.cap, Protocol.files.request, [length]);
    if (status !== 0) return bad(status, `files '${this.name}'`);
    const answered = sys.utcb.word(0);
    return answered >= 0 && answered <= FILES_HALF ? good(answered) : bad(Status.badArgument, `files '${this.name}'`);
  }
}

/** Opens the folder that the scenario gave this component under `name`. */
export function* openFiles(sys: Syscalls, env: Env, name: string): Sys<Result<HostFiles>> {
  const size = 2 ** FILES_ORDER, buffer = yield* allocate(sys, env, size, { align: size });
  if (!buffer.ok) return buffer;
  const status = yield* ask(sys, env.cap(name), Protocol.files.open, [],
    { items: [{ flexpage: memoryPage(buffer.value, FILES_ORDER, Right.RW), dest: 0 }] });
  return status === 0 ? good(new HostFiles(name, env.cap(name), buffer.value)) : bad(status, `${env.name}: files '${name}'`);
}
