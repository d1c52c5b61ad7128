/**
 * A sample of `npx tsx test/labs/mutants.ts`, which covers all labs: mutants of a solution fail, with the expected and the actual result.
 */
import { expect, it } from 'vitest';
import { countMutants } from '../test/labs/mutants.ts';
import { findLab } from './catalogue.ts';

it.each([['1', 6], ['2', 6], ['4', 8], ['10', 6]])('of lab %s', async (lab, count) => {
  const counted = await countMutants((await findLab(lab))!, count);
  expect(counted.tried - counted.same).toBe(count);
  expect(counted.named).toBeGreaterThanOrEqual(count - 1);
}, 300_000);
