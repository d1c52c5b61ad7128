/**
 * A connection to a 9P2000.L server as the file system uses it: a request sleeps until its answer is there, errors are -errno. Who carries the
 * messages is the arch layer's business (`FilesLink`).
 */
import { decodeEntries, decodeReply, encodeRequest, NO_FID, VERSION, type MessageName, type Reply, type Request } from '../../../roottask/client/ninep/index.ts';
import { E } from '../../abi/errno.ts';
import { O } from '../../abi/linux.ts';
import { WaitQueue, type Co, type Sleeper } from '../../kernel/wait.ts';
import { bytesOf, textOf } from '../../mm/text.ts';
import type { DirEntry } from '../inode.ts';

/** Carries one message there and its answer back; undefined: the connection is gone. The order of answers is free. */
export interface FilesLink {
  /** Largest message, bytes. */
  readonly most: number;
  send(message: Uint8Array, reply: (answer: Uint8Array | undefined) => void): void;
}

/** Names are bytes: the protocol's texts have one character a byte. */
export const toWire = (name: string): string => { let s = ''; for (const b of bytesOf(name)) s += String.fromCharCode(b); return s; };
export const fromWire = (text: string): string => { const b = new Uint8Array(text.length); for (let i = 0; i < text.length; i++) b[i] = text.charCodeAt(i); return textOf(b); };

/** Bytes of a read's or write's message beside the data. */
const OVERHEAD = 24;

export class NineSession {
  /** Bytes of data that one message carries. */
  readonly chunk: number;
  private readonly link: FilesLink;
  private lastFid = 0;
  private lastTag = 0;
  private readonly freeFids: number[] = [];
  private readonly tags = new Set<number>();
  constructor(link: FilesLink) { this.link = link; this.chunk = Math.floor((link.most - OVERHEAD) / 4096) * 4096; }

  /** Requests under way. */
  get pending(): number { return this.tags.size; }
  newFid(): number { return this.freeFids.pop() ?? ++this.lastFid; }

  /** Agrees with the server and attaches its tree as fid 0. */
  *begin(t: Sleeper): Co<number> {
    const version = yield* this.ask(t, 'version', { msize: this.link.most, version: VERSION });
    if (typeof version === 'number') return version;
    if (version.version !== VERSION || version.msize < this.chunk + OVERHEAD) return -E.PROTO;
    const root = yield* this.ask(t, 'attach', { fid: 0, afid: NO_FID, user: 'root', tree: '', uid: 0 });
    return typeof root === 'number' ? root : 0;
  }

  *ask<N extends MessageName>(t: Sleeper, name: N, fields: Request<N>): Co<Reply<N> | number> {
    const done = new WaitQueue(), tag = this.newTag();
    let answer: Uint8Array | undefined, arrived = false;
    this.link.send(encodeRequest(name, tag, fields), (bytes) => { this.tags.delete(tag); answer = bytes; arrived = true; done.wakeAll(); });
    while (!arrived) yield* t.nap(done);
    return readAnswer(name, answer);
  }
  /** Entries of a folder, without . and .., read through a fid of their own. */
  *list(t: Sleeper, folder: number): Co<DirEntry[] | number> {
    const fid = this.newFid(), list: DirEntry[] = [], walked = yield* this.ask(t, 'walk', { fid: folder, newfid: fid, names: [] });
    if (typeof walked === 'number') return walked;
    try {
      const opened = yield* this.ask(t, 'lopen', { fid, flags: O.RDONLY | O.DIRECTORY });
      if (typeof opened === 'number') return opened;
      for (let offset = 0n; ; ) {
        const r = yield* this.ask(t, 'readdir', { fid, offset, count: this.chunk });
        if (typeof r === 'number') return r;
        const some = decodeEntries(r.data);
        if (some.length === 0) return list;
        for (const e of some) if (e.name !== '.' && e.name !== '..') list.push({ name: fromWire(e.name), ino: Number(e.qid.path & 0x1f_ffff_ffff_ffffn), type: e.kind << 12 });
        offset = some[some.length - 1]!.offset;
      }
    } finally { this.forget(fid); }
  }
  /** The server may forget a fid; nobody waits for that. */
  forget(fid: number): void {
    if (fid === 0) return;
    const tag = this.newTag();
    this.link.send(encodeRequest('clunk', tag, { fid }), () => { this.tags.delete(tag); this.freeFids.push(fid); });
  }
  private newTag(): number {
    do this.lastTag = (this.lastTag + 1) % 0xffff; while (this.tags.has(this.lastTag));
    this.tags.add(this.lastTag);
    return this.lastTag;
  }
}

function readAnswer<N extends MessageName>(name: N, bytes: Uint8Array | undefined): Reply<N> | number {
  if (!bytes) return -E.IO;
  try {
    const r = decodeReply(name, bytes);
    return r.ok ? r.value : -(r.error || E.IO);
  } catch { return -E.IO; }
}
