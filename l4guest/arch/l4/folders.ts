/**
 * Host folders. Where the host answers at once, the main thread calls it directly; otherwise one thread carries the messages of one
 * connection, so that only requesters wait.
 */
import { Ops, Own, type Sys } from '../../../microkernel/abi/index.ts';
import type { Syscalls } from '../../../binding/index.ts';
import { FILES_HALF, openFiles, spawn, valueOf, type Env, type HostFiles } from '../../../roottask/client/index.ts';
import type { FilesLink } from '../../fs/ninep/session.ts';
import type { Shared } from './shared.ts';
import { raise } from './streams.ts';

type Reply = (answer: Uint8Array | undefined) => void;

class PromptLink implements FilesLink {
  readonly most = FILES_HALF;
  private readonly sys: Syscalls;
  private readonly shared: Shared;
  private readonly files: HostFiles;
  constructor(sys: Syscalls, shared: Shared, files: HostFiles) { this.sys = sys; this.shared = shared; this.files = files; }

  send(message: Uint8Array, reply: Reply): void {
    this.shared.jobs.push(() => this.ask(message, reply));
    this.shared.chores = true;
  }
  private *ask(message: Uint8Array, reply: Reply): Sys<void> {
    const got = yield* this.files.request(this.sys, message);
    reply(got.ok ? got.value : undefined);
  }
}

class CarriedLink implements FilesLink {
  readonly most = FILES_HALF;
  private readonly queue: { readonly message: Uint8Array; readonly reply: Reply }[] = [];
  private sleeping = false;
  private readonly shared: Shared;
  private readonly semaphore: number;
  constructor(shared: Shared, semaphore: number) { this.shared = shared; this.semaphore = semaphore; }

  send(message: Uint8Array, reply: Reply): void {
    this.queue.push({ message, reply });
    if (!this.sleeping) return;
    this.sleeping = false;
    this.shared.kicks.push(this.semaphore);
    this.shared.chores = true;
  }
  /** Body of the thread. */
  *carry(sys: Syscalls, files: HostFiles, irq: number): Sys<void> {
    for (;;) {
      for (let asked = this.queue.shift(); asked; asked = this.queue.shift()) {
        const { reply } = asked, got = yield* files.request(sys, asked.message), answer = got.ok ? got.value : undefined;
        this.shared.arrivals.push(() => reply(answer));
        yield* raise(sys, irq);
      }
      this.sleeping = true;
      yield* sys.down(this.semaphore, Ops.semaphore.down, Infinity, 1);
      this.sleeping = false;
    }
  }
}

/** Opens the folder that the scenario gave under `name`. `prompt`: the host answers at once. */
export function* openFolder(sys: Syscalls, env: Env, shared: Shared, name: string, prompt: boolean, irq: number): Sys<FilesLink> {
  const files = valueOf(yield* openFiles(sys, env, name));
  if (prompt) return new PromptLink(sys, shared, files);
  const semaphore = env.selector();
  yield* sys.must(Own.factory, Ops.factory.createSemaphore, [semaphore, 0]);
  const link = new CarriedLink(shared, semaphore);
  valueOf(yield* spawn(sys, env, (own) => link.carry(own, files, irq), { priority: env.priority }));
  return link;
}
