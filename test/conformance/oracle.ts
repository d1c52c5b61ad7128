/**
 * The oracle: random instruction streams on our engines and on QEMU, compared sequence by sequence; a difference is shrunk to the
 * instructions that make it.
 *
 *   npx tsx test/conformance/oracle.ts [--instructions N] [--seed N] [--runners interp,eager,qemu] [--isa STR]
 *
 * Every image runs on all the runners; the first one is what the others are compared with.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createBoard } from '../../machine/board/board.ts';
import type { Tier } from '../../machine/engine/engine.ts';
import { BASE, COMMON_ISA, DUMP_WORDS, makeImage, makeSequence, Random, type Sequence, usableRows, type Word } from './stream.ts';

const MEMORY = 64 << 20;
const LENGTH = 40;
const PER_IMAGE = 1000;
const LIMIT = 2_000_000_000;
const QEMU_CPU = 'rv64,zba=on,zbb=on,zbc=on,zbs=on,zbkb=on,zbkc=on,zbkx=on,Zfh=on,zknd=on,zkne=on,zknh=on,zksed=on,zksh=on';

/** Runs sequences and gives what their image sent: hashes, then the last dump. */
export interface Runner {
  readonly name: string;
  /** How often the image runs all its sequences: a second time, what was translated meanwhile. */
  readonly passes: number;
  run(image: Uint8Array): BigUint64Array;
}
const runSequences = (runner: Runner, sequences: readonly Sequence[]): BigUint64Array => runner.run(makeImage(sequences, runner.passes));

const runOurs = (engine: Tier, isa: string) => (image: Uint8Array): BigUint64Array => {
  const sent: number[] = [];
  const console = { output: (byte: number) => { sent.push(byte); }, take: () => new Uint8Array(0), onInput: () => {} };
  const { machine, startProgram } = createBoard({ memoryBytes: MEMORY, harts: 1, isa, engine, console });
  machine.memory.writable(BASE, image.length).set(image);
  startProgram(BASE);
  const reason = machine.run({ maxCycles: LIMIT });
  if (reason.kind !== 'poweroff') throw new Error(`${engine}: ended with ${reason.kind} at ${machine.harts[0].pcNum.toString(16)}`);
  return words(Uint8Array.from(sent));
};

/** `eager` translates many sequences together; `jit` each on its own, which takes longer. */
export const ours = (engine: Tier, isa = COMMON_ISA): Runner => ({ name: engine, passes: engine === 'eager' ? 2 : 1, run: runOurs(engine, isa) });

function runQemu(image: Uint8Array): BigUint64Array {
  const folder = mkdtempSync(join(tmpdir(), 'tessera-oracle-'));
  try {
    writeFileSync(join(folder, 'image'), image);
    execFileSync('qemu-system-riscv64', [
      '-M', 'virt', '-m', '64', '-cpu', QEMU_CPU, '-display', 'none', '-monitor', 'none', '-bios', join(folder, 'image'), '-serial', `file:${join(folder, 'out')}`,
    ], { timeout: 120_000, stdio: 'ignore' });
    return words(readFileSync(join(folder, 'out')));
  } finally {
    rmSync(folder, { recursive: true });
  }
}
export const qemu: Runner = { name: 'qemu', passes: 1, run: runQemu };

/** Where QEMU 7.2 is wrong: ctzw of a word that is zero counts on into the upper half, the answer is 32 (unpriv 29.4.7). */
export const QEMU_WRONG = ['ctzw'];

export const hasQemu = (): boolean => spawnSync('qemu-system-riscv64', ['--version']).status === 0;

const words = (bytes: Uint8Array): BigUint64Array => new BigUint64Array(Uint8Array.from(bytes).buffer, 0, Math.floor(bytes.length / 8));

const NOP: Word = { bits: 0x13, length: 4, text: 'nop' };
const SHORT_NOP: Word = { bits: 1, length: 2, text: 'c.nop' };
const without = (s: Sequence, at: number): Sequence => ({ ...s, words: s.words.map((w, i) => (i !== at ? w : w.length === 4 ? NOP : SHORT_NOP)) });
const isNop = (w: Word): boolean => w === NOP || w === SHORT_NOP;

