/**
 * Trace records: 40 bytes each in a ring, written by the kernel, always on. `Kind` gives the meaning of the words.
 *
 *   +0 f64 time (cycles)  +8 u16 kind  +10 u8 hart  +11 u8 status  +12 u32 actor (thread)  +16 u32 object (thread, portal, task, …)
 *   +20 u32 cause: sequence number of the record that this one answers or follows from, 0 = none   +24 u32 a  +28 u32 b  +32 f64 c
 *
 * Sequence numbers count from 1. Names of threads, tasks and portals come in the string table (`TraceNames`).
 */
export const TRACE_RECORD = 40;
export const Kind = {
  send: 1, // a message leaves: object = portal, a = label, b = words | items << 8, c = badge
  call: 2, // the same, and a reply is awaited
  receive: 3, // a message is delivered to actor: object = sender thread, cause = its send or call
  reply: 4, // object = caller thread, a = label, b = words, cause = the call or event
  // actor = faulting thread, object = portal, a = cause (events.ts), b = bytes of state moved | scause << 16 (page faults), c = detail
  // (address, system call number, SBI extension)
  event: 5,
  resume: 6, // reply to an event: actor = server, object = resumed thread, a = Resume label, b = bytes of state moved, cause = the event
  invoke: 7, // kernel object operation: object id, a = operation label, c = first word
  // object = destination task, a = rights | attributes, b = order, c = destination address, cause = the call or event whose message or
  // answer carries it
  map: 8,
  unmap: 9, // the same
  schedule: 10, // actor = thread that runs now on `hart`, object = the one before, a = reason
  interrupt: 11, // a = line, object = semaphore
  create: 12, // object = new object id, a = object kind, c = quota bytes
  destroy: 13,
  recall: 14, // object = recalled thread
  spaceSwitch: 15, // object = task whose space is active now
  timeout: 16, // actor's wait ended by time, cause = what it had sent
  wake: 17, // object = semaphore that ended actor's wait, a = thread that signalled it (0 = the hardware), cause = the interrupt
} as const;
const kindNames = ['lost', ...Object.keys(Kind)];
/** Name of a kind; 0 = a record that was lost. */
export const kindName = (k: number): string => kindNames[k] ?? `kind ${k}`;

/**
 * An observer of each record at the moment it is written, before any thread continues: payload capture. It changes nothing and is absent by
 * default.
 */
export type RecordWatch = (sequence: number, kind: number, actor: number, object: number, cause: number, a: number) => void;

/**
 * The kernel's sink for records, which the recorder implements. `drain` is called with full halves of the ring, and at the end with the
 * rest.
 */
export interface TraceSink {
  drain(records: Uint8Array, firstSequence: number): void;
  name(kind: 'task' | 'thread' | 'portal' | 'semaphore', id: number, parent: number, text: string): void
}
