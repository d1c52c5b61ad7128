/** `tessera images list`: lists the images and checks them against the manifest. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import pc from 'picocolors';
import { Exit } from '../errors.ts';
import { readManifest, sha256 } from './manifest.ts';
import { imagesFolder, projectRoot } from './where.ts';

const megabytes = (n: number) => (n < 1e5 ? `${(n / 1e3).toFixed(1)} kB` : `${(n / 1e6).toFixed(1)} MB`).padStart(9);

/** Prints the list; status 1 when a fetched file is missing or changed. */
export async function listImages(json = false): Promise<number> {
  if (json) return asJson();
  const lines: string[] = [];
  const ours = join(projectRoot(), 'guests/bin');
  const programs = existsSync(join(ours, 'linux')) ? readdirSync(join(ours, 'linux')).length : 0;
  lines.push(pc.bold('Ours (in guests/bin, nothing to fetch)'));
  lines.push(`  linux/       ${programs} Linux programs`);
  for (const name of ['minios.bin', 'minios.elf', 'native.elf']) {
    if (existsSync(join(ours, name))) lines.push(`  ${name.padEnd(12)} ${megabytes(statSync(join(ours, name)).size)}`);
  }
  const folder = imagesFolder();
  const manifest = readManifest(folder);
  let status: number = Exit.ok;
  if (!manifest) lines.push(pc.bold('Debian'), `  none in ${folder}; fetch them with: tessera images fetch`);
  else {
    lines.push(pc.bold(`Debian ${manifest.suite} ${manifest.architecture} (in ${folder})`));
    for (const item of manifest.packages) lines.push(`  ${item.name} ${item.version}`);
    for (const file of manifest.files) {
      const path = join(folder, file.path);
      const good = existsSync(path) && (await sha256(path)) === file.sha256;
      if (!good) status = Exit.failure;
      lines.push(`  ${file.path.padEnd(20)} ${megabytes(file.size)}  ${good ? 'ok' : existsSync(path) ? 'changed' : 'missing'}`);
    }
    lines.push(`  rootfs/              busybox with ${manifest.applets} applets`);
    if (status !== Exit.ok) lines.push('  fetch again with: tessera images fetch');
  }
  process.stdout.write(lines.join('\n') + '\n');
  return status;
}

async function asJson(): Promise<number> {
  const folder = imagesFolder(), manifest = readManifest(folder), programs = join(projectRoot(), 'guests/bin/linux');
  const files = await Promise.all((manifest?.files ?? []).map(async ({ path, size, sha256: wanted }) => {
    const full = join(folder, path);
    return { path: full, size, state: !existsSync(full) ? 'missing' : (await sha256(full)) === wanted ? 'ok' : 'changed' };
  }));
  const ours = existsSync(programs) ? readdirSync(programs) : [];
  const packages = manifest?.packages.map(({ name, version }) => ({ name, version }));
  const debian = manifest && { suite: manifest.suite, packages, files };
  process.stdout.write(`${JSON.stringify({ folder, ours, debian }, undefined, 2)}\n`);
  return files.some((f) => f.state !== 'ok') ? Exit.failure : Exit.ok;
}