/** Replaces by nops what is not needed for the difference. All candidates of a round run in one image. */
export function shrink(sequence: Sequence, a: Runner, b: Runner): Sequence {
  for (let best = sequence; ;) {
    const candidates = best.words.flatMap((w, i) => (isNop(w) ? [] : [without(best, i)]));
    if (candidates.length === 0) return best;
    const [left, right] = [runSequences(a, candidates), runSequences(b, candidates)];
    const found = candidates.findIndex((_, i) => left[i] !== right[i]);
    if (found < 0) return best;
    best = candidates[found]!;
  }
}

const nameOf = (n: number): string => (n < 31 ? `x${n}` : n < 63 ? `f${n - 31}` : n === 63 ? 'fcsr' : `memory+${8 * (n - 64)}`);

/** The sequence and the values that differ, in words. */
export function explain(sequence: Sequence, a: Runner, b: Runner): string {
  const [left, right] = [runSequences(a, [sequence]), runSequences(b, [sequence])];
  const lines = sequence.words.filter((w) => !isNop(w)).map((w) => `  ${w.bits.toString(16)}  ${w.text}`);
  for (let n = 0; n < DUMP_WORDS; n++) {
    if (left[n + 1] !== right[n + 1]) lines.push(`  ${nameOf(n)}: ${left[n + 1]?.toString(16)} / ${right[n + 1]?.toString(16)} (was ${sequence.data[n]!.toString(16)})`);
  }
  return lines.join('\n');
}

export interface Streams {
  readonly seed: number;
  readonly instructions: number;
  readonly isa?: string;
  /** Rows that are left out. */
  readonly but?: readonly string[];
  /** Differences after which to stop. */
  readonly most?: number;
}

/** Runs random instructions on all runners; answers the sequences in which one differs from the first, shrunk and explained. */
export function compare(runners: readonly Runner[], { seed, instructions, isa = COMMON_ISA, but = [], most = 5 }: Streams): string[] {
  const random = new Random(seed);
  const usable = usableRows(isa, but);
  const differences: string[] = [];
  const [first, ...others] = runners;
  for (let done = 0; done < instructions && differences.length < most; done += PER_IMAGE * LENGTH) {
    const count = Math.min(PER_IMAGE, Math.ceil((instructions - done) / LENGTH));
    const sequences = Array.from({ length: count }, () => makeSequence(usable, random, LENGTH));
    const expected = runSequences(first!, sequences);
    for (const other of others) {
      const actual = runSequences(other, sequences);
      sequences.forEach((s, i) => {
        if (expected[i] === actual[i] || differences.length >= most) return;
        differences.push(`${first!.name} / ${other.name} differ:\n${explain(shrink(s, first!, other), first!, other)}`);
      });
    }
  }
  return differences;
}

function main(): void {
  const { values } = parseArgs({ options: {
    instructions: { type: 'string', default: '100000' }, seed: { type: 'string', default: '1' }, runners: { type: 'string', default: 'interp,eager,qemu' }, isa: { type: 'string', default: COMMON_ISA },
  } });
  const { isa } = values;
  const runners = values.runners.split(',').map((name) => (name === 'qemu' ? qemu : ours(name as Tier, isa)));
  const instructions = Number(values.instructions);
  const differences = compare(runners, { seed: Number(values.seed), instructions, isa, but: runners.includes(qemu) ? QEMU_WRONG : [] });
  for (const text of differences) console.log(text);
  console.log(`${runners.map((r) => r.name).join(', ')}: ${instructions} instructions, seed ${values.seed}, ${differences.length === 0 ? 'no difference' : `${differences.length} differences`}`);
  if (differences.length > 0) process.exitCode = 1;
}

if (process.argv[1]?.endsWith('oracle.ts') === true) main();
