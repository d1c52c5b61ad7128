/**
 * A connection to a 9P2000.L server as the file system uses it: a request sleeps until its answer arrives, errors are -errno. The arch
 * layer carries the messages (`FilesLink`).
 */
import {
  COMPOUND, decodeContents, decodeEntries, decodeLooks, decodeReply, encodeCompound, encodeRequest, NO_FID, splitParts,
  type Contents, type Look, type MessageName, type Part, type Reply, type Request
} from '../../../roottask/client/ninep/index.ts';
import { E } from '../../abi/errno.ts';
import { O } from '../../abi/linux.ts';
import { WaitQueue, type Co, type Sleeper } from '../../kernel/wait.ts';
import { bytesOf, textOf } from '../../mm/text.ts';
import type { DirEntry } from '../inode.ts';

/** Sends one message and returns its answer; undefined: the connection has ended. Answers may come in any order. */
export interface FilesLink {
  /** Largest message, bytes. */
  readonly most: number;
  send(message: Uint8Array, reply: (answer: Uint8Array | undefined) => void): void;
}

// oxlint-disable-next-line no-control-regex
const ASCII = /^[\x01-\x7f]*$/;
/** Names are bytes: the protocol's texts have one character a byte. */
export const toWire = (name: string): string => {
  if (ASCII.test(name)) return name;
  let text = '';
  for (const byte of bytesOf(name)) text += String.fromCharCode(byte);
  return text;
};
export const fromWire = (text: string): string => {
  if (ASCII.test(text)) return text;
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return textOf(bytes);
};

/** Bytes of a read's or write's message besides the data. */
const OVERHEAD = 24;
/** Fids released per message, and the time that one waits for others, ns. */
const MOST_LEAVING = 64, LEAVE = 5e6;

export type { Part };
export const part = <N extends MessageName>(name: N, fields: Request<N>): Part => ({ name, fields: fields as Request<MessageName> });
/** Runs an action after this many nanoseconds. */
type Later = (ns: number, act: () => void) => void;

export class NineSession {
  /** Bytes of data that one message carries. */
  readonly chunk: number;
  private readonly link: FilesLink;
  private lastFid = 0;
  private lastTag = 0;
  private readonly freeFids: number[] = [];
  private readonly tags = new Set<number>();
  private leaving: number[] = [];
  private readonly later: Later | undefined;
  /** Without `later`, fids are released once there are many. */
  constructor(link: FilesLink, later?: Later) {
    this.link = link;
    this.later = later;
    this.chunk = Math.floor((link.most - OVERHEAD) / 4096) * 4096;
  }

  /** Requests in progress. */
  get pending(): number { return this.tags.size; }
  /** Frees a fid that was not created. */
  unused(fid: number): void { if (fid !== 0) this.freeFids.push(fid); }
  newFid(): number { return this.freeFids.pop() ?? ++this.lastFid; }

  /** Agrees with the server and attaches its tree as fid 0. */
  *begin(sleeper: Sleeper): Co<number> {
    const version = yield* this.ask(sleeper, 'version', { msize: this.link.most, version: COMPOUND });
    if (typeof version === 'number') return version;
    if (version.version !== COMPOUND || version.msize < this.chunk + OVERHEAD) return -E.PROTO;
    const root = yield* this.ask(sleeper, 'attach', { fid: 0, afid: NO_FID, user: 'root', tree: '', uid: 0 });
    return typeof root === 'number' ? root : 0;
  }

