/**
 * `--mount HOST:GUEST[:ro]`. A host folder is copied into the guest's root file system at the start. If it may be written, the Unix server
 * sends what has become of it, as a tar archive, on a console of its own when the program has ended, and the differences are put into the host's folder then.
 */
import { chmodSync, existsSync, lstatSync, mkdirSync, realpathSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import type { Channel } from '../index.ts';
import { FIRST_EXPORT } from '../scenarios/unix-world.ts';
import { CliError, Exit, fileError } from './errors.ts';
import { bytesOf, Plan } from './pack.ts';
import { byteString, lookUp, readTar, type TarEntry } from '../system/files/tar.ts';

export interface Mount { host: string; guest: string; writable: boolean }

/** Reads the option's value. */
export function parseMount(text: string): Mount {
  const match = /^(.+?):(\/[^:]*)(?::(ro|rw))?$/.exec(text);
  if (!match) throw new CliError('E_OPTION', `option --mount: '${text}' is no HOST:GUEST[:ro]`, 'write for example --mount data:/data:ro');
  const [, host, guest, mode] = match;
  if (!existsSync(host)) throw new CliError('E_NO_FILE', `option --mount: '${host}' does not exist`);
  if (mode !== 'ro' && !statSync(host).isDirectory()) throw new CliError('E_OPTION', `option --mount: '${host}' is no folder`, `write ${host}:${guest}:ro, or mount the folder that it is in`);
  return { host, guest, writable: mode !== 'ro' };
}

/** What comes back from the guest, by mount. */
export class Returns {
  readonly mounts: readonly Mount[];
  private readonly parts: Buffer[][];

  constructor(mounts: readonly Mount[]) {
    this.mounts = mounts.filter((mount) => mount.writable);
    this.parts = this.mounts.map(() => []);
  }

  get consoles(): number {
    return FIRST_EXPORT + this.mounts.length;
  }

  outputs(): Partial<Record<Channel, (bytes: Uint8Array) => void>> {
    return Object.fromEntries(this.mounts.map((_, i) => [`console${FIRST_EXPORT + i}`, (bytes: Uint8Array) => { this.parts[i].push(Buffer.from(bytes)); }]));
  }

  /** Puts into the host's folders what the guest has changed. */
  apply(): void {
    this.mounts.forEach((mount, i) => {
      const after = readTar(Buffer.concat(this.parts[i]));
      if (!after) throw new CliError('E_MOUNT', `what the guest wrote to '${mount.guest}' did not come back`, `'${mount.host}' is as it was`, Exit.failure);
      applyChanges(mount.host, new Plan([{ host: mount.host, guest: '' }]).files(), after);
    });
  }
}

const DIR = '5', LINK = '2', FILE = '0', HARD = '1';

/** Makes a host folder that is `before` into `after`: removes, then makes, folders first. Device nodes are left out. */
export function applyChanges(host: string, before: Map<string, TarEntry>, after: Map<string, TarEntry>): void {
  const gone = [...before.keys()].filter((name) => name !== '' && !(after.get(name) && kind(after.get(name)!) === kind(before.get(name)!)));
  for (const name of gone.sort().reverse()) change(host, name, (path) => rmSync(path, { recursive: true, force: true }));
  for (const name of [...after.keys()].sort()) {
    const entry = after.get(name)!.type === HARD ? lookUp(after, name) : after.get(name);
    const old = before.get(name)?.type === HARD ? lookUp(before, name) : before.get(name);
    if (name !== '' && entry && !same(old, entry)) change(host, name, (path) => make(path, entry));
  }
}

const kind = (entry: TarEntry) => (entry.type === HARD ? FILE : entry.type);

function same(old: TarEntry | undefined, entry: TarEntry): boolean {
  return old !== undefined && old.type === entry.type && old.link === entry.link && (entry.type === LINK || old.mode === entry.mode) && Buffer.compare(old.data, entry.data) === 0;
}

function make(path: Buffer, entry: TarEntry): void {
  if (entry.type === DIR) mkdirSync(path, { recursive: true });
  else if (entry.type === LINK) {
    rmSync(path, { force: true });
    symlinkSync(bytesOf(entry.link), path);
  } else if (entry.type === FILE) writeFileSync(path, entry.data);
  if ((entry.type === DIR || entry.type === FILE) && (lstatSync(path).mode & 0o7777) !== (entry.mode & 0o7777)) chmodSync(path, entry.mode & 0o7777);
}

/** Does something to a path of the folder, but never to one that a name or a link leads out of it. `name` is a byte string. */
function change(host: string, name: string, act: (path: Buffer) => void): void {
  const path = `${byteString(host)}/${name}`, above = bytesOf(dirname(path));
  const root = realpathSync(host, 'latin1');
  if (name.split('/').includes('..')) return;
  if (existsSync(above) && relative(root, realpathSync(above, 'latin1')).startsWith('..')) return;
  try {
    act(bytesOf(path));
  } catch (error) {
    throw fileError('mounted file', join(host, bytesOf(name).toString()), error, '', Exit.failure);
  }
}
