/**
 * The library's part for Node, in addition to `index.ts`: host folders and files.
 *
 *   import { hostFolder, hostDisk } from 'tessera-system/node';
 */
import type { BlockBackend } from '../machine/devices/device.ts';
import type { Archive } from '../system/files/archive.ts';
import { FileDisk } from './disk/disk.ts';
import { Plan } from './pack.ts';

/** A folder of the host as a root file system. It is read once, when its run is created. */
export const hostFolder = (path: string): Archive => new Plan([{ host: path, guest: '' }]);

/** A file of the host as a disk; `close` it when the run is over. @throws Error for a file that is no disk */
export const hostDisk = (path: string, options: { readonly readOnly?: boolean } = {}): BlockBackend & { close(): void } =>
  new FileDisk({ path, readOnly: options.readOnly ?? false });
