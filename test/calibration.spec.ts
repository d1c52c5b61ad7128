/**
 * The server's work costs as much as on Linux: operations in the Unix server directly on the machine, in cycles, against those that
 * bench/calibrate.ts measured on Linux (bench/calibration.json). A removed or doubled charge fails here.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { cyclesOf, error, fit, median, offBy, OUT, type Calibration } from '../bench/fit.ts';
import { onMachine } from '../bench/inside.ts';
import { RATES } from '../roottask/client/rates.ts';
import { root } from './tessera.ts';

const found = JSON.parse(readFileSync(join(root, 'bench/calibration.json'), 'utf8')) as Calibration;
const names = Object.keys(found.linux).filter((n) => !(n in OUT)), fitted = names.filter((_, i) => i % 2 === 0),
  held = names.filter((_, i) => i % 2 === 1);

describe('the rates of servers', () => {
  // Rates that often count together (an area, its pages) can move against each other without a difference: what counts is the prediction.
  it('fit one half of the operations as well as the best rates do, and differ little from those', () => {
    const rates = fit(fitted, found);
    expect(Object.keys(rates)).toHaveLength(12);
    expect(error(fitted, found, RATES)).toBeLessThan(error(fitted, found, rates) * 1.05);
    for (const [name, cycles] of Object.entries(rates)) expect(offBy(RATES[name as keyof typeof RATES], cycles), name).toBeLessThan(1.1);
  });

  it('predict each operation of the other half within 1.5, half of them within 1.2', () => {
    const now = cyclesOf(onMachine(['/bin/costs']));
    expect(Object.keys(now).sort()).toEqual(Object.keys(found.linux).sort());
    const off = held.map((name) => offBy(now[name]!, found.linux[name]!));
    for (const [i, name] of held.entries()) expect(off[i], `${name}: ${now[name]} for ${found.linux[name]}`).toBeLessThan(1.5);
    expect(median(off)).toBeLessThan(1.2);
    expect(held.length).toBeGreaterThan(30);
  });

  it('are counted as often as when they were fitted', () => {
    const now = cyclesOf(onMachine(['/bin/costs']));
    for (const name of Object.keys(now)) {
      const counted = Object.entries(RATES).reduce((sum, [rate, cycles]) => sum + cycles * found.counts[name]![rate as keyof typeof RATES],
        found.base[name]!);
      expect(offBy(now[name]!, counted),
        `${name}: ${now[name]} cycles, calibrated with ${counted} (npx tsx bench/calibrate.ts)`).toBeLessThan(1.06);
    }
  });
});
