/** manifest.json: the sources of the images and their hashes. */
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Manifest {
  suite: string;
  architecture: string;
  packages: { name: string; version: string; sha256: string; size: number }[];
  /** Files below the images folder. */
  files: { path: string; sha256: string; size: number; from: string }[];
  /** Number of busybox applets in rootfs/, kernel modules in the initramfs. */
  applets: number;
  modules: string[];
  /** Hash of the init script in the initramfs. */
  init?: string;
}

export function readManifest(folder: string): Manifest | undefined {
  const path = join(folder, 'manifest.json');
  if (!existsSync(path)) return undefined;
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Manifest;
  } catch {
    return undefined;
  }
}

/** Written last and atomically, so that an existing manifest describes complete images. */
export function writeManifest(folder: string, manifest: Manifest): void {
  const path = join(folder, 'manifest.json');
  writeFileSync(`${path}.new`, JSON.stringify(manifest, null, 2) + '\n');
  renameSync(`${path}.new`, path);
}

/** SHA-256 of a file as lower-case hexadecimal. */
export async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

export async function describeFile(folder: string, path: string, from: string): Promise<Manifest['files'][number]> {
  return { path, from, size: statSync(join(folder, path)).size, sha256: await sha256(join(folder, path)) };
}
