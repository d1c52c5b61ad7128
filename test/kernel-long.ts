/**
 * `npx tsx test/kernel-long.ts [--steps 1000000] [--seed 1] [--harts 1,2,4] [--run 1000]`: runs the kernel against its reference model for
 * any length (microkernel/testing/director.ts). A failure is reduced and printed with the command that repeats it; exit status 1.
 */
import { Director } from '../microkernel/testing/director.ts';
import { Random } from '../microkernel/testing/random-calls.ts';
import { readOptions } from './tool.ts';

const { values } = readOptions(import.meta.filename, {
  options: {
    steps: { type: 'string', default: '1000000' }, seed: { type: 'string', default: '1' }, harts: { type: 'string', default: '1,2,4' },
    run: { type: 'string', default: '1000' }
  }
});
const total = Number(values.steps), seed = Number(values.seed), run = Number(values.run), harts = values.harts.split(',').map(Number);
if (![total, seed, run, ...harts].every(n => Number.isInteger(n) && n > 0)) {
  console.error('kernel-long: --steps, --seed, --run and --harts are whole numbers above 0');
  process.exit(2);
}

/** The failure of these steps; undefined: none. */
function failure(steps: readonly number[], on: number): string | undefined {
  try { new Director(steps, on).run(); } catch (error) { return error instanceof Error ? error.message : String(error); }
  return undefined;
}
/** Removes steps, in ever smaller pieces, as long as the failure remains. */
function shrink(all: readonly number[], on: number): number[] {
  let steps = [...all];
  for (let piece = steps.length >> 1; piece > 0; piece >>= 1) {
    for (let at = 0; at < steps.length; ) {
      const fewer = [...steps.slice(0, at), ...steps.slice(at + piece)];
      if (failure(fewer, on) === undefined) at += piece;
      else steps = fewer;
    }
  }
  return steps;
}

const begun = Date.now();
let done = 0;
for (let n = 0; done < total; n++) {
  const on = harts[n % harts.length], random = new Random(seed * 1_000_003 + n),
    steps = Array.from({ length: Math.min(run, total - done) }, () => random.below(2 ** 30));
  const wrong = failure(steps, on);
  if (wrong !== undefined) {
    const few = shrink(steps, on);
    console.error(`run ${n} on ${on} hart(s): ${wrong}\nsmaller, ${few.length} steps: ${failure(few, on)}\n`
      + `new Director([${few.join(', ')}], ${on}).run()`);
    process.exit(1);
  }
  done += steps.length;
  if (n % 100 === 99) console.log(`${done.toLocaleString('en')} steps, ${Math.round((Date.now() - begun) / 1000)} s`);
}
console.log(`${done.toLocaleString('en')} steps on ${harts.join(', ')} harts, seed ${seed}: kernel and model agree (`
  + `${Math.round((Date.now() - begun) / 1000)} s)`);
