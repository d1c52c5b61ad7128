/** Reference pages that are made of the code are what the code makes of them now. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { referencePage } from '../cli/reference.ts';
import { root } from './tessera.ts';

it('docs/reference/command.md is up to date (npx tsx cli/reference.ts > docs/reference/command.md)', () => {
  expect(readFileSync(join(root, 'docs/reference/command.md'), 'utf8')).toBe(referencePage());
});
