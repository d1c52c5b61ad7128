import { expect, it } from 'vitest';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from '../tessera.ts';
import { clauses } from './clauses.ts';
import { conformancePage } from './conformance-page.ts';
import { collect, isTest } from './marks.ts';
import { results } from './record.ts';

it('every @spec mark names a document and sections that are there', () => {
  const { marks, malformed } = collect(root);
  expect(malformed).toEqual([]);
  expect(marks.length).toBeGreaterThan(150);
});

it('marks are read with their places; what is none is found', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tessera-marks-'));
  const folders = [
    'hardware', 'network', 'machine', 'microkernel', 'roottask', 'vmm', 'l4guest', 'trace', 'system', 'cli', 'guests', 'test'
  ];
  for (const name of folders) mkdirSync(join(folder, name));
  const mark = (text: string): string => `/** Text. @${'spec'} ${text} */\n`;
  writeFileSync(join(folder, 'machine/a.ts'),
    mark('priv 3.1.9, 21.2.3; sbi 9.1 (a note)') + mark('unpriv 20') + mark('linux Documentation/x.rst'));
  writeFileSync(join(folder, 'machine/b.ts'), mark('priv 99.1') + mark('zicsr 7.1') + mark('priv three'));
  const { marks, malformed } = collect(folder);
  rmSync(folder, { recursive: true });
  expect(marks.map((m) => `${m.file}:${m.line} ${m.document} ${m.place}`)).toEqual([
    'machine/a.ts:1 priv 3.1.9', 'machine/a.ts:1 priv 21.2.3', 'machine/a.ts:1 sbi 9.1', 'machine/a.ts:2 unpriv 20'
  ]);
  expect(malformed.map((m) => m.line)).toEqual([1, 2, 3]);
});

it('docs/reference/conformance.md is up to date (npx tsx test/conformance/conformance-page.ts > docs/reference/conformance.md)', () => {
  expect(readFileSync(join(root, 'docs/reference/conformance.md'), 'utf8')).toBe(conformancePage(root));
});

it('the page gives a reason for every chapter that is absent', () => expect(conformancePage(root)).not.toContain('absent: not said'));

it('every section of the hypervisor chapter is implemented and tested somewhere', () => {
  const { marks } = collect(root);
  const sections = Object.keys(clauses().priv).filter((n) => /^21\.[2-6]\.\d+$/.test(n));
  const without = (test: boolean): string[] => sections.filter((n) =>
    !marks.some((m) => m.document === 'priv' && m.place === n && isTest(m.file) === test));
  expect(without(false)).toEqual([]);
  expect(without(true)).toEqual([]);
});

it('every failure in a recorded run of a public suite is judged', () => {
  for (const { suite, failed, left } of results().filter((r) => !r.suite.includes('QEMU')))
    expect(left.length, suite).toBeGreaterThanOrEqual(failed);
});
