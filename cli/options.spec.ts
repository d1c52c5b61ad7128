import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { count, settleStats, size, withSharedOptions } from './options.ts';

describe('option values', () => {
  it('reads sizes with units, and names the option when it cannot', () => {
    expect(size('--memory')('512M')).toBe(512 * 2 ** 20);
    expect(size('--memory')('1.5G')).toBe(1.5 * 2 ** 30);
    expect(size('--memory')('64KiB')).toBe(65536);
    expect(() => size('--memory')('lots')).toThrow("option --memory: 'lots' is not a size; write bytes");
    expect(() => size('--memory')('0')).toThrow('not a whole number of bytes');
  });

  it('reads counts within their range', () => {
    expect(count('--smp', 1, 8)('4')).toBe(4);
    expect(count('--max-instructions')('1e9')).toBe(1e9);
    expect(() => count('--smp', 1, 8)('9')).toThrow('from 1 to 8');
    expect(() => count('--seed')('-1')).toThrow('is out of range');
  });
});

describe('--stats', () => {
  const command = withSharedOptions(new Command('run'));
  const settle = (text: string, stop = true) => settleStats(text.split(' '), command, stop).join(' ');

  it('takes a value with = only', () => {
    expect(settle('--stats prog a')).toBe('--stats= prog a');
    expect(settle('--stats=out prog')).toBe('--stats=out prog');
  });
  it('is left alone among the words of the guest program', () => {
    expect(settle('prog --stats')).toBe('prog --stats');
    expect(settle('--seed 3 prog --stats')).toBe('--seed 3 prog --stats');
    expect(settle('-- --stats')).toBe('-- --stats');
  });
});
