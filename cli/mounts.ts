/**
 * `--mount HOST:GUEST[:ro]`. A host folder is live: the guest's changes happen there while it runs, through a separate connection. A single
 * file is read-only and copied into the root file system at the start.
 */
import { existsSync, lstatSync, readlinkSync, statSync } from 'node:fs';
import { posix } from 'node:path';
import type { SharedPort } from '../system/host.ts';
import { NineServer } from '../system/folders/server.ts';
import { SharedFolder } from '../system/folders/shared.ts';
import { FolderError } from '../system/folders/folder.ts';
import { CliError, fileError } from './errors.ts';
import { finderFor } from './folders/find.ts';
import { NodeFolder } from './folders/folder.ts';

export interface Mount { readonly host: string; readonly guest: string; readonly writable: boolean }

/** Reads the option's value. A replay needs no folder. */
export function parseMount(text: string, replaying = false): Mount {
  const match = /^(.+?):(\/[^:]*)(?::(ro|rw))?$/.exec(text);
  if (!match) throw new CliError('E_OPTION', `option --mount: '${text}' is no HOST:GUEST[:ro]`, 'write for example --mount data:/data:ro');
  const [, host, guest, mode] = match;
  if (replaying && !existsSync(host)) return { host, guest: posix.normalize(guest), writable: mode !== 'ro' };
  if (!existsSync(host)) throw new CliError('E_NO_FILE', `option --mount: '${host}' does not exist`);
  if (mode !== 'ro' && !isFolder(host))
    throw new CliError('E_OPTION', `option --mount: '${host}' is no folder`,
      `write ${host}:${guest}:ro, or mount the folder that it is in`);
  return { host, guest: posix.normalize(guest), writable: mode !== 'ro' };
}
/** `HOST:TAG[:ro]` of a virtual machine: a folder, and the tag under which the guest mounts it. A replay needs no folder. */
export function parseShare(text: string, replaying = false): Mount {
  const match = /^(.+?):([^:]+?)(?::(ro|rw))?$/.exec(text);
  if (!match)
    throw new CliError('E_OPTION', `option --mount: '${text}' is no HOST:TAG[:ro]`,
      'write for example --mount data:data:ro, and in the guest: mount -t 9p -o trans=virtio,version=9p2000.L data /mnt');
  const [, host, guest, mode] = match;
  if (!replaying && !existsSync(host)) throw new CliError('E_NO_FILE', `option --mount: '${host}' does not exist`);
  if (!replaying && !isFolder(host)) throw new CliError('E_OPTION', `option --mount: '${host}' is no folder`);
  return { host, guest, writable: mode !== 'ro' };
}
const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? true;

function openFolder(host: string): NodeFolder {
  try {
    return new NodeFolder(host, finderFor(host));
  } catch (error) {
    if (error instanceof FolderError)
      throw new CliError('E_OPTION', `option --mount: '${host}' is a folder of the kernel`, 'files there reach into its processes');
    throw fileError('folder', host, error);
  }
}

/** The folders among the mounts, and the connections to them. */
export class Folders {
  readonly mounts: readonly Mount[];
  private readonly folders: NodeFolder[];
  readonly ports: SharedPort[];

  constructor(mounts: readonly Mount[], replaying: boolean) {
    this.mounts = mounts.filter(({ host }) => isFolder(host));
    this.folders = replaying ? [] : this.mounts.map(({ host }) => openFolder(host));
    this.ports = this.mounts.map(({ guest, writable }, i) => {
      const folder = this.folders[i];
      return { tag: guest, port: folder && new NineServer(new SharedFolder(folder, writable, () => BigInt(Date.now()) * 1_000_000n)) };
    });
  }

  /** In the scenario's form. */
  get options(): { path: string; source: string; readOnly: boolean; prompt: boolean }[] {
    return this.mounts.map(({ guest, writable, host }) => ({
      path: guest, source: posix.basename(host) || 'host', readOnly: !writable, prompt: true
    }));
  }

  /**
   * The host's path of a file in the guest that lies in a mounted folder; undefined where it lies elsewhere. Links within the folder are
   * followed.
   */
  hostPath(guest: string): string | undefined {
    const path = posix.normalize(guest),
      mount = [...this.mounts].sort((a, b) => b.guest.length - a.guest.length).find((m) =>
        path === m.guest || path.startsWith(m.guest === '/' ? '/' : `${m.guest}/`));
    return mount && followed(mount.host, path.slice(mount.guest.length).replace(/^\/+/, ''), 0);
  }

  close(): void {
    for (const { port } of this.ports) port?.close();
    for (const folder of this.folders) folder.close();
  }
}

const MOST_LINKS = 40;
/** Relative links only, because only the guest knows the target of others. */
function followed(base: string, rest: string, links: number): string | undefined {
  const path = posix.join(base, rest), stat = lstatSync(path, { throwIfNoEntry: false });
  if (!stat?.isSymbolicLink()) return path;
  const target = readlinkSync(path), inside = posix.normalize(posix.join(posix.dirname(rest), target));
  return links === MOST_LINKS || target.startsWith('/') || inside.startsWith('..') ? undefined : followed(base, inside, links + 1);
}
