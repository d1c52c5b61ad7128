/**
 * The oracle: random instruction streams on our engines and on QEMU, compared sequence by sequence; a difference is reduced to the
 * instructions that cause it.
 *
 *   npx tsx test/conformance/oracle.ts [--privileged | --hypervisor] [--instructions N] [--seed N] [--runners interp,eager,qemu] [--isa
 *   STR]
 *
 * Every image runs on all runners; the others are compared with the first.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createBoard } from '../../machine/board/board.ts';
import type { Tier } from '../../machine/engine/engine.ts';
import { HYPERVISOR_ISA, PRIVILEGED_ISA, privileged } from './privileged.ts';
import { BASE, COMMON_ISA, Random, type Stream, unprivileged } from './stream.ts';
import { readOptions } from '../tool.ts';

const MEMORY = 64 << 20;
const LIMIT = 200_000_000;
const QEMU_CPU = 'rv64,zba=on,zbb=on,zbc=on,zbs=on,zbkb=on,zbkc=on,zbkx=on,Zfh=on,zknd=on,zkne=on,zknh=on,zksed=on,zksh=on,h=off';

/** Runs sequences and returns the output of their image: hashes, then the last dump. */
export interface Runner {
  readonly name: string;
  /** Least number of passes over all sequences: the second pass runs what was translated meanwhile. */
  readonly passes: number;
  run(image: Uint8Array): BigUint64Array;
}
const runSequences = <S>(runner: Runner, stream: Stream<S>, sequences: readonly S[]): BigUint64Array =>
  runner.run(stream.image(sequences, runner.passes));

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
export const ours = (engine: Tier, isa = COMMON_ISA): Runner => ({
  name: engine, passes: engine === 'eager' ? 2 : 1, run: runOurs(engine, isa)
});

function runQemu(image: Uint8Array): BigUint64Array {
  const folder = mkdtempSync(join(tmpdir(), 'tessera-oracle-'));
  try {
    writeFileSync(join(folder, 'image'), image);
    execFileSync('qemu-system-riscv64', [
      '-M', 'virt', '-m', '64', '-cpu', QEMU_CPU, '-display', 'none', '-monitor', 'none', '-bios', join(folder, 'image'), '-serial',
      `file:${join(folder, 'out')}`,
    ], { timeout: 120_000, stdio: 'ignore' });
    return words(readFileSync(join(folder, 'out')));
  } finally {
    rmSync(folder, { recursive: true });
  }
}
export const qemu: Runner = { name: 'qemu', passes: 1, run: runQemu };

/** Where QEMU 7.2 is wrong: ctzw of a zero word counts on into the upper half, the right result is 32 (unpriv 29.4.7). */
export const QEMU_WRONG = ['ctzw'];

export const hasQemu = (): boolean => spawnSync('qemu-system-riscv64', ['--version']).status === 0;

const words = (bytes: Uint8Array): BigUint64Array => new BigUint64Array(Uint8Array.from(bytes).buffer, 0, Math.floor(bytes.length / 8));

/** The pass in which the hashes of sequence `i` of `count` differ; undefined = none. The output ends in a dump. */
function differs<S>(stream: Stream<S>, mine: BigUint64Array, theirs: BigUint64Array, i: number, count: number): number | undefined {
  const passes = (mine.length - stream.dumpNames.length) / count;
  for (let pass = 0; pass < passes; pass++) if (mine[pass * count + i] !== theirs[pass * count + i]) return pass;
  return undefined;
}

/** Removes instructions that the difference does not need. All candidates of a round run in one image. */
export function shrink<S>(stream: Stream<S>, sequence: S, first: Runner, second: Runner): S {
  for (let best = sequence; ;) {
    const candidates = stream.parts(best).flatMap((_, i) => (stream.isNothing(best, i) ? [] : [stream.without(best, i)]));
    if (candidates.length === 0) return best;
    const [left, right] = [runSequences(first, stream, candidates), runSequences(second, stream, candidates)];
    const found = candidates.findIndex((_, i) => differs(stream, left, right, i, candidates.length) !== undefined);
    if (found < 0) return best;
    best = candidates[found]!;
  }
}

