/**
 * riscv-tests: builds the `hypervisor` groups and `uzicond`, takes the others as the suite's own Makefile built them (in CHECKOUT/isa),
 * runs all.
 *
 *   npx tsx test/conformance/riscv-tests.ts CHECKOUT [--record] [--engine auto|interp|jit]
 *
 * Exit status 1 if a test fails that is not left out below.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createBoard } from '../../machine/board/board.ts';
import { Htif } from '../../machine/devices/htif.ts';
import type { Tier } from '../../machine/engine/engine.ts';
import { loadProgram } from '../../machine/loader/kernel.ts';
import { type Left, record } from './record.ts';
import { readOptions } from '../tool.ts';

const COMPILER = 'riscv64-linux-gnu-gcc';
/** Prefixes for the sources of groups that Debian 12's compilers cannot build unchanged. */
const BUILT_HERE: Record<string, string> = {
  hypervisor: '.option arch, +h',
  'hypervisor-svadu': '.option arch, +h',
  rv64uzicond: '.macro czero.eqz rd, rs1, rs2\n .insn r 0x33, 5, 7, \\rd, \\rs1, \\rs2\n.endm\n.macro czero.nez rd, rs1, rs2\n'
    + ' .insn r 0x33, 7, 7, \\rd, \\rs1, \\rs2\n.endm',
};
/** Group, form (physical or virtual), test. */
const NAME = /^rv64(\w+)-([pv])-(\w+)$/;

/** Tests of features that this machine lacks. */
const LEFT: readonly Left[] = [];

const silent = { output: () => {}, take: () => new Uint8Array(0), onInput: () => {} };

/** undefined = passed, otherwise the failure. */
function run(file: string, engine: Tier): string | undefined {
  const board = createBoard({ memoryBytes: 16 << 20, harts: 1, engine, console: silent });
  const { machine } = board;
  const placed = loadProgram(machine.memory, readFileSync(file), { base: machine.memory.base, gunzip: (b) => b, raw: false });
  if (!placed.ok) return placed.error;
  const tohost = placed.value.symbols.get('tohost');
  if (tohost === undefined) return 'has no tohost';
  new Htif({ memory: machine.memory, events: machine.events, stop: (r) => machine.stop(r) }, silent, { tohost });
  board.startProgram(placed.value.entry);
  const reason = machine.run({ maxCycles: 20_000_000 });
  if (reason.kind !== 'poweroff') return `ended with ${reason.kind}`;
  return reason.code === 0 ? undefined : `test case ${reason.code} failed`;
}

function build(checkout: string, folder: string): { name: string; file: string }[] {
  const isa = join(checkout, 'isa');
  return Object.entries(BUILT_HERE).flatMap(([group, prelude]) =>
    readdirSync(join(isa, group)).filter((f) => f.endsWith('.S')).flatMap((source) =>
    (group.startsWith('rv64u') ? ['p', 'v'] : ['p']).map((form) => {
      const name = `${group}-${form}-${source.replace('.S', '')}`, file = join(folder, name), env = join(checkout, 'env', form);
      writeFileSync(`${file}.S`, `${prelude}\n#include "${join(isa, group, source)}"\n`);
      const rest = form === 'v'
        ? ['-DENTROPY=0x1234567', '-std=gnu99', '-O2', '-w', join(env, 'entry.S'), join(env, 'string.c'), join(env, 'vm.c')]
        : [];
      execFileSync(COMPILER,
        [
          '-march=rv64g', '-mabi=lp64d', '-static', '-fno-pic', '-no-pie', '-Wl,--build-id=none', '-mcmodel=medany', '-fvisibility=hidden',
          '-nostdlib', '-nostartfiles', `-I${env}`, `-I${join(isa, 'macros/scalar')}`, `-T${join(env, 'link.ld')}`, ...rest, `${file}.S`,
          '-o', file
        ]);
      return { name, file };
    })));
}

function main(checkout: string, engine: Tier, recorded: boolean): void {
  const folder = mkdtempSync(join(tmpdir(), 'tessera-riscv-tests-'));
  const ready = readdirSync(join(checkout, 'isa')).filter((f) => NAME.test(f)).map((name) => ({ name, file: join(checkout, 'isa', name) }));
  try {
    const all = [...ready, ...build(checkout, folder)];
    const failed = all.map((test) => ({ ...test, why: run(test.file, engine) })).filter((test) => test.why !== undefined);
    for (const { name, why } of failed) console.log(`FAIL ${name}: ${why}`);
    console.log(`${all.length - failed.length} of ${all.length} pass`);
    const revision = execFileSync('git', ['-C', checkout, 'rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
    if (recorded) {
      record({ suite: 'riscv-tests, rv64, physical and virtual form', revision, command: 'npx tsx test/conformance/riscv-tests.ts CHECKOUT',
        passed: all.length - failed.length, failed: failed.length, skipped: 0,
        left: LEFT.filter((l) => failed.some((f) => f.name === l.test)),
        covers: [
          'unpriv 2', 'unpriv 4', 'unpriv 5', 'unpriv 6', 'unpriv 11', 'unpriv 12', 'unpriv 13', 'unpriv 19', 'unpriv 20', 'unpriv 21',
          'unpriv 23', 'unpriv 27', 'unpriv 29', 'priv 3', 'priv 12', 'priv 13', 'priv 21'
        ] });
    }
    process.exitCode = failed.every((f) => LEFT.some((l) => l.test === f.name)) ? 0 : 1;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values, positionals } = readOptions(import.meta.filename, {
    allowPositionals: true, options: { record: { type: 'boolean', default: false }, engine: { type: 'string', default: 'auto' } }
  });
  if (positionals[0] === undefined) {
    console.error('usage: npx tsx test/conformance/riscv-tests.ts CHECKOUT-OF-RISCV-TESTS [--record] [--engine TIER]');
    process.exitCode = 2;
  } else main(positionals[0], values.engine as Tier, values.record);
}
