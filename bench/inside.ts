/**
 * One of our programs inside three systems on the same simulated machine: Linux under `bare`, the Unix server above the microkernel
 * (`run`), and the same server on the machine itself (arch/native). All three count virtual time in cycles, 1 ns each, so their figures
 * can be set side by side.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packInitramfs } from '../cli/cpio.ts';
import { runProgram } from '../index.ts';
import { runNative } from '../l4guest/arch/native/boot.ts';
import type { Rates } from '../l4guest/kernel/work.ts';
import { FileTree } from '../system/files/archive.ts';

export const root = join(import.meta.dirname, '..');
const folder = join(root, 'guests/bin/linux'), kernel = join(root, 'images/vmlinuz');
const MEMORY = 384 << 20, MEMORY_LINUX = '768M';
export const hasLinux = (): boolean => existsSync(kernel);

const contents = (name: string): Uint8Array => readFileSync(join(folder, name));
const programs = (): string[] => readdirSync(folder);

/** The output of the shell commands on Linux, one text for each. Large pages are off, because the server has none. */
export function onLinux(commands: readonly string[]): string[] {
  const dir = mkdtempSync(join(tmpdir(), 'tessera-linux-')), tree = join(dir, 'root'), image = join(dir, 'image.cpio');
  try {
    for (const text of ['bin', 'dev', 'proc', 'tmp']) mkdirSync(join(tree, text), { recursive: true });
    cpSync(folder, join(tree, 'bin'), { recursive: true });
    writeFileSync(join(tree, 'init'), `#!/bin/sh\nexport PATH=/bin\n${commands.map((c) => `echo @begin\n${c}\n`).join('')}echo @done\n`);
    chmodSync(join(tree, 'init'), 0o755);
    writeFileSync(image, packInitramfs(tree));
    const args = [
      'bare', '--kernel', kernel, '--initrd', image, '--memory', MEMORY_LINUX,
      '--append', 'console=ttyS0 quiet transparent_hugepage=never', '--until', '@done'
    ];
    const run = spawnSync(join(root, 'bin/tessera'), args, { encoding: 'utf8', maxBuffer: 1 << 26 });
    if (run.status !== 0) throw new Error(`Linux ended with ${run.status}: ${run.stderr.slice(-500)}`);
    return run.stdout.replaceAll('\r', '').split('@done')[0]!.split('@begin\n').slice(1);
  } finally { rmSync(dir, { recursive: true }); }
}

let archived: Uint8Array | undefined;
function archive(): Uint8Array {
  if (archived) return archived;
  const tree = new FileTree(Object.fromEntries(programs().map((name) => [`bin/${name}`, contents(name)])));
  tree.copyTo(archived = new Uint8Array(tree.length));
  return archived;
}
/** The same directly on the machine. `rates`: cost of work where it differs from the table. */
export function onMachine(argv: readonly string[], rates?: Rates): string {
  let said = '';
  const decoder = new TextDecoder(), say = (b: Uint8Array): void => { said += decoder.decode(b, { stream: true }); };
  const { status } = runNative({
    root: archive(), memory: MEMORY, argv, env: ['PATH=/bin'], output: say, error: say, ...(rates ? { rates } : {})
  });
  if (status !== 0) throw new Error(`${argv.join(' ')} ended with ${status}: ${said.slice(-500)}`);
  return said;
}

export interface Hosted { readonly said: string; readonly entries: number; readonly switches: number }
/** The same above the microkernel, with the number of kernel entries and address-space switches. */
export async function aboveKernel(argv: readonly string[]): Promise<Hosted> {
  const run = runProgram({
    program: argv[0]!, args: argv.slice(1), memory: MEMORY, env: { PATH: '/bin' },
    files: Object.fromEntries(programs().map((name) => [`/bin/${name}`, contents(name)]))
  });
  const { status, stdout, stderr } = await run;
  if (status !== 0) throw new Error(`${argv.join(' ')} ended with ${status}: ${stderr.slice(-500)}`);
  const { kernelEntries, addressSpaceSwitches } = run.system.kernel.counters;
  return { said: stdout, entries: kernelEntries, switches: addressSpaceSwitches };
}