/** The sequence and the differing values as text. */
export function explain<S>(stream: Stream<S>, sequence: S, first: Runner, second: Runner): string {
  const [left, right] = [runSequences(first, stream, [sequence]), runSequences(second, stream, [sequence])];
  const lines = stream.parts(sequence).filter((_, i) => !stream.isNothing(sequence, i)).map((text) => `  ${text}`);
  const [ours, theirs] = [left, right].map((sent) => sent.slice(-stream.dumpNames.length));
  stream.dumpNames.forEach((name, n) => {
    if (ours![n] !== theirs![n]) lines.push(`  ${name}: ${ours![n]?.toString(16)} / ${theirs![n]?.toString(16)}`);
  });
  return lines.join('\n');
}

export interface Amount {
  readonly seed: number;
  readonly instructions: number;
  /** Differences after which to stop. */
  readonly most?: number;
}

/** Runs random sequences on all runners; returns those in which one differs from the first, reduced and explained. */
export function compare<S>(stream: Stream<S>, runners: readonly Runner[], { seed, instructions, most = 5 }: Amount): string[] {
  const random = new Random(seed);
  const differences: string[] = [];
  const [first, ...others] = runners;
  for (let left = Math.ceil(instructions / stream.length); left > 0 && differences.length < most; left -= stream.perImage) {
    const sequences = Array.from({ length: Math.min(stream.perImage, left) }, () => stream.make(random));
    const expected = runSequences(first!, stream, sequences);
    for (const other of others) {
      const actual = runSequences(other, stream, sequences);
      sequences.forEach((sequence, i) => {
        const pass = differs(stream, expected, actual, i, sequences.length);
        if (pass === undefined || differences.length >= most) return;
        differences.push(`${first!.name} / ${other.name} differ:\n`
          + `${explain(stream, shrink(stream, stream.focus(sequence, pass), first!, other), first!, other)}`);
      });
    }
  }
  return differences;
}

function main(): void {
  const { values } = readOptions(import.meta.filename, { options: {
    instructions: { type: 'string', default: '100000' }, seed: { type: 'string', default: '1' },
    runners: { type: 'string', default: 'interp,eager,qemu' },
    privileged: { type: 'boolean', default: false }, hypervisor: { type: 'boolean', default: false }, isa: { type: 'string' },
    most: { type: 'string', default: '5' },
  } });
  const isa = values.isa ?? (values.hypervisor ? HYPERVISOR_ISA : values.privileged ? PRIVILEGED_ISA : COMMON_ISA);
  if (values.hypervisor && values.runners.includes('qemu')) {
    console.error(
      'oracle: --hypervisor compares our tiers only, such as --runners interp,eager (why QEMU 7.2 is no judge there: docs/conformance.md)');
    process.exitCode = 2;
    return;
  }
  const runners = values.runners.split(',').map((name) => (name === 'qemu' ? qemu : ours(name as Tier, isa)));
  const amount = { seed: Number(values.seed), instructions: Number(values.instructions), most: Number(values.most) };
  const differences = values.privileged || values.hypervisor
    ? compare(privileged(values.hypervisor), runners, amount)
    : compare(unprivileged(isa, runners.includes(qemu) ? QEMU_WRONG : []), runners, amount);
  for (const text of differences) console.log(text);
  console.log(`${runners.map((r) => r.name).join(', ')}: ${amount.instructions} instructions, seed ${amount.seed}, `
    + `${differences.length === 0 ? 'no difference' : `${differences.length} differences`}`);
  if (differences.length > 0) process.exitCode = 1;
}

if (/oracle\.m?[jt]s$/.test(process.argv[1] ?? '')) main();