  *ask<N extends MessageName>(sleeper: Sleeper, name: N, fields: Request<N>): Co<Reply<N> | number> {
    const tag = this.newTag();
    return readAnswer(name, yield* this.exchange(sleeper, tag, encodeRequest(name, tag, fields)));
  }
  private *exchange(sleeper: Sleeper, tag: number, message: Uint8Array): Co<Uint8Array | undefined> {
    const done = new WaitQueue();
    let answer: Uint8Array | undefined, arrived = false;
    this.link.send(message, (bytes) => { this.tags.delete(tag); answer = bytes; arrived = true; done.wakeAll(); });
    while (!arrived) yield* sleeper.nap(done);
    return answer;
  }
  /**
   * Several requests in order, in one message; after a failure the rest is skipped. The answers are those of `ask`, in the same order;
   * -ECANCELED for skipped requests.
   */
  *askAll(sleeper: Sleeper, parts: readonly Part[]): Co<(Reply<MessageName> | number)[]> {
    const tag = this.newTag(), reply = readAnswer('compound', yield* this.exchange(sleeper, tag, encodeCompound(tag, parts)));
    if (typeof reply === 'number') return parts.map(() => reply);
    const replies = piecesOf(reply.parts);
    return parts.map(({ name }, i) => readAnswer(name, replies[i]));
  }
  /** The answer to the last of several requests, or the first error. */
  *askLast(sleeper: Sleeper, parts: readonly Part[]): Co<Reply<MessageName> | number> {
    const [only] = parts, answers = parts.length === 1 ? [yield* this.ask(sleeper, only!.name, only!.fields)]
      : yield* this.askAll(sleeper, parts);
    return answers.find((a) => typeof a === 'number') ?? answers.at(-1)!;
  }
  /** Entries of a folder, without . and .., read through a fid of their own. `pay`: whether there is memory for so many more. */
  *list(sleeper: Sleeper, folder: number, pay: (entries: number) => boolean = () => true): Co<DirEntry[] | number> {
    const fid = this.newFid(), list: DirEntry[] = [], walked = yield* this.ask(sleeper, 'walk', { fid: folder, newfid: fid, names: [] });
    if (typeof walked === 'number') return walked;
    try {
      const opened = yield* this.ask(sleeper, 'lopen', { fid, flags: O.RDONLY | O.DIRECTORY });
      if (typeof opened === 'number') return opened;
      for (let offset = 0n; ; ) {
        const reply = yield* this.ask(sleeper, 'readdir', { fid, offset, count: this.chunk });
        if (typeof reply === 'number') return reply;
        const some = decodeEntries(reply.data);
        if (some.length === 0) return list;
        if (!pay(some.length)) return -E.NOMEM;
        for (const dirEntry of some)
          if (dirEntry.name !== '.' && dirEntry.name !== '..')
            list.push({ name: fromWire(dirEntry.name), ino: Number(dirEntry.qid.path & 0x1f_ffff_ffff_ffffn), type: dirEntry.kind << 12 });
        offset = some[some.length - 1]!.offset;
      }
    } finally { this.forget(fid); }
  }
  /** The same as `list` with what each entry is. `first`: requests that lead to `folder`. */
  *looksIn(sleeper: Sleeper, folder: number, first: readonly Part[]): Co<Look[] | number> {
    const fid = this.newFid(), list: Look[] = [], read = (offset: bigint): Part => part('readlook', { fid, offset, count: this.chunk });
    let answers = yield* this.askAll(sleeper, [...first, part('walk', { fid: folder, newfid: fid, names: [] }),
      part('lopen', { fid, flags: O.RDONLY | O.DIRECTORY }), read(0n)]);
    const isThere = typeof answers[first.length] === 'object';
    try {
      for (;;) {
        const failed = answers.find((a) => typeof a === 'number'), fields = answers.at(-1) as Reply<'readlook'>;
        if (failed !== undefined) return failed as number;
        for (const look of looksOf(fields.looks)) list.push(look);
        if (fields.last !== 0) return list;
        answers = yield* this.askAll(sleeper, [read(fields.at)]);
      }
    } finally { if (isThere) this.forget(fid); else this.unused(fid); }
  }
  /** Releases a fid without waiting. */
  forget(fid: number): void {
    if (fid === 0) return;
    this.leaving.push(fid);
    if (this.leaving.length >= MOST_LEAVING) this.leave();
    else if (this.leaving.length === 1) this.later?.(LEAVE, () => this.leave());
  }
  private leave(): void {
    const fids = this.leaving;
    if (fids.length === 0) return;
    this.leaving = [];
    const tag = this.newTag();
    this.link.send(encodeRequest('leave', tag, { fids }), () => { this.tags.delete(tag); this.freeFids.push(...fids); });
  }
  private newTag(): number {
    do this.lastTag = (this.lastTag + 1) % 0xffff; while (this.tags.has(this.lastTag));
    this.tags.add(this.lastTag);
    return this.lastTag;
  }
}

/** Parses a part of a server's answer; empty for a malformed one. */
function parsed<T>(decode: (bytes: Uint8Array) => T[], bytes: Uint8Array): T[] { try { return decode(bytes); } catch { return []; } }
export const looksOf = (bytes: Uint8Array): Look[] => parsed(decodeLooks, bytes);
export const contentsOf = (bytes: Uint8Array): Contents[] => parsed(decodeContents, bytes);
const piecesOf = (bytes: Uint8Array): Uint8Array[] => parsed(splitParts, bytes);
function readAnswer<N extends MessageName>(name: N, bytes: Uint8Array | undefined): Reply<N> | number {
  if (!bytes) return -E.IO;
  try {
    const decoded = decodeReply(name, bytes);
    return decoded.ok ? decoded.value : -(decoded.error || E.IO);
  } catch { return -E.IO; }
}
