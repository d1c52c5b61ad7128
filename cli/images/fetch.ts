/**
 * `tessera images fetch`: Debian's riscv64 kernel and busybox, unpacked and made into what the other commands take.
 * Every step first checks whether its result exists and is right, so an interrupted fetch resumes where it stopped.
 */
import { copyFileSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CliError, Exit } from '../errors.ts';
import { ARCH, Apt, SUITE, unpackDeb, type AptPackage } from './apt.ts';
import { INIT_HASH, makeInitramfs } from './initramfs.ts';
import { describeFile, readManifest, sha256, writeManifest, type Manifest } from './manifest.ts';
import { installModules } from './modules.ts';
import { makeRootfs } from './rootfs.ts';

export type Say = (line: string) => void;

/** Fetches and builds everything into `folder`. `update` looks for newer packages even when everything is present. */
export async function fetchImages(folder: string, say: Say, update = false): Promise<Manifest> {
  const old = readManifest(folder);
  if (old && !update && (await intact(folder, old))) {
    if (old.init !== INIT_HASH) return await renewInit(folder, old, say);
    say(`images: complete (${old.packages.map((p) => `${p.name} ${p.version}`).join(', ')}); --update looks for newer ones`);
    return old;
  }
  mkdirSync(folder, { recursive: true });
  rmSync(join(folder, 'manifest.json'), { force: true });
  const packages = await choosePackages(new Apt(join(folder, 'apt')), say, join(folder, 'packages'));
  const manifest = await build(folder, packages, say);
  writeManifest(folder, manifest);
  rmSync(join(folder, 'apt'), { recursive: true, force: true });
  say(`images: complete in ${folder}`);
  return manifest;
}

/** Only our init script has changed, so nothing needs to be fetched. */
async function renewInit(folder: string, old: Manifest, say: Say): Promise<Manifest> {
  replaceFile(join(folder, 'initramfs.cpio'), (path) => writeFileSync(path, makeInitramfs(join(folder, 'vmroot'))));
  const files = await Promise.all(old.files.map((f) => (f.path === 'initramfs.cpio' ? describeFile(folder, f.path, f.from) : f)));
  const manifest = { ...old, files, init: INIT_HASH };
  writeManifest(folder, manifest);
  say('images: complete; initramfs.cpio has a new init script');
  return manifest;
}

/** Whether all files of the manifest exist with the listed hashes. */
async function intact(folder: string, manifest: Manifest): Promise<boolean> {
  for (const file of manifest.files) {
    const path = join(folder, file.path);
    if (!existsSync(path) || (await sha256(path)) !== file.sha256) return false;
  }
  return existsSync(join(folder, 'rootfs/bin/sh'));
}

/** Finds and downloads the packages; the kernel is what the metapackage depends on today. */
async function choosePackages(apt: Apt, say: Say, folder: string): Promise<AptPackage[]> {
  say(`index: ${SUITE} ${ARCH}`);
  await apt.update();
  const meta = find(apt, `linux-image-${ARCH}`);
  const kernel = /\b(linux-image-\d[^ ,]*)/.exec(meta.depends)?.[1];
  if (!kernel) throw new CliError('E_APT', `package ${meta.name} names no kernel`, `its dependencies are: ${meta.depends}`, Exit.failure);
  const packages = [find(apt, 'busybox-static'), find(apt, kernel)];
  for (const [i, item] of packages.entries()) {
    const label = `package ${i + 1}/${packages.length}: ${item.name} ${item.version}, ${(item.size / 1e6).toFixed(1)} MB`;
    const path = join(folder, item.file);
    const have = existsSync(path) && (await sha256(path)) === item.sha256;
    say(have ? `${label}: is here` : `${label}: downloading`);
    if (!have) await apt.download(item, folder, quarters(item.size, (percent) => say(`${label}: ${percent} %`)));
    if ((await sha256(path)) !== item.sha256)
      throw new CliError('E_CHECKSUM', `'${path}' has another checksum than the index says`, 'delete it and fetch again', Exit.failure);
  }
  return packages;
}

/** Calls `tell` when another quarter has arrived. */
function quarters(total: number, tell: (percent: number) => void): (bytes: number) => void {
  let told = 0;
  return (bytes) => {
    const percent = Math.floor((bytes / total) * 4) * 25;
    if (percent > told && percent < 100) tell((told = percent));
  };
}

function find(apt: Apt, name: string): AptPackage {
  const found = apt.show(name);
  if (!found)
    throw new CliError('E_APT', `the mirror has no package ${name} for ${ARCH} in ${SUITE}`,
      'check that the mirror carries this architecture', Exit.failure);
  return found;
}

async function build(folder: string, packages: AptPackage[], say: Say): Promise<Manifest> {
  const [busybox, kernel] = packages;
  const unpacked = join(folder, 'unpacked');
  rmSync(unpacked, { recursive: true, force: true });
  for (const item of packages) {
    say(`unpacking ${item.name}`);
    unpackDeb(join(folder, 'packages', item.file), unpacked);
  }
  const image = readdirSync(join(unpacked, 'boot')).find((name) => /^vmlinu[xz]-/.test(name));
  if (!image) throw new CliError('E_UNPACK', `package ${kernel.name} holds no kernel in boot/`, '', Exit.failure);
  replaceFile(join(folder, 'vmlinuz'), (path) => copyFileSync(join(unpacked, 'boot', image), path));
  const program = ['usr/bin/busybox', 'bin/busybox'].map((path) => join(unpacked, path)).find(existsSync);
  if (!program) throw new CliError('E_UNPACK', `package ${busybox.name} holds no busybox`, '', Exit.failure);
  const applets = makeRootfs(join(folder, 'rootfs'), program);
  say(`rootfs: busybox with ${applets} applets`);
  const vmRoot = join(folder, 'vmroot');
  makeRootfs(vmRoot, program);
  const modules = installModules(unpacked, vmRoot);
  replaceFile(join(folder, 'initramfs.cpio'), (path) => writeFileSync(path, makeInitramfs(vmRoot)));
  say(`initramfs.cpio: the same with ${modules.length} kernel modules`);
  rmSync(unpacked, { recursive: true, force: true });
  return {
    suite: SUITE, architecture: ARCH, applets, modules, init: INIT_HASH,
    packages: packages.map(({ name, version, sha256: hash, size }) => ({ name, version, sha256: hash, size })),
    files: [
      await describeFile(folder, 'vmlinuz', kernel.name),
      await describeFile(folder, 'initramfs.cpio', `${busybox.name}, ${kernel.name}`),
      await describeFile(folder, 'rootfs/bin/busybox', busybox.name),
    ],
  };
}

/** Writes a temporary file and renames it, so that no reader sees half a file. */
function replaceFile(path: string, write: (path: string) => void): void {
  write(`${path}.new`);
  renameSync(`${path}.new`, path);
}
