import { describe, expect, it } from 'vitest';
import { computeLayout } from './layout.ts';

const MIB = 2 ** 20;

describe('the memory of the engine', () => {
  it('has room for 3.5 GiB of RAM, and says how much there may be', () => {
    expect(computeLayout(3584 * MIB, 16).bytes).toBeLessThan(2 ** 32);
    const [, most] = /(\d+) MiB of RAM at most/.exec((() => { try { computeLayout(4096 * MIB, 1); return ''; } catch (error) { return (error as Error).message; } })())!;
    expect(computeLayout(Number(most) * MIB, 1).bytes).toBeLessThan(2 ** 32);
    expect(() => computeLayout((Number(most) + 1) * MIB, 1)).toThrow(RangeError);
  });

  it('refuses sizes that are no pages, and numbers of harts that it has no place for', () => {
    expect(() => computeLayout(MIB + 1, 1)).toThrow('not a multiple of 4096');
    expect(() => computeLayout(MIB, 17)).toThrow('1 to 16');
  });
});
