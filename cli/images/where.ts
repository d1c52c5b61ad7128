/**
 * Where the project and its fetched images lie. Images live in the git-ignored folder `images/` of the project, or in the folder that
 * TESSERA_IMAGES names:
 *
 *   manifest.json      package names, versions, checksums of everything below
 *   vmlinuz            Debian's riscv64 kernel (a raw `Image`)
 *   initramfs.cpio     busybox, its init script, kernel modules for virtio: boots to a shell
 *   rootfs/            root file system folder for `tessera run --rootfs`
 *   packages/, apt/    downloaded packages, apt's private state
 */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The project's root: the nearest folder upwards from this module (source or bundle) that holds package.json. */
export function projectRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json')) && dirname(folder) !== folder) folder = dirname(folder);
  return folder;
}

export function imagesFolder(): string {
  return process.env['TESSERA_IMAGES'] || join(projectRoot(), 'images');
}
