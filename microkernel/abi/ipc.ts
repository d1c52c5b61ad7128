/**
 * The one system call. RISC-V: `ecall` with a7 = IPC, a0 = flags, a1 = capability selector, a2 = time-out in ns (-1 = never), message
 * in the UTCB; answers a0 = status, a1 = badge. TypeScript: a generator yields an IpcRequest and is resumed with the status.
 */
export const IPC = 0x4c34; // 'L4'

export const IpcFlag = {
  send: 1, // send to the capability
  receive: 2, // then wait: from anyone (open) …
  call: 4, // … with send: create a reply capability for the receiver and wait for that reply
  reply: 8, // send to the current reply (the caller whose message was received last), before receiving
} as const;

/** Time-outs in ns of virtual time (1 cycle = 1 ns). */
export const NEVER = Infinity;
export const NOW = 0;

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
  /** For a reply-and-wait (`Syscalls.serve`): called for each message that comes; true: the answer stands in the UTCB, and the thread waits again. */
  handler: (() => boolean) | undefined;
}

/** A system call in progress: `yield*` it. Every blocking function of user level has this type. */
export type Sys<T> = Generator<IpcRequest, T, number>;

/** The body of a TypeScript server thread. Returning ends the thread. */
export type ThreadBody = (sys: import('./syscalls.ts').Syscalls) => Sys<void>;
