import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { knownAnswers } from './answers.ts';
import { kinds } from './classes.ts';
import { drawn, lineOf, systematic } from './generate.ts';
import { allProbes, compare } from './run.ts';
import { differences, keptAnswers, keptMixes, mixesHere } from './mixes.ts';
import { answersHere, answersNative, hasCompiler } from './sides.ts';

const ready = hasCompiler() && existsSync(new URL('../../images/rootfs', import.meta.url));

describe('probes of the Linux interface', () => {
  it('are the same for the same seed, and more than twenty thousand', () => {
    expect(drawn(7, 50).map(lineOf)).toEqual(drawn(7, 50).map(lineOf));
    expect(systematic().length).toBeGreaterThan(20_000);
    expect(kinds.length).toBeLessThanOrEqual(12);
  });
  it.skipIf(!ready)('are answered as Linux answers them, but for the kinds that say why', { timeout: 300_000 }, () => {
    const known = knownAnswers(), probes = allProbes().filter((p) => known.has(lineOf(p))).filter((_, i) => i % 3 === 0);
    expect(probes.length).toBeGreaterThan(400);
    expect(compare(probes, probes.map((p) => known.get(lineOf(p))), answersHere(probes)).faults).toEqual([]);
  });
  it.skipIf(!ready)('are answered by the same server without the microkernel as Linux answers them', { timeout: 400_000 }, () => {
    const known = knownAnswers(), probes = allProbes().filter((p) => known.has(lineOf(p))).filter((_, i) => i % 9 === 0);
    expect(compare(probes, probes.map((p) => known.get(lineOf(p))), answersNative(probes)).faults).toEqual([]);
  });
  it.skipIf(!ready)('options read back, messages with descriptors, watches: long sequences are as on Linux', { timeout: 300_000 }, () => {
    const some = keptMixes().filter((m) => / 1 /.test(m));
    expect(some.length).toBe(3);
    expect(differences(some, keptAnswers(), mixesHere(some))).toEqual([]);
  });
});
