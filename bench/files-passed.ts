/**
 * The files that an operation passes: those with a function that runs meanwhile, by V8's counts. Kernel, binding and engine are left out,
 * because every trap and message passes them.
 *
 *   npx tsx bench/files-passed.ts disk      a disk read of a virtual machine, from the guest's bell to its interrupt
 *   npx tsx bench/files-passed.ts openat    openat of a path of three names, by a process of the Unix server
 *   npx tsx bench/files-passed.ts copy      the copy of a page that is shared since a fork, when it is written
 */
import { Session } from 'node:inspector/promises';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { assemble } from '../hardware/isa/assemble.ts';
import { bootScenario } from '../index.ts';
import { FileDisk } from '../cli/disk/disk.ts';
import { machineWorld } from '../scenarios/machine-world.ts';
import { unixWorld } from '../scenarios/unix-world.ts';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { answerHelp } from '../test/tool.ts';

answerHelp(import.meta.filename);

const root = fileURLToPath(new URL('..', import.meta.url));
const DEVICE = 0x1000_1000, DESC = 0x8040_0000, AVAIL = 0x8040_1000, USED = 0x8040_2000, HEAD = 0x8040_3000, DATA = 0x8050_0000,
  MIB = 2 ** 20;
const store = (size: 'h' | 'w' | 'd', at: number, value: number): string => `li t0, ${at}; li t1, ${value}; s${size} t1, 0(t0)`;
const reg = (offset: number, value: number): string => store('w', DEVICE + offset, value);
const descriptor = (n: number, address: number, length: number, flags: number): string =>
  [store('d', DESC + 16 * n, address), store('w', DESC + 16 * n + 8, length), store('w', DESC + 16 * n + 12, flags | ((n + 1) << 16))].join(
    '\n');

/** The PLIC lets the device's interrupt through; the driver's steps to a queue of 64. */
const registers = [
  store('w', 0xc00_0004, 1), store('w', 0xc00_2080, 2), reg(0x70, 0), reg(0x70, 3), reg(0x24, 1), reg(0x20, 1), reg(0x70, 11),
  reg(0x38, 64), reg(0x80, DESC), reg(0x90, AVAIL), reg(0xa0, USED), reg(0x44, 1), reg(0x70, 15),
];
const PIECES = 32;
const descriptors = [
  store('w', HEAD, 0), descriptor(0, HEAD, 16, 1),
  ...Array.from({ length: PIECES }, (_, i) => descriptor(i + 1, DATA + 8192 * i, 4096, 3)), descriptor(PIECES + 1, HEAD + 64, 1, 2),
];

/** A guest that reads 128 KiB in 32 pieces, twice, with long pauses: the second read, when everything is warm, is measured. */
const guest = assemble(`
  ${registers.join('\n')}
  ${descriptors.join('\n')}
  li s1, 1
round: li t0, 4000000
pause: addi t0, t0, -1; bnez t0, pause
  li t0, ${AVAIL}; sh s1, 2(t0)
  ${reg(0x50, 0)}
  addi s1, s1, 1
  j round
`, 0x8020_0000).bytes;

/** A machine that reads every eight million cycles; the second read lies between these. */
function diskReader(): Look {
  const file = join(mkdtempSync(join(tmpdir(), 'tessera-files-')), 'disk.img');
  writeFileSync(file, Buffer.alloc(MIB));
  const disk = new FileDisk({ path: file, readOnly: false });
  const world = machineWorld({ kernel: 'kernel', memory: 16 * MIB, disks: 1, more: { raw: true } });
  const system = bootScenario(world, { output: () => {}, consoles: 1, disks: [disk], modules: [{ name: 'kernel', bytes: guest }] }, {});
  return { system, before: 13_000_000, during: 7_000_000 };
}

/** Code as a program file with one writable segment. */
function programOf(text: string): Uint8Array {
  const base = 0x1_0000, headers = 120, { bytes } = assemble(text, base + headers);
  const file = new Uint8Array(headers + bytes.length), view = new DataView(file.buffer);
  const long = (at: number, n: number): void => view.setBigUint64(at, BigInt(n), true);
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  file.set([2, 0, 243, 0, 1], 16);
  long(24, base + headers); long(32, 64);
  file.set([5, 0, 0, 0, 64, 0, 56, 0, 1], 48);
  file.set([1, 0, 0, 0, 7], 64);
  long(80, base); long(96, file.length); long(104, file.length + 0x8_0000); long(112, 0x1000);
  file.set(bytes, headers);
  return file;
}

/** A process that repeats this with pauses of eight million cycles; the third time lies between these. */
function processThat(first: string, again: string): Look {
  const program = programOf(`${first}
    round: li t0, 4000000
    pause: addi t0, t0, -1; bnez t0, pause
    ${again}
    j round
    .align 3
    path: .asciz "/bin/../bin/program"`);
  const world = unixWorld({ argv: ['/bin/program'], files: ['program'] });
  const system = bootScenario(world, { output: () => {}, consoles: 2, modules: [{ name: 'program', bytes: program }] }, {});
  return { system, before: 21_000_000, during: 7_000_000 };
}

interface Look { readonly system: ReturnType<typeof bootScenario>; readonly before: number; readonly during: number }
const PAGES = 'la s0, path; li t0, 4096; add s0, s0, t0';
const looks: Record<string, () => Look> = {
  disk: diskReader,
  openat: () => processThat('', 'li a7, 56; li a0, -100; la a1, path; li a2, 0; li a3, 0; ecall'),
  // The child waits for ever; the parent touches one page more each time.
  copy: () => processThat(`${PAGES}; li t1, 100; touch: sd t1, 0(s0); add s0, s0, t0; addi t1, t1, -1; bnez t1, touch; ${PAGES}
    li a7, 220; li a0, 17; li a1, 0; ecall; bnez a0, round; wait: li a7, 73; li a0, 0; li a1, 0; li a2, 0; li a3, 0; ecall; j wait`,
    'sd s0, 0(s0); li t0, 4096; add s0, s0, t0'),
  // Background activity: the process's slices end.
  nothing: () => processThat('', ''),
};

/** Files with a function that runs. */
async function passed({ system, before, during }: Look): Promise<string[]> {
  const inspector = new Session();
  inspector.connect();
  system.runFor(before);
  await inspector.post('Profiler.enable');
  await inspector.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false });
  system.runFor(during);
  const { result } = await inspector.post('Profiler.takePreciseCoverage');
  inspector.disconnect();
  const ran = result.filter((f) => f.functions.some((fn) => fn.functionName !== '' && fn.ranges[0].count > 0)).map((f) => f.url)
    .filter((u) => u.startsWith('file:')).map((u) => relative(root, fileURLToPath(u)));
  return ran.filter((f) => !/^(microkernel|binding|machine\/(?!devices)|system|bench|node_modules|cli\/(?!disk)|\.\.)/.test(f)).sort();
}

const name = process.argv[2] ?? 'disk', look = Object.hasOwn(looks, name) ? looks[name] : undefined;
if (!look) {
  console.error(`files-passed: there is no "${name}"; one of: ${Object.keys(looks).join(', ')}`);
  process.exit(2);
}
const files = await passed(look());
console.log(`${files.join('\n')}\n${files.length} files`);
process.exit(0);
