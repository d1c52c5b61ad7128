/**
 * System calls as TypeScript programs make them.
 *
 *   function* echo(sys: Syscalls) {
 *     let request = yield* sys.receive();
 *     for (;;) request = yield* sys.replyAndWait({ words: request.words });
 *   }
 *
 * There are two ways to call. The convenient one, above, copies words to arrays. The fast one fills `sys.utcb` by hand and calls `ipc`.
 */
import {
  IpcFlag, NEVER, statusName,
  type IpcRequest, type Memory, type Operation, type Sys, type ThreadEntry, type ThreadPort, type Utcb
} from '../microkernel/abi/index.ts';

/** The body of a TypeScript thread. Returning ends the thread. */
export type ThreadBody = (sys: Syscalls) => Sys<void>;

/** The entry of such a body for the kernel; the thread has the name of the body. */
export function entryOf(body: ThreadBody): ThreadEntry {
  const entry: ThreadEntry = port => body(new Syscalls(port));
  return Object.defineProperty(entry, 'name', { get: () => body.name });
}

export type Word = number | bigint;
export interface MapItem { flexpage: number; dest: number; flags?: number }
export interface Message { label?: number; words?: readonly Word[]; items?: readonly MapItem[]; mtd?: number }
/** A received message. `words` is a copy; `badge` is the label of the portal it came through. */
export interface Received {
  readonly status: number;
  readonly label: number;
  readonly badge: number;
  readonly words: readonly bigint[];
  readonly mtd: number
}

/** A system call that should not have failed, failed. */
export class KernelError extends Error {
  readonly status: number;
  constructor(what: string, status: number) { super(`${what}: ${statusName(status)}`); this.status = status; }
}

export class Syscalls {
  readonly utcb: Utcb;
  readonly memory: Memory;
  readonly port: ThreadPort;
  readonly request: IpcRequest = { flags: 0, cap: 0, sendTimeout: NEVER, receiveTimeout: NEVER, body: undefined, handler: undefined };
  constructor(port: ThreadPort) { this.port = port; this.utcb = port.utcb; this.memory = port.memory; Object.seal(this.request); }

  now(): number { return this.port.now(); }
  /** Charges cycles for work that this thread does: by the byte, the page, the entry. See `ThreadPort.charge`. */
  charge(cycles: number): void { this.port.charge(cycles); }

  /**
   * The bare system call on the contents of the UTCB. Returns the status; message and badge are in the UTCB. Allocates nothing: `const s =
   * yield sys.ipc(…)`.
   */
  ipc(flags: number, cap: number, sendTimeout: number = NEVER, receiveTimeout: number = NEVER): IpcRequest {
    const request = this.request;
    request.flags = flags;
    request.cap = cap;
    request.sendTimeout = sendTimeout;
    request.receiveTimeout = receiveTimeout;
    request.body = undefined;
    request.handler = undefined;
    return request;
  }

  /**
   * Replies and waits in a loop without returning to the body: the kernel enters `handler` for each message, as NOVA's portals enter at an
   * address. Returns the status when the handler returns false (the message is still in the UTCB) or a reply fails.
   */
  serve(handler: () => boolean): IpcRequest {
    const ipcRequest = this.ipc(IpcFlag.reply | IpcFlag.receive, 0);
    ipcRequest.handler = handler;
    return ipcRequest;
  }

  /** Sends to `cap` and waits for the reply. */
  *call(cap: number, message: Message = {}, timeout = NEVER): Sys<Received> {
    this.put(message);
    return this.got(yield this.ipc(IpcFlag.send | IpcFlag.call | IpcFlag.receive, cap, timeout, timeout));
  }
  /** Sends without waiting for an answer. Also answers a kept reply capability. */
  *send(cap: number, message: Message = {}, timeout = NEVER): Sys<number> {
    this.put(message);
    return yield this.ipc(IpcFlag.send, cap, timeout);
  }
  /** Waits for a message: from any portal of this thread (open), or through one portal only (closed). */
  *receive(portal = 0, timeout = NEVER): Sys<Received> {
    return this.got(yield this.ipc(IpcFlag.receive, portal, NEVER, timeout));
  }
  *reply(message: Message = {}): Sys<number> {
    this.put(message);
    return yield this.ipc(IpcFlag.reply, 0);
  }
  *replyAndWait(message: Message = {}, timeout = NEVER): Sys<Received> {
    this.put(message);
    return this.got(yield this.ipc(IpcFlag.reply | IpcFlag.receive, 0, NEVER, timeout));
  }

  /** Invokes a kernel object. Returns the status; the UTCB's words hold the results. */
  *invoke(cap: number, op: Operation, words: readonly Word[] = [], timeout = NEVER, body?: ThreadBody): Sys<number> {
    this.put({ label: op.label, words });
    const request = this.ipc(IpcFlag.send | IpcFlag.call | IpcFlag.receive, cap, timeout, timeout);
    request.body = body && entryOf(body);
    return yield request;
  }
  /** The same, but throws KernelError on failure: for calls that fail only if something is badly wrong. */
  *must(cap: number, op: Operation, words: readonly Word[] = [], body?: ThreadBody): Sys<void> {
    const status = yield* this.invoke(cap, op, words, NEVER, body);
    if (status !== 0) throw new KernelError(op.doc.slice(0, 60), status);
  }
  /** Waits for a semaphore. */
  *down(semaphore: number, down: Operation, timeout = NEVER, clear = 0): Sys<number> {
    return yield* this.invoke(semaphore, down, [clear], timeout);
  }

  put(message: Message): void {
    const utcb = this.utcb, words = message.words ?? [], items = message.items ?? [];
    for (let i = 0; i < words.length; i++) {
      const word = words[i]!;
      if (typeof word === 'bigint') utcb.setBigWord(i, word);
      else utcb.setWord(i, word);
    }
    for (let i = 0; i < items.length; i++) utcb.setItem(i, items[i]!.flexpage, items[i]!.dest, items[i]!.flags ?? 0);
    utcb.setTag(message.label ?? 0, words.length, items.length);
    utcb.mtd = message.mtd ?? 0;
  }
  private got(status: number): Received {
    const utcb = this.utcb, words: bigint[] = [];
    for (let i = 0, n = status === 0 ? utcb.wordCount : 0; i < n; i++) words.push(utcb.bigWord(i));
    return { status, label: utcb.label, badge: utcb.badge, words, mtd: utcb.mtd };
  }
}
Object.freeze(Syscalls.prototype);
