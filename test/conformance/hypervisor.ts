/**
 * The hypervisor suite (guests/hypervisor) on our engines and on QEMU.
 *
 *   npx tsx test/conformance/hypervisor.ts [--record]    runs it everywhere, prints the failures; --record: writes results.json
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createBoard } from '../../machine/board/board.ts';
import type { Tier } from '../../machine/engine/engine.ts';
import { loadProgram } from '../../machine/loader/kernel.ts';
import { QEMU_DIFFERENCES } from './hypervisor-qemu.ts';
import { record } from './record.ts';
import { answerHelp } from '../tool.ts';

export const IMAGE = fileURLToPath(new URL('../../guests/bin/hypervisor.elf', import.meta.url));
const CPU = 'rv64,svinval=on,svnapot=on,svpbmt=on';

export interface Outcome {
  /** Titles, `group: what`. */
  readonly passed: readonly string[];
  readonly failed: readonly string[];
  readonly skipped: readonly string[];
  /** The plan was printed and fits. */
  readonly complete: boolean;
  readonly text: string;
}

export function parse(text: string): Outcome {
  const cases = [...text.matchAll(/^(not )?ok (\d+) - (.*?)( # SKIP .*)?\r?$/gm)];
  const titles = (wanted: (not: boolean, skip: boolean) => boolean) =>
    cases.filter(([, not, , , skip]) => wanted(not !== undefined, skip !== undefined)).map(([, , , title]) => title!);
  const plan = /^1\.\.(\d+)/m.exec(text)?.[1];
  return {
    passed: titles((not, skip) => !not && !skip), failed: titles((not) => not), skipped: titles((_, skip) => skip),
    complete: plan !== undefined && Number(plan) === cases.length && cases.every(([, , number], i) => Number(number) === i + 1), text,
  };
}

export function ours(engine: Tier, isa?: string): Outcome {
  const output: number[] = [];
  const board = createBoard({
    memoryBytes: 128 << 20, harts: 1, isa, engine,
    console: { output: (byte) => { output.push(byte); }, take: () => new Uint8Array(0), onInput: () => {} }
  });
  const placed = loadProgram(board.machine.memory, readFileSync(IMAGE), { base: board.machine.memory.base, gunzip: (b) => b, raw: false });
  if (!placed.ok) throw new Error(`hypervisor suite: ${placed.error}`);
  board.startProgram(placed.value.entry);
  board.machine.run({ maxCycles: 1_000_000_000 });
  return parse(Buffer.from(output).toString());
}

export const hasQemu = (): boolean => spawnSync('qemu-system-riscv64', ['--version']).status === 0;
export const qemuVersion = (): string =>
  /version (\S+)/.exec(spawnSync('qemu-system-riscv64', ['--version'], { encoding: 'utf8' }).stdout)?.[1] ?? '';

export function qemu(): Outcome {
  const run = spawnSync('qemu-system-riscv64', ['-M', 'virt', '-cpu', CPU, '-m', '256M', '-bios', 'none', '-nographic', '-kernel', IMAGE],
    { encoding: 'utf8', timeout: 200_000, input: '', maxBuffer: 1 << 26 });
  return parse(run.stdout);
}

/** Failures on QEMU without an explanation. */
export const unexplained = (outcome: Outcome): string[] => outcome.failed.filter((title) =>
  !QEMU_DIFFERENCES.some((d) => d.cases.test(title)));

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  answerHelp(import.meta.filename);
  for (const [name, outcome] of [
    ['interp', ours('interp')], ['jit', ours('jit')], ...(hasQemu() ? [['QEMU', qemu()] as const] : [])
  ] as const) {
    const counts = { passed: outcome.passed.length, failed: outcome.failed.length, skipped: outcome.skipped.length };
    console.log(
      `${name}: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped${outcome.complete ? '' : ', not complete'}`);
    const show = name === 'QEMU' ? unexplained(outcome) : outcome.failed;
    for (const title of show) console.log(`  ${title}`);
    if (!process.argv.includes('--record')) continue;
    const who = name === 'QEMU' ? `QEMU ${qemuVersion()}` : name;
    record({
      suite: `hypervisor suite, ${who}`, revision: 'guests/hypervisor', command: 'npx tsx test/conformance/hypervisor.ts', ...counts,
      left: [], covers: name === 'QEMU' ? [] : ['priv 21', 'priv 12', 'priv 13', 'priv 14', 'priv 15', 'priv 16', 'priv 19', 'priv 4']
    });
  }
}
