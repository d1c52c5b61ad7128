/**
 * The library's part for Node, in addition to `index.ts`: host folders and files.
 *
 *   import { hostFolder, liveFolder, hostDisk } from 'tessera-system/node';
 */
import type { BlockBackend } from '../machine/devices/device.ts';
import type { Archive } from '../system/files/archive.ts';
import type { HostFolder } from '../system/folders/folder.ts';
import { FileDisk } from './disk/disk.ts';
import { finderFor } from './folders/find.ts';
import { NodeFolder } from './folders/folder.ts';
import { Plan } from './pack.ts';

/** A folder of the host as a root file system. It is read once, when its run is created. */
export const hostFolder = (path: string): Archive => new Plan([{ host: path, guest: '' }]);

/** A file of the host as a disk; `close` it when the run is over. @throws Error for a file that is no disk */
export const hostDisk = (path: string, options: { readonly readOnly?: boolean } = {}): BlockBackend & { close(): void } =>
  new FileDisk({ path, readOnly: options.readOnly ?? false });

/**
 * A folder of the host for `folders` of a program or a machine: both sides see each other's changes while it runs, and nothing outside of
 * it can be reached. Several runs may share it; `close` it when none needs it any more. @throws Error for what is no folder
 */
export const liveFolder = (path: string, options: { readonly readOnly?: boolean } = {}): HostFolder =>
  new NodeFolder(path, finderFor(path), 0, options.readOnly ?? false);
