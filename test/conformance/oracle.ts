/**
 * The oracle: random instruction streams on our engines and on QEMU, compared sequence by sequence; a difference is shrunk to the
 * instructions that make it.
 *
 *   npx tsx test/conformance/oracle.ts [--instructions N] [--seed N] [--against interp,jit,qemu] [--isa STR]
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createBoard } from '../../machine/board/board.ts';
import { BASE, COMMON_ISA, DUMP_WORDS, makeImage, makeSequence, Random, type Sequence, usableRows, type Word } from './stream.ts';

const MEMORY = 64 << 20;
const LENGTH = 20;
const PER_IMAGE = 500;
const LIMIT = 2_000_000_000;
const QEMU_CPU = 'rv64,zba=on,zbb=on,zbc=on,zbs=on,zbkb=on,zbkc=on,zbkx=on,Zfh=on,zknd=on,zkne=on,zknh=on,zksed=on,zksh=on';

/** Runs an image and gives what it sent: hashes, then the last dump. */
export type Runner = (image: Uint8Array) => BigUint64Array;

export const ours = (engine: 'interp' | 'jit', isa = COMMON_ISA): Runner => (image) => {
  const sent: number[] = [];
  const console = { output: (byte: number) => { sent.push(byte); }, take: () => new Uint8Array(0), onInput: () => {} };
  const { machine, startProgram } = createBoard({ memoryBytes: MEMORY, harts: 1, isa, engine, console });
  machine.memory.writable(BASE, image.length).set(image);
  startProgram(BASE);
  const reason = machine.run({ maxCycles: LIMIT });
  if (reason.kind !== 'poweroff') throw new Error(`${engine}: ended with ${reason.kind} at ${machine.harts[0].pcNum.toString(16)}`);
  return words(Uint8Array.from(sent));
};

export const qemu: Runner = (image) => {
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
};

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
    const image = makeImage(candidates);
    const [left, right] = [a(image), b(image)];
    const found = candidates.findIndex((_, i) => left[i] !== right[i]);
    if (found < 0) return best;
    best = candidates[found]!;
  }
}

const nameOf = (n: number): string => (n < 31 ? `x${n}` : n < 63 ? `f${n - 31}` : n === 63 ? 'fcsr' : `memory+${8 * (n - 64)}`);

/** The sequence and the values that differ, in words. */
export function explain(sequence: Sequence, a: Runner, b: Runner): string {
  const image = makeImage([sequence]);
  const [left, right] = [a(image), b(image)];
  const lines = sequence.words.filter((w) => !isNop(w)).map((w) => `  ${w.bits.toString(16)}  ${w.text}`);
  for (let n = 0; n < DUMP_WORDS; n++) {
    if (left[n + 1] !== right[n + 1]) lines.push(`  ${nameOf(n)}: ${left[n + 1]?.toString(16)} / ${right[n + 1]?.toString(16)} (was ${sequence.data[n]!.toString(16)})`);
  }
  return lines.join('\n');
}

/** Runs `instructions` random ones on both; answers the sequences that differ, shrunk and explained. */
export function compare(a: Runner, b: Runner, seed: number, instructions: number, isa = COMMON_ISA, but: readonly string[] = [], most = 5): string[] {
  const random = new Random(seed);
  const usable = usableRows(isa, but);
  const differences: string[] = [];
  for (let done = 0; done < instructions && differences.length < most; done += PER_IMAGE * LENGTH) {
    const sequences = Array.from({ length: PER_IMAGE }, () => makeSequence(usable, random, LENGTH));
    const image = makeImage(sequences);
    const [left, right] = [a(image), b(image)];
    sequences.forEach((s, i) => {
      if (left[i] !== right[i] && differences.length < most) differences.push(explain(shrink(s, a, b), a, b));
    });
  }
  return differences;
}

function main(): void {
  const { values } = parseArgs({ options: {
    instructions: { type: 'string', default: '100000' }, seed: { type: 'string', default: '1' }, against: { type: 'string', default: 'jit,qemu' }, isa: { type: 'string', default: COMMON_ISA },
  } });
  const runners: Record<string, Runner> = { interp: ours('interp', values.isa), jit: ours('jit', values.isa), qemu };
  for (const name of values.against.split(',')) {
    const differences = compare(runners.interp, runners[name]!, Number(values.seed), Number(values.instructions), values.isa, name === 'qemu' ? QEMU_WRONG : []);
    for (const text of differences) console.log(`interp / ${name} differ:\n${text}`);
    console.log(`interp and ${name}: ${values.instructions} instructions, ${differences.length === 0 ? 'no difference' : `${differences.length} differences`}`);
    if (differences.length > 0) process.exitCode = 1;
  }
}

if (process.argv[1]?.endsWith('oracle.ts') === true) main();
