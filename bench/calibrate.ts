/**
 * `npx tsx bench/calibrate.ts`: fits the cost of server work (roottask/client/rates.ts) to Linux on the same machine.
 *
 * The program `costs` performs some seventy operations on Linux under `bare` (the median of five rounds; the command names those that
 * differ by more than 3 % between rounds), and in the Unix server directly on the machine, without a
 * microkernel. There each rate in turn is 1 and the others 0, which counts how often an operation does that kind of work. Then
 *
 *   cycles on Linux ≈ cycles of the program and its traps + Σ rate × count
 *
 * is solved for the rates over every second operation, by least squares of the logarithms of the quotients; the other half is held out for
 * the test. Writes bench/calibration.json, from which docs/costs.md (bench/costs.ts) and test/calibration.spec.ts are made.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { RATES } from '../roottask/client/rates.ts';
import { hasLinux, onLinux, onMachine, root } from './inside.ts';
import { countsOf, cyclesOf, fit, median, OUT, type Calibration } from './fit.ts';
import { answerHelp } from '../test/tool.ts';

answerHelp(import.meta.filename);

if (!hasLinux()) { console.error('no images: run `npm run images`'); process.exit(1); }
const ROUNDS = 5;
// (the first round is not counted: the kernel has not finished its start-up work)
const rounds = onLinux(Array<string>(ROUNDS + 1).fill('costs')).slice(1).map(cyclesOf);
const linux: Record<string, number> = {};
for (const name of Object.keys(rounds[0]!)) {
  const cycles = rounds.map((round) => round[name]!), spread = Math.max(...cycles) / Math.min(...cycles);
  linux[name] = Math.round(median(cycles));
  if (spread > 1.03) console.log(`${name}: ${cycles.map(Math.round).join(', ')} cycles on Linux`);
}
const { base, counts } = countsOf((rates) => onMachine(['/bin/costs'], rates)), names = Object.keys(linux).filter((n) => !(n in OUT));
const rates = fit(names.filter((_, i) => i % 2 === 0), { linux, base, counts });
const found: Calibration = { linux, base, counts, rates };
writeFileSync(join(root, 'bench/calibration.json'),
  `${JSON.stringify(found, (_, v: unknown) => (typeof v === 'number' ? Math.round(v * 1000) / 1000 : v), 1)}\n`);
console.log('rate      fitted   table');
for (const [name, cycles] of Object.entries(rates))
  console.log(`${name.padEnd(8)} ${cycles.toPrecision(4).padStart(7)} ${String(RATES[name as keyof typeof RATES]).padStart(7)}`);
