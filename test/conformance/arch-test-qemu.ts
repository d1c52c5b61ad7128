/**
 * Runs the tests of a riscv-arch-test checkout that carries no reference signatures (its later revisions) here and on QEMU, and compares
 * their output.
 *
 *   npx tsx test/conformance/arch-test-qemu.ts CHECKOUT [--folders rv64i_m/I,rv32i_m/D] [--only TEXT] [--engine interp|jit|auto] [--build
 *   DIR]
 *     [--record --revision NAME]
 *
 * The folders, their ISA strings, and the tests left out because QEMU 7.2 lacks the extension or is wrong: arch-test-qemu-folders.ts.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createBoard } from '../../machine/board/board.ts';
import type { Tier } from '../../machine/engine/engine.ts';
import { loadProgram } from '../../machine/loader/kernel.ts';
import { excludedTests, folders, QEMU_CPU } from './arch-test-qemu-folders.ts';
import { record } from './record.ts';
import { readOptions } from '../tool.ts';

const MEMORY = 64 << 20;
const LIMIT = 300_000_000;

/** Each RVTEST_CASE line gives its ISA strings and the macros it needs. */
function definesOf(source: string, isa: string): string[] {
  const wanted = new Set<string>();
  for (const [, text] of source.matchAll(/^\s*RVTEST_CASE\(\s*\d+\s*,\s*"([^"]*)"/gm)) {
    const fits = [...text!.matchAll(/check ISA *:= *regex\((.*?)\) *;/g)].every(([, pattern]) => new RegExp(pattern!).test(isa))
      && !/misaligned_support *:= *False/.test(text!);
    if (fits) for (const [, name] of text!.matchAll(/\bdef (\w+) *= *True/g)) wanted.add(`-D${name}=True`);
  }
  return [...wanted];
}

const sourceOf = (checkout: string, folder: string, test: string): string => join(checkout, 'riscv-test-suite', folder, 'src', `${test}.S`);

/** Skips tests without a case for this machine, because they would compare nothing. */
const applies = (checkout: string, folder: string, test: string): boolean =>
  definesOf(readFileSync(sourceOf(checkout, folder, test), 'utf8'), folders[folder]!.checkIsa).some((define) =>
    define.includes('TEST_CASE'));

function build(checkout: string, out: string, folder: string, test: string): string {
  const { march, checkIsa, float } = folders[folder]!;
  const source = sourceOf(checkout, folder, test);
  const elf = join(out, `${folder.replace('/', '-')}--${test}.elf`);
  if (existsSync(elf)) return elf;
  execFileSync('riscv64-unknown-elf-gcc', [
    `-march=${march}`, '-mabi=lp64', '-DXLEN=64', ...(float === undefined ? [] : [`-DFLEN=${float}`]), '-w', '-static', '-mcmodel=medany',
    '-nostdlib', '-nostartfiles',
    `-I${join(checkout, 'riscv-test-suite/env')}`, `-I${join(import.meta.dirname, 'virt')}`,
    `-T${join(import.meta.dirname, 'virt/link.ld')}`,
    ...definesOf(readFileSync(source, 'utf8'), checkIsa), source, '-o', elf,
  ], { stdio: ['ignore', 'ignore', 'pipe'] });
  return elf;
}

/** The test's output, or the reason for its absence. */
function ours(elf: string, isa: string, engine: Tier): Uint8Array | string {
  const sent: number[] = [];
  const console = { output: (byte: number) => { sent.push(byte); }, take: () => new Uint8Array(0), onInput: () => {} };
  const { machine, startProgram } = createBoard({ memoryBytes: MEMORY, harts: 1, isa, engine, console });
  const placed = loadProgram(machine.memory, readFileSync(elf), { base: machine.memory.base, gunzip: (b) => b, raw: false });
  if (!placed.ok) return `not loaded: ${placed.error}`;
  startProgram(placed.value.entry);
  const reason = machine.run({ maxCycles: LIMIT });
  return reason.kind === 'poweroff' ? Uint8Array.from(sent) : `ended with ${reason.kind} at ${machine.harts[0].pcNum.toString(16)}`;
}

