/**
 * riscv-hyp-tests: builds a checkout with the cross compiler and picolibc, runs it, and compares with the judged results.
 *
 *   npx tsx test/conformance/hypervisor-public.ts CHECKOUT [--record]
 *
 * Exit status 1 if an assertion fails that is not judged below.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createBoard } from '../../machine/board/board.ts';
import { DEFAULT_ISA } from '../../machine/board/isa.ts';
import { loadProgram } from '../../machine/loader/kernel.ts';
import { type Left, record } from './record.ts';
import { answerHelp } from '../tool.ts';

const COMPILER = 'riscv64-unknown-elf-gcc';
const SHIM = fileURLToPath(new URL('hypervisor-public-shim.c', import.meta.url));

/**
 * The suite knows the interrupts of its time: LCOFIP, which Sscofpmf makes writable in mip and sip, is one more than it expects (priv
 * 20).
 */
const ISA = DEFAULT_ISA.replace('_sscofpmf', '');

/** Assertions that fail here because they require behaviour that the specification does not require or forbids. */
const JUDGED: readonly Left[] = [
  {
    test: 'hfences correctly invalidate guest tlb entries',
    reason: 'wants the old translation as long as there is no fence, and the new one of the second stage after hfence.vvma alone: without '
      + 'hfence.gvma either may be seen (priv 12.2.1, 21.3.2)'
  },
  {
    test: 'vs access to time casuses succsseful with mcounteren.tm and hcounteren.tm set',
    reason: 'contradicts its own title: it wants an illegal instruction; with TM set in both registers the access is permitted (priv '
      + '21.2.6)'
  },
  {
    test: 'hs hlvxwu on vs-level non-exec page leads to lpf',
    reason: 'wants GVA = 0; a page fault of hlvx writes a guest virtual address to stval, so GVA is 1 (priv 21.2.1, 21.4.1)'
  },
  {
    test: 'vs gets right values after changing pt',
    reason: 'changes the second stage and executes only sfence.vma in VS mode, which orders VS-stage tables alone: hfence.gvma is needed '
      + '(priv 21.5.3)'
  },
];

function build(checkout: string, folder: string): Uint8Array {
  const flags = ['-misa-spec=2.2', '-march=rv64imac', '-mabi=lp64', '-mcmodel=medany', '-O2', '-w', '-I', join(checkout, 'inc'), '-I',
    join(checkout, 'platform/qemu/inc'),
    '-I', join(checkout, 'platform/qemu'), '-DLOG_LEVEL=LOG_DETAIL', '--specs=picolibc.specs'];
  const script = execFileSync(COMPILER, [...flags, '-E', '-P', '-x', 'assembler-with-cpp', join(checkout, 'linker.ld')],
    { encoding: 'utf8' });
  const [ld, elf] = [join(folder, 'link.ld'), join(folder, 'tests.elf')];
  writeFileSync(ld, script);
  const sources = [
    ...readdirSync(checkout).filter((name) => /\.[cS]$/.test(name)).map((name) => join(checkout, name)),
    join(checkout, 'platform/qemu/uart8250.c'), SHIM
  ];
  execFileSync(COMPILER,
    [...flags, '-nostartfiles', '-static', '-Wl,--no-gc-sections,--no-warn-rwx-segments', `-T${ld}`, ...sources, '-o', elf]);
  return readFileSync(elf);
}

function run(elf: Uint8Array): string {
  const output: number[] = [];
  const board = createBoard({
    memoryBytes: 256 << 20, harts: 1, isa: ISA,
    console: { output: (byte) => { output.push(byte); }, take: () => new Uint8Array(0), onInput: () => {} }
  });
  const placed = loadProgram(board.machine.memory, elf, { base: board.machine.memory.base, gunzip: (b) => b, raw: false });
  if (!placed.ok) throw new Error(placed.error);
  board.startProgram(placed.value.entry);
  board.machine.run({ maxCycles: 1_000_000_000 });
  return Buffer.from(output).toString();
}

/** Assertions are indented lines that end in PASSED or FAILED. */
export function assertions(text: string): { test: string; passed: boolean }[] {
  // oxlint-disable-next-line no-control-regex -- the suite colours its output
  return [
    ...text.replaceAll(/\x1b\[[0-9;]*m/g, '').matchAll(/^\t(\S.*?)\s{2,}(PASSED|FAILED)\s*$/gm)
  ].map(([, test, verdict]) => ({ test: test!,
    passed: verdict === 'PASSED' }));
}

function main(checkout: string): void {
  const folder = mkdtempSync(join(tmpdir(), 'tessera-hyp-'));
  try {
    const all = assertions(run(build(checkout, folder)));
    const failed = all.filter((a) => !a.passed);
    const fresh = failed.filter((f) => !JUDGED.some((j) => j.test === f.test));
    console.log(`${all.length - failed.length} of ${all.length} assertions pass, ${failed.length} fail`);
    for (const { test } of failed) console.log(`  ${test}: ${JUDGED.find((j) => j.test === test)?.reason ?? 'NOT JUDGED'}`);
    if (process.argv.includes('--record')) {
      const revision = execFileSync('git', ['-C', checkout, 'rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
      record({ suite: 'riscv-hyp-tests, all groups', revision, command: 'npx tsx test/conformance/hypervisor-public.ts CHECKOUT',
        passed: all.length - failed.length, failed: failed.length,
        skipped: 0, left: JUDGED.filter((j) => failed.some((f) => f.test === j.test)), covers: ['priv 21'] });
    }
    process.exitCode = fresh.length > 0 || all.length < 100 ? 1 : 0;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  answerHelp(import.meta.filename);
  const checkout = process.argv.slice(2).find((a) => !a.startsWith('--'));
  if (checkout === undefined) {
    console.error('usage: npx tsx test/conformance/hypervisor-public.ts CHECKOUT-OF-RISCV-HYP-TESTS [--record]');
    process.exitCode = 2;
  } else main(checkout);
}
