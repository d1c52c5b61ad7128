/**
 * Compiles a submission in C to a native program, together with its lab's harness, which it cannot change, by Debian's gcc for riscv64. The
 * source is untrusted, so the compiler runs under the Unix server, with a folder that contains nothing else. A user who trusts the source
 * may name a compiler of this computer: TESSERA_LAB_CC.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SubmissionError } from '../../labs/grading/submission.ts';
import { CliError, Exit } from '../errors.ts';
import { imagesFolder, projectRoot } from '../images/where.ts';
import { removeFolder, temporaryFolder } from '../temporary.ts';

/** A root file system with gcc: `tessera images fetch --gcc`. */
export const gccRoot = (): string => join(imagesFolder(), 'gcc');

const FLAGS = [
  '-O1', '-Wall', '-Wextra', '-Wno-main', '-ffreestanding', '-fno-pic', '-no-pie', '-nostdlib', '-static', '-march=rv64gc', '-mabi=lp64d',
    '-mcmodel=medany', '-mno-relax',
  '-Wl,--no-relax', '-Wl,--build-id=none', '-Wl,-z,max-page-size=4096', '-Wl,-T,native.ld', '-s',
];
const OURS = ['guests/include/tessera.h', 'guests/include/tessera-abi.h', 'guests/native/native.ld', 'guests/native/start.S'];
const SECONDS = 300, MOST_WARNINGS = 8;

export interface Compiled {
  readonly bytes: Uint8Array;
  /** The compiler's warnings, one line each. */
  readonly warnings: readonly string[];
}

/**
 * `files`: the submission's, by name; `harness`: a folder of ours. Throws SubmissionError with the compiler's message, and CliError without
 * a compiler.
 */
export function compileC(files: ReadonlyMap<string, string>, harness: string): Compiled {
  const folder = temporaryFolder('cc');
  try {
    const theirs = [...files].filter(([name]) => name.endsWith('.c'));
    for (const [name, text] of theirs) writeFileSync(join(folder, name), text);
    for (const path of OURS) copyFileSync(join(projectRoot(), path), join(folder, path.split('/').at(-1)!));
    for (const name of readdirSync(harness)) copyFileSync(join(harness, name),
      join(folder, `${name === 'main.c' ? 'harness-' : ''}${name}`));
    const { status, stderr } = run(folder, [...FLAGS, '-o', 'out.elf', 'start.S', 'harness-main.c', ...theirs.map(([name]) => name)]);
    const told = stderr.split('\n').filter((line) => /: (error|warning|fatal error): |undefined reference/i.test(line))
      .slice(0, MOST_WARNINGS);
    const said = told.map((line) => line.trim().replace(/^\S*\/cc\w+\.s:\d+/, 'in assembly'));
    if (status !== 0 || !existsSync(join(folder, 'out.elf'))) throw new SubmissionError(said.find((l) =>
      !l.includes('warning')) ?? `the compiler ended with status ${status}`);
    return { bytes: readFileSync(join(folder, 'out.elf')), warnings: said };
  } finally {
    removeFolder(folder);
  }
}

function run(folder: string, words: readonly string[]): { status: number | null; stderr: string } {
  const own = process.env['TESSERA_LAB_CC'], how = { cwd: folder, encoding: 'utf8', timeout: SECONDS * 1000, maxBuffer: 1 << 20 } as const;
  if (own) return spawnSync(own, words, how);
  if (!existsSync(join(gccRoot(), 'usr/bin/gcc'))) throw new CliError('E_LAB', 'labs in C need a compiler',
    "fetch Debian's for riscv64 with: tessera images fetch --gcc; or name one of this computer: TESSERA_LAB_CC=riscv64-linux-gnu-gcc",
    Exit.failure);
  return spawnSync(process.execPath, [join(projectRoot(), 'bin/tessera'), 'run', '--rootfs', gccRoot(), '--mount', `${folder}:/lab`,
    '--cwd', '/lab', 'gcc', ...words], how);
}
