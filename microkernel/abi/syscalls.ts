/**
 * The TypeScript binding: the same system call, the same UTCB, the same statuses as RISC-V code has.
 *
 *   function* echo(sys: Syscalls) {
 *     let request = yield* sys.receive();
 *     for (;;) request = yield* sys.replyAndWait({ words: request.words });
 *   }
 *
 * Two levels. The friendly one above copies words to arrays. The quick one fills `sys.utcb` by hand and uses `ipc`.
 */
import { IpcFlag, NEVER } from './ipc.ts';
import type { Memory } from './memory.ts';
import type { Operation } from './operations.ts';
import { statusName } from './status.ts';
import type { Utcb } from './utcb.ts';

/** One system call of a TypeScript thread. Each thread reuses one object. */
export interface IpcRequest {
  flags: number;
  /** Destination (send, call) or, for a closed receive, the portal to receive from (0 = open). */
  cap: number;
  /** How long the send half, and the receive half, may wait. */
  sendTimeout: number;
  receiveTimeout: number;
  /** For Factory.createThread with ThreadFlag.typescript only: the new thread's body. */
  body: ThreadBody | undefined;
  /**
   * For a reply-and-wait (`Syscalls.serve`): called for each message that comes; true: the answer stands in the UTCB, and the thread
   * waits again.
   */
  handler: (() => boolean) | undefined;
}

/** A system call in progress: `yield*` it. Every blocking function of user level has this type. */
export type Sys<T> = Generator<IpcRequest, T, number>;

/** The body of a TypeScript server thread. Returning ends the thread. */
export type ThreadBody = (sys: Syscalls) => Sys<void>;

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

/**
 * Bytes at `va` as the one sees them whose events come through the portal with this label; fewer where nothing is there. Must change
 * nothing.
 */
export type Look = (label: number, va: number, length: number) => Uint8Array;

/** Most that a thread can charge between two system calls: about three hours. */
export const MOST_CHARGE = 1e13;

/** What the kernel gives a TypeScript thread besides the binding. */
export interface ThreadPort {
  readonly utcb: Utcb;
  readonly memory: Memory;
  /** Virtual time in ns. */
  now(): number;
  /**
   * Charges cycles for work of this thread: a number from 0 on, up to MOST_CHARGE between two system calls; anything else is a
   * RangeError, and nothing is charged. A charge is a debt. It runs off before the thread's next system call takes effect, in time in
   * which interrupts, timers and threads of higher priority get the hart, and which its budget pays. `now` counts it in at once, so a
   * server that measures itself sees what it has charged.
   */
  charge(cycles: number): void;
  /**
   * Shows tools outside how to look at the memory of those whose events this thread answers, where the kernel's tables do not have it
   * all.
   */
  show?(look: Look): void;
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
   * The bare system call on what stands in the UTCB. Answers the status; message and badge are in the UTCB. No allocation: `const s =
   * yield sys.ipc(…)`.
   */
  ipc(flags: number, cap: number, sendTimeout: number = NEVER, receiveTimeout: number = NEVER): IpcRequest {
    const r = this.request;
    r.flags = flags; r.cap = cap; r.sendTimeout = sendTimeout; r.receiveTimeout = receiveTimeout; r.body = undefined; r.handler = undefined;
    return r;
  }

  /**
   * Answers and waits, again and again, without coming back to the body: the kernel enters `handler` for each message, as NOVA's portals
   * enter at an address. Comes back with the status when the handler answers false (the message is in the UTCB still) or a reply fails.
   */
  serve(handler: () => boolean): IpcRequest {
    const r = this.ipc(IpcFlag.reply | IpcFlag.receive, 0);
    r.handler = handler;
    return r;
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

  /** Invokes a kernel object. Answers the status; results stand in the UTCB's words. */
  *invoke(cap: number, op: Operation, words: readonly Word[] = [], timeout = NEVER, body?: ThreadBody): Sys<number> {
    this.put({ label: op.label, words });
    const request = this.ipc(IpcFlag.send | IpcFlag.call | IpcFlag.receive, cap, timeout, timeout);
    request.body = body;
    return yield request;
  }
  /** The same, and a failure is a KernelError: for what cannot fail unless something is badly wrong. */
  *must(cap: number, op: Operation, words: readonly Word[] = [], body?: ThreadBody): Sys<void> {
    const status = yield* this.invoke(cap, op, words, NEVER, body);
    if (status !== 0) throw new KernelError(op.doc.slice(0, 60), status);
  }
  /** Waits for a semaphore. */
  *down(semaphore: number, down: Operation, timeout = NEVER, clear = 0): Sys<number> {
    return yield* this.invoke(semaphore, down, [clear], timeout);
  }

  put(m: Message): void {
    const u = this.utcb, words = m.words ?? [], items = m.items ?? [];
    for (let i = 0; i < words.length; i++) { const w = words[i]!; if (typeof w === 'bigint') u.setBigWord(i, w); else u.setWord(i, w); }
    for (let i = 0; i < items.length; i++) u.setItem(i, items[i]!.flexpage, items[i]!.dest, items[i]!.flags ?? 0);
    u.setTag(m.label ?? 0, words.length, items.length);
    u.mtd = m.mtd ?? 0;
  }
  private got(status: number): Received {
    const u = this.utcb, words: bigint[] = [];
    for (let i = 0, n = status === 0 ? u.wordCount : 0; i < n; i++) words.push(u.bigWord(i));
    return { status, label: u.label, badge: u.badge, words, mtd: u.mtd };
  }
}
Object.freeze(Syscalls.prototype);
