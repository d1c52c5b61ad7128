/**
 * Stubs of the toolbox for TypeScript tasks: each returns the status of the request, 0 on success; the UTCB holds the results by the row.
 */
import type { Sys } from '../../microkernel/abi/index.ts';
import type { Syscalls } from '../../binding/index.ts';
import { ask, getBytes, type Env } from '../../roottask/client/index.ts';
import { MOST_BYTES, Toolbox } from './protocol.ts';

/** A TCP connection through the Unix server behind a capability. */
export class LentTcp {
  private readonly sys: Syscalls;
  private readonly cap: number;
  private handle = 0;
  constructor(sys: Syscalls, env: Env, name: string) { this.sys = sys; this.cap = env.cap(name); }

  *connect(ip: number, port: number): Sys<number> {
    const status = yield* ask(this.sys, this.cap, Toolbox.tcp.connect, [ip, port]);
    if (status === 0) this.handle = this.sys.utcb.word(0);
    return status;
  }
  *send(bytes: Uint8Array): Sys<number> {
    for (let at = 0; at < bytes.length; at += this.sys.utcb.word(0)) {
      const status = yield* ask(this.sys, this.cap, Toolbox.tcp.send, [this.handle], { bytes: bytes.subarray(at, at + MOST_BYTES) });
      if (status !== 0) return status;
    }
    return 0;
  }
  /** The next bytes, none at the end; or the status. */
  *receive(): Sys<Uint8Array | number> {
    const status = yield* ask(this.sys, this.cap, Toolbox.tcp.receive, [this.handle, MOST_BYTES]);
    return status !== 0 ? status : getBytes(this.sys.utcb, 1, this.sys.utcb.word(0));
  }
  *close(): Sys<number> { return yield* ask(this.sys, this.cap, Toolbox.tcp.close, [this.handle]); }
}
