import { describe, expect, it } from 'vitest';
import { walkLines, walkOf } from './walked.ts';

const table = (from: bigint) => 1n | ((from >> 12n) << 10n), leaf = (to: bigint, flags = 0xcfn) => flags | ((to >> 12n) << 10n);
const SV39 = (root: bigint) => (8n << 60n) | (root >> 12n);
const memory = (words: Record<string, bigint>) => (pa: bigint): bigint | undefined => words[`0x${pa.toString(16)}`];

describe('a walk level by level', () => {
  it('shows each entry of one stage', () => {
    const read = memory({ '0x1000': table(0x2000n), '0x2008': table(0x3000n), '0x3010': leaf(0x80_5000n) });
    const walk = walkOf(read, { first: SV39(0x1000n) }, 0x20_2abcn);
    expect(walk.machine).toBe(0x80_5abcn);
    expect(walkLines(walk)).toEqual([
      'virtual 0x202abc, satp Sv39, root table at 0x1000', '  level 2: entry at 0x1000 is 0x801, V-------: table at 0x2000',
      '  level 1: entry at 0x2008 is 0xc01, V-------: table at 0x3000',
        '  level 0: entry at 0x3010 is 0x2014cf, VRWX--AD: 4 KiB at 0x805000', 'physical 0x805abc',
    ]);
  });
  it('two stages are two walks, and each table of the first is itself translated', () => {
    const read = memory({ '0x20000': table(0x21000n), '0x21000': leaf(0x40_0000n, 0xdfn), '0x401000': leaf(0n) });
    const walk = walkOf(read, { first: SV39(0x1000n), second: SV39(0x20000n) }, 0x12_3456n);
    expect(walk.machine).toBe(0x52_3456n);
    expect(walkLines(walk)).toEqual([
      'virtual 0x123456, vsatp Sv39, root table at 0x1000', '  level 2: entry at 0x1000 (machine 0x401000) is 0xcf, VRWX--AD: 1 GiB at 0x0',
      'guest-physical 0x123456, hgatp Sv39x4, root table at 0x20000', '  level 2: entry at 0x20000 is 0x8401, V-------: table at 0x21000',
      '  level 1: entry at 0x21000 is 0x1000df, VRWXU-AD: 2 MiB at 0x400000', 'machine 0x523456',
    ]);
  });
  it.each([
    ['its entry is not valid', {}, 0n, { '0x1000': 0n }], ['its table is not in memory', {}, 0n, {}],
      ['it is not canonical', {}, 1n << 50n, {}],
    ['its last entry is no leaf', {}, 0n, { '0x1000': table(0x1000n) }],
      ['the second stage does not map its table', { second: SV39(0x9000n) }, 0n, { '0x9000': 0n }],
  ])('says why nothing is found: %s', (why, more, va, words) => {
    const walk = walkOf(memory(words), { first: SV39(0x1000n), ...more }, va);
    expect([walk.machine, walkLines(walk).at(-1)]).toEqual([undefined, `  nothing is mapped at 0x${va.toString(16)}: ${why}`]);
  });
  it('bare stages are the same number', () => {
    expect(walkLines(walkOf(memory({}), { first: 0n, second: 0n }, 0x8020_0000n))).toEqual([
      'virtual 0x80200000, vsatp bare: the same number', 'guest-physical 0x80200000, hgatp bare: the same number', 'machine 0x80200000']);
  });
});
