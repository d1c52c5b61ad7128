/**
 * The sides that answer probes: Debian's kernel in QEMU, and the Unix server above the microkernel and directly on the machine; all run the
 * same static prober.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runNative } from '../../l4guest/arch/native/boot.ts';
import { runOnLinux } from '../conformance/linux.ts';
import { lineOf, type Probe } from './generate.ts';

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const ROOTFS = at('../../images/rootfs'), TESSERA = at('../../bin/tessera'), SOURCE = at('prober.c');

export const hasCompiler = (): boolean => spawnSync('riscv64-linux-gnu-gcc', ['--version']).status === 0;
export const compileProber = (to: string): void => { execFileSync('riscv64-linux-gnu-gcc', ['-O1', '-static', '-w', '-o', to, SOURCE]); };
const answersIn = (output: string): string[] => output.split('\n').flatMap((l) => (l.startsWith('=') ? [l.slice(1).trimEnd()] : []));

/** A folder with the image's root and the prober in /t, for as long as `use` runs. */
function withRoot<T>(use: (root: string) => T): T {
  const root = mkdtempSync(join(tmpdir(), 'abi-'));
  try {
    cpSync(ROOTFS, root, { recursive: true, verbatimSymlinks: true });
    mkdirSync(join(root, 't'));
    compileProber(join(root, 't/prober'));
    return use(root);
  } finally { rmSync(root, { recursive: true, force: true }); }
}
const text = (probes: readonly Probe[]): string => `${probes.map(lineOf).join('\n')}\n`;

export const answersOfLinux = (probes: readonly Probe[]): string[] => withRoot((root) => {
  writeFileSync(join(root, 't/probes'), text(probes));
  return answersIn(runOnLinux(root, 'chmod 1777 /tmp\n/t/prober < /t/probes\n'));
});
export const answersHere = (probes: readonly Probe[], command = TESSERA): string[] => withRoot((root) => {
  const args = ['run', '--rootfs', root, '/t/prober'],
    options = { input: text(probes), maxBuffer: 1 << 28, encoding: 'latin1', timeout: 800_000 } as const;
  return answersIn(spawnSync(command, args, options).stdout);
});
/** The answers of the Unix server without the microkernel (arch/native). */
export const answersNative = (probes: readonly Probe[]): string[] => withRoot((root) => {
  const archive = execFileSync('tar', ['-C', root, '-cf', '-', '.'], { maxBuffer: 1 << 28 }), said: Uint8Array[] = [];
  runNative({
    root: archive, argv: ['/t/prober'], memory: 512 << 20, input: Buffer.from(text(probes)),
    output: (bytes) => { said.push(bytes.slice()); }, error: () => undefined,
  });
  return answersIn(Buffer.concat(said).toString('latin1'));
});
