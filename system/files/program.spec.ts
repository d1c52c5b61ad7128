import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { projectRoot } from '../../cli/images/where.ts';
import { whyNotProgram } from './program.ts';

const good = readFileSync(join(projectRoot(), 'guests/bin/linux/echo'));
const changed = (offset: number, ...values: number[]) => { const copy = Buffer.from(good); copy.set(values, offset); return copy; };

describe('what can be run as a program', () => {
  it('is a riscv64 ELF program or a script', () => {
    expect(whyNotProgram(good)).toBeUndefined();
    expect(whyNotProgram(Buffer.from('#!/bin/sh\n'))).toBeUndefined();
  });

  it.each([
    ['nothing', Buffer.alloc(0), 'is empty'],
    ['a text', Buffer.from('hello'), 'is no ELF program'],
    ['an x86-64 program', changed(18, 62, 0), 'is a program for x86-64'],
    ['a 32-bit program', changed(4, 1), 'is a 32-bit program'],
    ['a big-endian program', changed(5, 2), 'big-endian'],
    ['an object file', changed(16, 1, 0), 'has not been linked'],
    ['a program cut in its header', good.subarray(0, 40), 'is cut short'],
    ['a program cut in its segments', good.subarray(0, good.length - 900), 'is cut short: a segment ends'],
    ['a program without segments', changed(56, 0, 0), 'has nothing to load'],
  ])('is not %s', (_what, bytes, why) => {
    expect(whyNotProgram(bytes)).toContain(why);
  });
});
