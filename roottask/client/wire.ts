/** Messages on the wire: rows of the protocol into UTCB words and back, with text packed after the numbers. */
import { IpcFlag, MAX_WORDS, NEVER, U, capPage, wholeSpace, type Operation, type Sys, type Utcb } from '../../microkernel/abi/index.ts';
import type { MapItem, Syscalls } from '../../binding/index.ts';

const encoder = new TextEncoder(), decoder = new TextDecoder();
export const bytesOf = (text: string): Uint8Array => encoder.encode(text);
export const textOf = (bytes: Uint8Array): string => decoder.decode(bytes);

/** All memory, and all selectors, as receive windows: the message's words then choose the destinations. */
export const ANY_MEMORY = wholeSpace();
export const ANY_CAP = capPage(0, 20);
/** Most bytes of text in one message with a few numbers before it. */
export const TEXT_MAX = (MAX_WORDS - 8) * 8;

/** Copies bytes into the message from word `at` on. */
export function putBytes(utcb: Utcb, at: number, bytes: Uint8Array): void {
  new Uint8Array(utcb.u32.buffer as ArrayBuffer, utcb.u32.byteOffset + U.words + at * 8, bytes.length).set(bytes);
}
/** A copy of `length` bytes of the message from word `at` on; never beyond the message area. */
export function getBytes(utcb: Utcb, at: number, length: number): Uint8Array {
  const n = Math.max(0, Math.min(length, (MAX_WORDS - at) * 8));
  return new Uint8Array(utcb.u32.buffer as ArrayBuffer, utcb.u32.byteOffset + U.words + at * 8, n).slice();
}
/**
 * Servers call this first: the words after a message still hold parts of earlier messages, possibly of other clients. Zeroes them, so that
 * a message that claims more length than it has cannot reveal them.
 */
export function forgetOthers(utcb: Utcb): void { utcb.i64.fill(0n, (U.words >> 3) + utcb.wordCount, (U.words >> 3) + MAX_WORDS); }
/** Text whose length is in word `at` and whose bytes follow. */
export const getText = (utcb: Utcb, at: number): string => textOf(getBytes(utcb, at + 1, utcb.word(at)));

export interface Extra {
  readonly text?: string;
  readonly bytes?: Uint8Array;
  readonly items?: readonly MapItem[];
  readonly timeout?: number; /** What the reply may map into this task: nothing, only capabilities, or (true) memory too. */
  readonly receives?: boolean | 'capabilities'
}

/** Fills the UTCB with a message: numbers, then (length, bytes) if there is text. */
export function put(utcb: Utcb, label: number, words: readonly number[], extra: Extra = {}): void {
  let n = words.length;
  for (let i = 0; i < n; i++) utcb.setWord(i, words[i]!);
  const bytes = extra.bytes ?? (extra.text === undefined ? undefined : bytesOf(extra.text).subarray(0, TEXT_MAX));
  if (bytes) {
    utcb.setWord(n, bytes.length);
    putBytes(utcb, n + 1, bytes);
    n += 1 + ((bytes.length + 7) >> 3);
  }
  const items = extra.items ?? [];
  for (let i = 0; i < items.length; i++) utcb.setItem(i, items[i]!.flexpage, items[i]!.dest, items[i]!.flags ?? 0);
  utcb.setTag(label, n, items.length);
  utcb.mtd = 0;
}

/** Gives a task or thread (row: its `name` operation) a name in traces. */
export function* nameIt(sys: Syscalls, cap: number, row: Operation, name: string): Sys<void> {
  const bytes = bytesOf(name).subarray(0, 64), n = (bytes.length + 7) >> 3;
  for (let i = 0; i < n; i++) sys.utcb.setWord(i, 0);
  putBytes(sys.utcb, 0, bytes);
  sys.utcb.setTag(row.label, n);
  yield sys.ipc(IpcFlag.send | IpcFlag.call | IpcFlag.receive, cap);
}

/** A request: returns the status of the system call, or else the status in the reply's label. The UTCB holds the result words. */
export function* ask(sys: Syscalls, cap: number, row: Operation, words: readonly number[] = [], extra: Extra = {}): Sys<number> {
  const utcb = sys.utcb;
  put(utcb, row.label, words, extra);
  utcb.window = extra.receives === true ? ANY_MEMORY : 0;
  utcb.capWindow = extra.receives ? ANY_CAP : 0;
  const timeout = extra.timeout ?? NEVER;
  const status = yield sys.ipc(IpcFlag.send | IpcFlag.call | IpcFlag.receive, cap, timeout, timeout);
  utcb.window = 0;
  utcb.capWindow = 0;
  return status !== 0 ? status : utcb.label;
}
