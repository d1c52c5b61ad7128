/** `tessera images fetch --gcc`: Debian's gcc for riscv64 as a root file system, for labs in C. Nothing is installed. */
import { existsSync, mkdirSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { CliError, Exit } from '../errors.ts';
import { Apt, unpackDeb } from './apt.ts';
import { sha256 } from './manifest.ts';
import type { Say } from './fetch.ts';

/**
 * The compiler of C proper, the assembler, the linker, and the libraries that these are linked with; no C library to link programs with.
 */
const PACKAGES = [
  'gcc-14-riscv64-linux-gnu', 'cpp-14-riscv64-linux-gnu', 'gcc-14-base', 'binutils-riscv64-linux-gnu', 'binutils-common', 'libbinutils',
  'libctf0', 'libctf-nobfd0', 'libsframe1', 'libjansson4', 'libgmp10', 'libmpfr6', 'libmpc3', 'libisl23', 'libzstd1', 'zlib1g', 'libc6',
  'libgcc-s1', 'libstdc++6',
];
/** The names by which they are called; Debian's packages have them with the name of the architecture before. */
const NAMES = { gcc: 'riscv64-linux-gnu-gcc-14', as: 'riscv64-linux-gnu-as', ld: 'riscv64-linux-gnu-ld' } as const;

/** Creates `folder`/gcc; keeps existing files. */
export async function fetchGcc(folder: string, say: Say): Promise<void> {
  const root = join(folder, 'gcc'), unpacked = join(folder, 'gcc.new'), packages = join(folder, 'packages');
  if (existsSync(join(root, 'usr/bin/gcc'))) return say(`gcc: is here (${root})`);
  mkdirSync(folder, { recursive: true });
  const apt = new Apt(join(folder, 'apt'));
  say('gcc: index');
  await apt.update();
  rmSync(unpacked, { recursive: true, force: true });
  for (const name of ['bin', 'sbin', 'lib']) {
    mkdirSync(join(unpacked, 'usr', name), { recursive: true });
    symlinkSync(`usr/${name}`, join(unpacked, name));
  }
  for (const [i, name] of PACKAGES.entries()) {
    const item = apt.show(name);
    if (!item) throw new CliError('E_APT', `the mirror has no package ${name}`, 'check that the mirror carries riscv64', Exit.failure);
    say(`gcc: package ${i + 1}/${PACKAGES.length}: ${name} ${item.version}, ${(item.size / 1e6).toFixed(1)} MB`);
    const file = join(packages, item.file);
    if (!existsSync(file) || await sha256(file) !== item.sha256) await apt.download(item, packages, () => {});
    if (await sha256(file) !== item.sha256) throw new CliError('E_CHECKSUM', `'${file}' has another checksum than the index says`,
      'delete it and fetch again', Exit.failure);
    unpackDeb(file, unpacked);
  }
  for (const [name, real] of Object.entries(NAMES)) if (!existsSync(join(unpacked, 'usr/bin', name))) symlinkSync(real,
    join(unpacked, 'usr/bin', name));
  for (const part of ['usr/share/doc', 'usr/share/man', 'usr/share/locale', 'usr/share/info', 'usr/share/lintian']) rmSync(join(unpacked,
    part), { recursive: true, force: true });
  mkdirSync(join(unpacked, 'tmp'), { recursive: true });
  renameSync(unpacked, root);
  rmSync(join(folder, 'apt'), { recursive: true, force: true });
  say(`gcc: complete in ${root}`);
}
