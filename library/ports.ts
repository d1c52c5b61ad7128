/** Folders of a run's options as connections of the machine. */
import type { HostFolder } from '../system/folders/folder.ts';
import { NineServer } from '../system/folders/server.ts';
import { SharedFolder } from '../system/folders/shared.ts';
import type { SharedPort } from '../system/host.ts';

/** One for each folder, with its name as the tag. A replay needs no folders. */
export function portsOf(folders: Readonly<Record<string, HostFolder>> = {}, replaying: boolean): SharedPort[] {
  const now = (): bigint => BigInt(Date.now()) * 1_000_000n;
  return Object.entries(folders).map(([tag, folder]) =>
    (replaying ? { tag } : { tag, port: new NineServer(new SharedFolder(folder, folder.readOnly !== true, now)) }));
}
