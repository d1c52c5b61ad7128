/**
 * Runs riscv-arch-test (a checkout outside of this repository, at a revision that carries reference signatures) on the bare machine.
 *
 *   npx tsx test/conformance/arch-test.ts CHECKOUT [--groups I,M,C] [--only TEXT] [--engine interp|jit|auto] [--build DIR] [--record]
 *
 * Each test is built with the cross compiler once (into `--build`, a folder under the system's temporary one when absent), runs until it
 * writes `tohost`, and its signature is compared with the reference, line by line. The target header is the suite's own for the Sail model.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildFlags, excluded, groups, isaOf, regenerated, REGENERATED } from './arch-test-groups.ts';
import { record } from './record.ts';
import { signatureOf } from './run-elf.ts';
import type { Tier } from './run-elf.ts';
import { readOptions } from '../tool.ts';

interface Outcome { readonly test: string; readonly failure?: string }

const LIMIT = 50_000_000;

function build(checkout: string, folder: string, group: string, test: string): string {
  const elf = join(folder, `${group}--${test}.elf`);
  if (existsSync(elf)) return elf;
  const source = join(checkout, 'riscv-test-suite/rv64i_m', group, 'src', `${test}.S`);
  // A test's RVTEST_CASE lines give the macros it needs.
  const defines = new Set(Array.from(readFileSync(source, 'utf8').matchAll(/\bdef (\w+) *= *True/g), (found) => `-D${found[1]}=True`));
  execFileSync('riscv64-unknown-elf-gcc', [...buildFlags(checkout, group), ...defines, source, '-o', elf],
    { stdio: ['ignore', 'ignore', 'pipe'] });
  return elf;
}

/** The lines of a reference signature: 32-bit words as the suite prints them. */
function reference(checkout: string, group: string, test: string): string[] {
  const file = join(checkout, 'riscv-test-suite/rv64i_m', group, 'references', `${test}.reference_output`);
  return readFileSync(file, 'utf8').trim().split(/\s+/);
}

function compare(actual: string[], expected: string[]): string | undefined {
  const at = expected.findIndex((line, i) => line !== actual[i]);
  if (at >= 0) return `word ${at} is ${actual[at] ?? 'missing'}, expected ${expected[at]}`;
  return undefined;
}

function run(checkout: string, folder: string, group: string, test: string, engine: Tier): Outcome {
  try {
    const elf = build(checkout, folder, group, test);
    const signature = signatureOf(readFileSync(elf), { isa: isaOf(group, test), engine, limit: LIMIT });
    return { test, failure: typeof signature === 'string' ? signature : compare(signature, reference(checkout, group, test)) };
  } catch (error) {
    return { test, failure: error instanceof Error ? error.message.split('\n').slice(0, 3).join(' ') : String(error) };
  }
}

function tests(checkout: string, group: string, only: string): string[] {
  const references = readdirSync(join(checkout, 'riscv-test-suite/rv64i_m', group, 'references'));
  return references.map((name) => name.replace('.reference_output', '')).filter((name) => name.includes(only)).sort();
}

function main(): void {
  const { values, positionals } = readOptions(import.meta.filename, {
    allowPositionals: true,
    options: {
      groups: { type: 'string' }, only: { type: 'string', default: '' }, engine: { type: 'string', default: 'auto' },
      build: { type: 'string' }, record: { type: 'boolean', default: false }
    },
  });
  const checkout = positionals[0];
  if (checkout === undefined) throw new Error('usage: arch-test.ts CHECKOUT');
  const folder = values.build ?? join(tmpdir(), 'tessera-arch-test');
  mkdirSync(folder, { recursive: true });
  let [passed, total] = [0, 0];
  const unbuilt: string[] = [];
  for (const group of values.groups?.split(',') ?? Object.keys(groups)) {
    const wanted = tests(checkout, group, values.only).filter((test) => excluded[`${group}/${test}`] === undefined);
    const outcomes = wanted.map((test) => {
      const outcome = run(checkout, folder, group, test, values.engine as Tier);
      if (outcome.failure !== undefined) console.log(`FAIL ${group}/${test}: ${outcome.failure}`);
      return outcome;
    });
    const failed = outcomes.filter((o) => o.failure !== undefined);
    unbuilt.push(...failed.filter((o) => !existsSync(join(checkout, 'riscv-test-suite/rv64i_m', group, 'src', `${o.test}.S`))).map((o) =>
      `${group}/${o.test}`));
    console.log(`${group}: ${outcomes.length - failed.length} of ${outcomes.length}`);
    passed += outcomes.length - failed.length;
    total += outcomes.length;
  }
  console.log(`${passed} of ${total} signatures equal, ${Object.keys(excluded).length} excluded`);
  if (values.record) {
    const made = regenerated.some((test) => existsSync(join(checkout, 'riscv-test-suite/rv64i_m', test.replace('/', '/src/') + '.S')));
    const revision = execFileSync('git', ['-C', checkout, 'rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
    record({ suite: 'riscv-arch-test, rv64, reference signatures', revision, command: 'npx tsx test/conformance/arch-test.ts CHECKOUT',
      passed, failed: total - passed, skipped: Object.keys(excluded).length,
      ...(made ? { note: REGENERATED } : {}),
      left: [
        ...Object.entries(excluded).map(([test, reason]) => ({ test, reason })),
        ...unbuilt.map((test) => ({ test, reason: 'the checkout has a reference signature but no source' }))
      ],
      covers: ['unpriv 2', 'unpriv 4', 'unpriv 5', 'unpriv 12', 'unpriv 21', 'unpriv 27', 'unpriv 29', 'unpriv 31', 'priv 3'] });
  }
  process.exitCode = passed === total ? 0 : 1;
}

main();
