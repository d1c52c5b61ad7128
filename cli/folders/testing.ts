/** A folder of the host for specs of its requests, and the one client that speaks to it in compounds. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  COMPOUND, NO_FID, decodeReply, encodeRequest, type MessageName, type Reply, type Request
} from '../../roottask/client/ninep/index.ts';
import type { HostFolder } from '../../system/folders/folder.ts';
import { NineServer } from '../../system/folders/server.ts';
import { SharedFolder } from '../../system/folders/shared.ts';
import { finderFor } from './find.ts';
import { NodeFolder } from './folder.ts';

/** The agreed message size, bytes. */
export const MSIZE = 8192;

/** `base` has a file `a`, a directory `folder`, a FIFO `fifo`, and a symbolic link `link` to `secret`, which is outside. */
export class LentFolder {
  readonly outer = mkdtempSync(join(tmpdir(), 'tessera-lent-'));
  readonly base = join(this.outer, 'base');
  private server: NineServer | undefined;

  /** `text`: the contents of `a`. */
  constructor(text: string) {
    mkdirSync(join(this.base, 'folder'), { recursive: true });
    writeFileSync(join(this.outer, 'secret'), 'secret');
    writeFileSync(join(this.base, 'a'), text);
    symlinkSync('../secret', join(this.base, 'link'));
    spawnSync('mkfifo', [join(this.base, 'fifo')]);
  }
  /** Its host end; `without` lists optional requests that the host end lacks. */
  host(without: readonly (keyof HostFolder)[] = []): HostFolder {
    const folder = new NodeFolder(this.base, finderFor(this.base));
    return Object.assign(Object.create(folder) as HostFolder, Object.fromEntries(without.map((name) => [name, undefined])));
  }
  /** A server for this host end, with a client that has the root as fid 0. */
  lend(host: HostFolder, writable: boolean): void {
    this.server?.close();
    this.server = new NineServer(new SharedFolder(host, writable, () => 0n));
    this.ask('version', { msize: MSIZE, version: COMPOUND });
    this.ask('attach', { fid: 0, afid: NO_FID, user: '', tree: '', uid: 0 });
  }
  /** The reply to a request, or the errno of its error. Throws if the reply is larger than was agreed. */
  ask<N extends MessageName>(name: N, fields: Request<N>): Reply<N> | number {
    let reply = new Uint8Array(0);
    this.server!.request(encodeRequest(name, 1, fields), (bytes) => { reply = bytes.slice(); });
    if (reply.length > MSIZE) throw new Error(`${name}: a reply of ${reply.length} bytes, more than ${MSIZE}`);
    const answer = decodeReply(name, reply);
    return answer.ok ? answer.value : answer.error;
  }
  remove(): void {
    this.server?.close();
    rmSync(this.outer, { recursive: true, force: true });
  }
}
