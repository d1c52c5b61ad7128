/** A client of the 9P server for tests: requests in, typed replies out, errors as `errno`. */
import {
  decodeEntries, decodeReply, encodeRequest, NO_FID, VERSION, type DirEntry, type MessageName, type Reply, type Request
} from '../../roottask/client/ninep/index.ts';
import type { FilesPort } from './folder.ts';

export class Refused extends Error {
  readonly errno: number;
  constructor(name: string, errno: number) {
    super(`${name}: errno ${errno}`);
    this.errno = errno;
  }
}

export class TestClient {
  private readonly port: FilesPort;
  private next = 1;

  constructor(port: FilesPort) {
    this.port = port;
    this.call('version', { msize: 65536, version: VERSION });
    this.call('attach', { fid: 0, afid: NO_FID, user: 'root', tree: '', uid: 0 });
  }

  /** A request to a host that answers at once. Throws `Refused`. */
  call<N extends MessageName>(name: N, request: Request<N>): Reply<N> {
    let bytes: Uint8Array | undefined;
    this.port.request(encodeRequest(name, 1, request), (reply) => { bytes = reply; });
    if (!bytes) throw new Error(`${name}: no reply yet`);
    const answer = decodeReply(name, bytes);
    if (!answer.ok) throw new Refused(name, answer.error);
    return answer.value;
  }

  /** A new fid at a path. */
  at(path: string): number {
    let fid = 0;
    const names = path.split('/').filter(Boolean);
    do {
      const newfid = this.next++;
      const part = names.splice(0, 16), { qids } = this.call('walk', { fid, newfid, names: part });
      if (qids.length < part.length) throw new Refused('walk', 2);
      fid = newfid;
    } while (names.length);
    return fid;
  }

  open(path: string, flags = 0): number {
    const fid = this.at(path);
    this.call('lopen', { fid, flags });
    return fid;
  }

  create(folder: string, name: string, contents = '', mode = 0o644, flags = 2): number {
    const fid = this.at(folder);
    this.call('lcreate', { fid, name, flags, mode, gid: 0 });
    if (contents) this.write(fid, contents);
    return fid;
  }
  write(fid: number, text: string, offset = 0): number {
    return this.call('write', { fid, offset: BigInt(offset), data: bytesOf(text) }).count;
  }
  read(fid: number, count = 4096, offset = 0): string { return textOf(this.call('read', { fid, offset: BigInt(offset), count }).data); }
  contents(path: string): string {
    const fid = this.open(path);
    try {
      return this.read(fid);
    } finally {
      this.clunk(fid);
    }
  }
  stat(path: string): Reply<'getattr'> { return this.call('getattr', { fid: this.at(path), mask: 0x7ff }); }
  clunk(fid: number): void { this.call('clunk', { fid }); }

  list(path: string, count = 4096): DirEntry[] {
    const fid = this.open(path), all: DirEntry[] = [];
    for (let offset = 0n; ; offset = all[all.length - 1]!.offset) {
      const part = decodeEntries(this.call('readdir', { fid, offset, count }).data);
      if (part.length === 0) break;
      all.push(...part);
    }
    this.clunk(fid);
    return all;
  }
}

const bytesOf = (text: string) => Uint8Array.from(text, (c) => c.charCodeAt(0));
const textOf = (bytes: Uint8Array) => String.fromCharCode(...bytes);
