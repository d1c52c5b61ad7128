/**
 * Each reader and door: its good inputs, its stored ones (earlier findings among them), and some hundred mutations of them. `npm run fuzz`
 * continues from here.
 */
import { describe, expect, it } from 'vitest';
import { kept } from './corpus.ts';
import { mutant, Rng } from './mutate.ts';
import { targets } from './targets.ts';

const INPUTS = Number(process.env['TESSERA_FUZZ'] ?? 200);

describe('bytes of strangers', () => {
  it.each(Object.keys(targets))('%s: are read, or refused, in time', (name) => {
    const target = targets[name]!(), corpus = [...target.seeds, ...kept(name)], rng = new Rng(1);
    const inputs = [...corpus, ...Array.from({ length: INPUTS }, () => mutant(rng, corpus))];
    for (const input of inputs) {
      const began = process.cpuUsage();
      try {
        target.run(input);
      } catch (error) {
        throw new Error(`${name}: ${Buffer.from(input.subarray(0, 4096)).toString('base64')}`, { cause: error });
      }
      expect(process.cpuUsage(began).user, 'microseconds of a processor').toBeLessThan(10e6);
    }
    target.close?.();
  });
});