function onQemu(elf: string): Uint8Array | string {
  const out = `${elf}.out`;
  try {
    execFileSync('qemu-system-riscv64',
      ['-M', 'virt', '-m', '64', '-cpu', QEMU_CPU, '-display', 'none', '-monitor', 'none', '-bios', elf, '-serial', `file:${out}`],
      { timeout: 200_000, stdio: 'ignore' });
    return readFileSync(out);
  } catch {
    return 'QEMU does not come to the end';
  } finally {
    rmSync(out, { force: true });
  }
}

function compare(mine: Uint8Array | string, qemus: Uint8Array | string): string | undefined {
  if (typeof mine === 'string') return mine;
  if (typeof qemus === 'string') return qemus;
  if (mine.length !== qemus.length) return `${mine.length} bytes, QEMU ${qemus.length}`;
  const words = (bytes: Uint8Array): string[] => [...new Uint32Array(Uint8Array.from(bytes).buffer)].map((n) => n.toString(16));
  const [left, right] = [words(mine), words(qemus)];
  const at = left.findIndex((word, i) => word !== right[i]);
  return at < 0
    ? undefined
    : `word ${at} is ${left[at]}, QEMU ${right[at]} (${left.filter((word, i) => word !== right[i]).length} of ${left.length} differ)`;
}

function outcome(checkout: string, out: string, folder: string, test: string, engine: Tier): string | undefined {
  try {
    const elf = build(checkout, out, folder, test);
    return compare(ours(elf, folders[folder]!.isa, engine), onQemu(elf));
  } catch (error) {
    return error instanceof Error ? error.message.split('\n').slice(0, 2).join(' ') : String(error);
  }
}

function main(): void {
  const { values, positionals } = readOptions(import.meta.filename, {
    allowPositionals: true,
    options: { folders: { type: 'string' }, only: { type: 'string', default: '' }, engine: { type: 'string', default: 'auto' },
      build: { type: 'string' },
      record: { type: 'boolean', default: false }, revision: { type: 'string', default: '' } },
  });
  const checkout = positionals[0];
  if (checkout === undefined) throw new Error('usage: arch-test-qemu.ts CHECKOUT');
  const out = values.build ?? join(tmpdir(), 'tessera-arch-test-qemu');
  mkdirSync(out, { recursive: true });
  let [equal, total] = [0, 0];
  const chosen = values.folders?.split(',') ?? Object.keys(folders);
  for (const folder of chosen) {
    const tests = readdirSync(join(checkout, 'riscv-test-suite', folder, 'src')).filter((name) =>
      name.endsWith('.S') && name.includes(values.only)).map((name) =>
      name.slice(0, -2));
    const wanted = tests.filter((test) => excludedTests[`${folder}/${test}`] === undefined && applies(checkout, folder, test)).sort();
    let good = 0;
    for (const test of wanted) {
      const failure = outcome(checkout, out, folder, test, values.engine as Tier);
      if (failure === undefined) good++;
      else console.log(`DIFFERENT ${folder}/${test}: ${failure}`);
    }
    console.log(`${folder}: ${good} of ${wanted.length}`);
    equal += good;
    total += wanted.length;
  }
  console.log(`${equal} of ${total} signatures equal`);
  if (values.record) {
    const left = Object.entries(excludedTests).filter(([test]) => chosen.some((folder) => test.startsWith(`${folder}/`)))
      .map(([test, reason]) => ({ test, reason }));
    record({
      suite: `riscv-arch-test, later tests, against QEMU 7.2: ${chosen.map((folder) => folder.replace('rv64i_m/', '')).join(' ')}`,
      revision: values.revision, command: 'npx tsx test/conformance/arch-test-qemu.ts CHECKOUT',
      passed: equal, failed: total - equal, skipped: left.length, left, covers: [],
    });
  }
  process.exitCode = equal === total ? 0 : 1;
}

main();
