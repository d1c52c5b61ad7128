/** Every test that the table of requirements in README.md names exists, in this folder or in the suite of rings. */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const folder = fileURLToPath(new URL('.', import.meta.url));
const shared = readFileSync(join(folder, '../../../test/virtio-rings.ts'), 'utf8');
const specs = readdirSync(folder).filter((f) => f.endsWith('.spec.ts') && f !== 'requirements.spec.ts')
  .map((f) => readFileSync(join(folder, f), 'utf8')).join('\n')
  + shared;
const rows = readFileSync(join(folder, 'README.md'), 'utf8').split('\n').filter((line) => /^\| \d/.test(line))
  .map((line) => line.split('|').map((cell) => cell.trim()));

test('every requirement is shown by a test', () => {
  expect(rows.length).toBeGreaterThan(40);
  expect(rows.filter(([, , , title]) => !specs.includes(`test('${title}'`)).map(([, clause, , title]) =>
    `${clause}: ${title}`)).toEqual([]);
});
