import { expect, it } from 'vitest';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from '../tessera.ts';
import { collect } from './marks.ts';

it('every @spec mark names a document and sections that are there', () => {
  const { marks, malformed } = collect(root);
  expect(malformed).toEqual([]);
  expect(marks.length).toBeGreaterThan(150);
});

it('marks are read with their places; what is none is found', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tessera-marks-'));
  for (const name of ['machine', 'microkernel', 'roottask', 'vmm', 'l4guest', 'trace', 'system', 'cli', 'guests', 'test']) mkdirSync(join(folder, name));
  const mark = (text: string): string => `/** Text. @${'spec'} ${text} */\n`;
  writeFileSync(join(folder, 'machine/a.ts'), mark('priv 3.1.9, 21.2.3; sbi 9.1 (a note)') + mark('unpriv 20') + mark('linux Documentation/x.rst'));
  writeFileSync(join(folder, 'machine/b.ts'), mark('priv 99.1') + mark('zicsr 7.1') + mark('priv three'));
  const { marks, malformed } = collect(folder);
  rmSync(folder, { recursive: true });
  expect(marks.map((m) => `${m.file}:${m.line} ${m.document} ${m.place}`)).toEqual(['machine/a.ts:1 priv 3.1.9', 'machine/a.ts:1 priv 21.2.3', 'machine/a.ts:1 sbi 9.1', 'machine/a.ts:2 unpriv 20']);
  expect(malformed.map((m) => m.line)).toEqual([1, 2, 3]);
});
