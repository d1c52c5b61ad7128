/**
 * `npx tsx bench/calibrate.ts`: fits the cost of server work (roottask/client/rates.ts) to Linux on the same machine.
 *
 * The program `costs` performs some seventy operations on Linux under `bare`, and in the Unix server directly on the machine, without a
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
import { countsOf, cyclesOf, fit, OUT, type Calibration } from './fit.ts';
import { answerHelp } from '../test/tool.ts';

answerHelp(import.meta.filename);

if (!hasLinux()) { console.error('no images: run `npm run images`'); process.exit(1); }
const [, first, second] = onLinux(['costs > /dev/null', 'costs', 'costs']);
const one = cyclesOf(first!), two = cyclesOf(second!),
  linux = Object.fromEntries(Object.keys(one).map((name) => [name, Math.round(Math.min(one[name]!, two[name]!))]));
const { base, counts } = countsOf((rates) => onMachine(['/bin/costs'], rates)), names = Object.keys(linux).filter((n) => !(n in OUT));
const rates = fit(names.filter((_, i) => i % 2 === 0), { linux, base, counts });
const found: Calibration = { linux, base, counts, rates };
writeFileSync(join(root, 'bench/calibration.json'),
  `${JSON.stringify(found, (_, v: unknown) => (typeof v === 'number' ? Math.round(v * 1000) / 1000 : v), 1)}\n`);
console.log('rate      fitted   table');
for (const [name, cycles] of Object.entries(rates))
  console.log(`${name.padEnd(8)} ${cycles.toPrecision(4).padStart(7)} ${String(RATES[name as keyof typeof RATES]).padStart(7)}`);
