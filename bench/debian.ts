/**
 * A Debian root for the benchmarks: a copy (by hard links) of the folder that --root names, plus /bench: sources to compile, a tree of
 * files, programs of several languages. Such a folder, without running anything of it:
 *
 *   mmdebstrap --architectures=riscv64 --variant=extract --mode=root --skip=check/qemu trixie DIR \
 *     --include=bash,coreutils,dash,gcc,libc6-dev,make,python3,perl,sqlite3,git,grep,findutils,tar
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { debianBenchmarks, type Benchmark } from './programs.ts';
import { largeC } from './work/large-c.ts';

const WORK = fileURLToPath(new URL('work', import.meta.url));
const LARGE = 60, SMALL = 60, FOLDERS = 40, FILES_EACH = 25;
const FOLDERS_OF_PROGRAMS = ['usr/bin', 'usr/sbin', 'bin'];

/** The path of a program in the root; undefined where it is missing. */
export function programFile(root: string, name: string): string | undefined {
  const paths = [...FOLDERS_OF_PROGRAMS, ...compilerFolders(root)].map((folder) => join(folder, name));
  return paths.find((path) => existsSync(join(root, path)));
}

/** Folders of the compiler proper, usr/libexec/gcc/riscv64-linux-gnu/14. */
function compilerFolders(root: string): string[] {
  const base = 'usr/libexec/gcc', below = (path: string): string[] => (existsSync(join(root, path)) ? readdirSync(join(root, path)) : []);
  return below(base).flatMap((target) => below(join(base, target)).map((version) => join(base, target, version)));
}

export const programOf = ({ command }: Benchmark): string => command.split(' ')[0]!;
export const debianIn = (root: string): Benchmark[] => debianBenchmarks.filter((b) => programFile(root, programOf(b)) !== undefined);
/** PATH inside, for these. */
export const pathIn = (root: string): string => ['/usr/bin', '/bin', ...compilerFolders(root).map((folder) => `/${folder}`)].join(':');

/** A copy of the root in this folder, with what the benchmarks need. */
export function debianRoot(root: string, copy: string, script: string): void {
  const made = spawnSync('cp', ['-al', root, copy], { encoding: 'utf8' });
  if (made.status !== 0) throw new Error(`${root} cannot be copied by links into ${dirname(copy)}: ${made.stderr}`);
  for (const name of ['proc', 'dev', 'tmp']) mkdirSync(join(copy, name), { recursive: true });
  workFiles(join(copy, 'bench'));
  writeFileSync(join(copy, 'bench.sh'), `export PATH=${pathIn(root)} WORK=/bench HOME=/tmp\n${script}`);
  writeFileSync(join(copy, 'init'), '#!/bin/sh\nmount -t proc proc /proc 2>/dev/null\n/bin/sh /bench.sh\necho @done\n');
  chmodSync(join(copy, 'init'), 0o755);
}

/** The files to compile, read and search, always the same. */
export function workFiles(folder: string): void {
  mkdirSync(join(folder, 'small'), { recursive: true });
  for (const name of ['mix.py', 'mix.pl', 'mix.sql']) cpSync(join(WORK, name), join(folder, name));
  writeFileSync(join(folder, 'large.c'), largeC(LARGE));
  smallSources(join(folder, 'small'));
  for (let part = 0; part < FOLDERS; part++) {
    mkdirSync(join(folder, `tree/part${part}`), { recursive: true });
    for (let i = 0; i < FILES_EACH; i++) writeFileSync(join(folder, `tree/part${part}/file${i}.txt`), text(part * FILES_EACH + i));
  }
}

function smallSources(folder: string): void {
  const objects = Array.from({ length: SMALL }, (_, i) => `unit${i}.o`).join(' ');
  writeFileSync(join(folder, 'Makefile'), `all: ${objects}\n%.o: %.c\n\tgcc -O1 -c -o $@ $<\n`);
  const loop = (i: number): string => `for (int i = 0; i < n; i++) printf("%d\\n", i * ${i});`;
  const unit = (i: number): string => `#include <stdio.h>\nint unit${i}(int n) { ${loop(i)} return n; }\n`;
  for (let i = 0; i < SMALL; i++) writeFileSync(join(folder, `unit${i}.c`), unit(i));
}

/** Some lines, a needle in every tenth file. */
function text(n: number): string {
  const lines = Array.from({ length: 20 + n % 90 }, (_, i) => `line ${i} of text ${n}: ${(n * 7919 + i * 104729) % 1000003}\n`);
  return lines.join('') + (n % 10 === 0 ? 'here is the needle\n' : '');
}
