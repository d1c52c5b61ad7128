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
