/** Reference pages that are made of the code are what the code makes of them now. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { manualPage } from '../cli/man.ts';
import { referencePage } from '../cli/reference.ts';
import { root } from './tessera.ts';

it('docs/reference/tessera.1 is up to date (npx tsx cli/man.ts > docs/reference/tessera.1)', () => {
  expect(readFileSync(join(root, 'docs/reference/tessera.1'), 'utf8')).toBe(manualPage());
});

it('docs/reference/command.md is up to date (npx tsx cli/reference.ts > docs/reference/command.md)', () => {
  expect(readFileSync(join(root, 'docs/reference/command.md'), 'utf8')).toBe(referencePage());
});
