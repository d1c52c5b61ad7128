/**
 * Guests that write their tables freely, checked against an independent walk: some ten thousand steps here, ten million by `npx tsx
 * test/shadow-walks.ts --steps 10000000`.
 */
import { expect, it } from 'vitest';
import { shadowWalks } from './shadow-walks.ts';

const STEPS = Number(process.env['STEPS'] ?? 25_000);

it.each([['sync', 11], ['sync', 12], ['traced', 13],
  ['traced', 14]] as const)('%s shadow tables hold nothing that no walk since the last fence allowed (seed %i)', (shadow, seed) => {
  const { filled, hits, dropped, stores, checked, stale } = shadowWalks({ steps: STEPS, seed, traced: shadow === 'traced' });
  for (const n of [filled, hits, dropped, stores, checked, stale]) expect(n).toBeGreaterThan(STEPS / 500);
});
