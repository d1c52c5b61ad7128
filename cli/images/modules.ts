/**
 * Kernel modules for the initramfs. Debian builds virtio-mmio, virtio-blk and ext4 as modules and leaves the index (modules.dep) to
 * be made at installation; we pick the modules we want with everything they depend on and write the index ourselves.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { CliError, Exit } from '../errors.ts';

/** Modules that a guest may need for our virtual devices: transports, disk, network, entropy, balloon, 9p, and file systems on disks. */
export const WANTED = [
  'virtio_mmio', 'virtio_blk', 'virtio_net', 'virtio-rng', 'virtio_balloon', '9pnet_virtio', '9p', 'ext4', 'crc32c_generic'
];

/** Loaded at every boot: these lie unpacked. The others stay compressed, as Debian ships them, so that the initramfs stays small. */
const UNPACKED = new Set(['virtio_mmio', 'virtio_blk', 'virtio_net', 'failover', 'net_failover']);

/** `file` and `bytes`: as they go into the initramfs. */
interface Module { name: string; file: string; bytes: Buffer; depends: string[]; aliases: string[] }

/** Module names are compared with '-' and '_' alike, as modprobe does. */
const plain = (name: string) => name.replaceAll('-', '_');

/** Copies modules from an unpacked kernel package into `root`/lib/modules/RELEASE with their index. Returns their names. */
export function installModules(kernelPackage: string, root: string): string[] {
  const modulesFolder = [join(kernelPackage, 'usr/lib/modules'), join(kernelPackage, 'lib/modules')].find(existsSync);
  const release = modulesFolder ? readdirSync(modulesFolder)[0] : undefined;
  if (!modulesFolder || !release) return [];
  const chosen = closure(indexFiles(join(modulesFolder, release, 'kernel')));
  const target = join(root, 'lib/modules', release);
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target, { recursive: true });
  for (const module of chosen.values()) writeFileSync(join(target, module.file), module.bytes);
  const dep = [...chosen.values()].map((m) => `${m.file}:${dependencies(m, chosen).map((file) => ` ${file}`).join('')}\n`);
  const alias = [...chosen.values()].flatMap((m) => m.aliases.map((a) => `alias ${a} ${plain(m.name)}\n`));
  writeFileSync(join(target, 'modules.dep'), dep.join(''));
  writeFileSync(join(target, 'modules.alias'), alias.join(''));
  for (const name of ['modules.symbols', 'modules.builtin', 'modules.order']) writeFileSync(join(target, name), '');
  return [...chosen.keys()];
}

/** Every module file below a folder, by plain name. */
function indexFiles(folder: string): Map<string, string> {
  const files = new Map<string, string>();
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    const match = /^(.*)\.ko(\.xz|\.zst|\.gz)?$/.exec(entry.name);
    if (entry.isFile() && match) files.set(plain(match[1]), join(entry.parentPath, entry.name));
  }
  return files;
}

/** The wanted modules and, transitively, those they depend on; dependencies come first. */
function closure(files: Map<string, string>): Map<string, Module> {
  const done = new Map<string, Module>();
  const visit = (name: string) => {
    const path = files.get(plain(name));
    if (done.has(plain(name)) || path === undefined) return;
    const module = readModule(path);
    for (const dependency of module.depends) visit(dependency);
    done.set(plain(name), module);
  };
  for (const name of WANTED) visit(name);
  return done;
}

/** All dependencies of a module, the nearest first, as modules.dep lists them. */
function dependencies(module: Module, all: Map<string, Module>): string[] {
  const found: string[] = [];
  for (const name of module.depends) {
    const dependency = all.get(plain(name));
    if (dependency) found.push(dependency.file, ...dependencies(dependency, all));
  }
  return [...new Set(found)];
}

/** Reads a module; its .modinfo section is a run of "key=value" strings. */
function readModule(path: string): Module {
  const plainBytes = unpacked(path);
  const text = plainBytes.toString('latin1');
  const values = (key: string) => [...text.matchAll(new RegExp(`\\0${key}=([^\\0]*)(?=\\0)`, 'g'))].map((match) => match[1]);
  const name = basename(path).replace(/\.ko.*$/, '');
  const small = UNPACKED.has(plain(name));
  return {
    name, file: small ? `${name}.ko` : basename(path), bytes: small ? plainBytes : readFileSync(path),
    depends: (values('depends')[0] ?? '').split(',').filter(Boolean), aliases: values('alias'),
  };
}

const unpackers: Record<string, string> = { '.xz': 'xz', '.zst': 'zstd', '.gz': 'gzip' };

function unpacked(path: string): Buffer {
  const tool = unpackers[/\.[^.]*$/.exec(path)?.[0] ?? ''];
  if (!tool) return readFileSync(path);
  const run = spawnSync(tool, ['-dc', path], { maxBuffer: 1 << 26 });
  if (run.status !== 0)
    throw new CliError('E_NO_TOOL', `'${tool}' is needed to unpack kernel modules`, `install ${tool === 'xz' ? 'xz-utils' : tool}`,
      Exit.failure);
  return run.stdout;
}
