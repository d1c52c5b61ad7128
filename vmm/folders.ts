/**
 * A host folder behind a virtual 9P device: messages wait here while the files server handles one after the other.
 *
 *   device ── request ──► queue ── folder's thread ──► files server
 *   device ◄── reply ────────────── folder's thread ◄── files server
 */
import type { FilePort } from '../hardware/chips/ports.ts';
import { NEVER, Ops, Own, type Sys } from '../microkernel/abi/index.ts';
import type { Syscalls } from '../binding/index.ts';
import { type Env, FILES_HALF, type HostFiles, openFiles, spawn, valueOf } from '../roottask/client/index.ts';
import { HEADER, messages } from '../roottask/client/ninep/index.ts';
import type { FolderOption } from './options.ts';
import type { Work } from './work.ts';

interface Asked { readonly message: Uint8Array; readonly reply: (message: Uint8Array) => void }
const NOTHING = new Uint8Array(0);

export class Folder implements FilePort {
  readonly tag: Uint8Array;
  readonly #files: HostFiles;
  readonly #work: Work;
  readonly #wake: number;
  #waiting: Asked[] = [];

  /** `wake`: a semaphore of this folder's thread. */
  constructor(tag: string, files: HostFiles, work: Work, wake: number) {
    this.tag = new TextEncoder().encode(tag);
    this.#files = files;
    this.#work = work;
    this.#wake = wake;
  }

  request(message: Uint8Array, reply: (message: Uint8Array) => void): void {
    this.#waiting.push({ message: fitting(message), reply });
    this.#work.signal(this.#wake);
  }

  /** The device ends with its requests (the VM restarts). */
  forget(): void { this.#waiting = []; }

  /** Body of the thread. A server that has ended gives an empty answer, which the guest's driver treats as a broken connection. */
  *run(sys: Syscalls): Sys<void> {
    for (;;) {
      yield* sys.down(this.#wake, Ops.semaphore.down, NEVER, 1);
      for (let asked = this.#waiting.shift(); asked; asked = this.#waiting.shift()) {
        const answer = yield* this.#files.request(sys, asked.message);
        asked.reply(answer.ok ? answer.value : NOTHING);
        yield* this.#work.deliver(sys);
      }
    }
  }
}

const TVERSION = messages.version.type, TYPE_AT = 4, MSIZE_AT = HEADER;

/** The first message of a connection sets the largest size of others; it is limited to the size that the files server accepts. */
function fitting(message: Uint8Array): Uint8Array {
  if (message[TYPE_AT] !== TVERSION || message.length < MSIZE_AT + 4) return message;
  const data = new DataView(message.buffer, message.byteOffset, message.length);
  data.setUint32(MSIZE_AT, Math.min(data.getUint32(MSIZE_AT, true), FILES_HALF), true);
  return message;
}

/** Opens one; the error is a sentence. */
export function* openFolder(sys: Syscalls, env: Env, { files: name, tag }: FolderOption, work: Work): Sys<Folder | string> {
  if (!env.hasCap(name)) return `there is no folder '${name}'`;
  const files = yield* openFiles(sys, env, name), wake = env.selector();
  if (!files.ok) return files.what;
  yield* sys.must(Own.factory, Ops.factory.createSemaphore, [wake, 0]);
  const folder = new Folder(tag, files.value, work, wake);
  valueOf(yield* spawn(sys, env, (own) => folder.run(own), { name }));
  return folder;
}
