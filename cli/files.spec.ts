import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { checkWritable, readInput, release } from './files.ts';

const folder = mkdtempSync(join(tmpdir(), 'tessera-files-'));
afterAll(() => rmSync(folder, { recursive: true }));

it.each([0, 5, (1 << 18) - 1, 1 << 18, (1 << 20) + 3])('a file of %i bytes is read whole, and can be given back', (size) => {
  const path = join(folder, 'f');
  writeFileSync(path, Buffer.alloc(size, 'tessera '));
  const bytes = readInput('file', path);
  expect(bytes.equals(readFileSync(path))).toBe(true);
  release(bytes);
  expect(bytes.length).toBe(size >= 1 << 18 ? 0 : size);
});

it('what cannot be read or made is named, with the folder that is missing', () => {
  expect(() => readInput('kernel', join(folder, 'none'))).toThrow(/^kernel '.*none' does not exist$/);
  expect(() => readInput('kernel', folder)).toThrow('is a folder, not a file');
  expect(() => checkWritable('trace', join(folder, 'no/x'))).toThrow(/^trace '.*x' cannot be made: there is no folder '.*no'$/);
});
