/** Generated reference pages match the present code. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { manualPage } from '../cli/man.ts';
import { referencePage } from '../cli/reference.ts';
import { root } from './tessera.ts';

it('the manual page names every command, and groff has nothing against it', () => {
  const page = manualPage(), groff = spawnSync('groff', ['-man', '-ww', '-Tutf8'], { input: page, encoding: 'utf8' });
  for (const name of ['boot', 'run', 'vm', 'bare', 'trace stats', 'lab check', 'completion']) expect(page).toContain(`.SS tessera ${name}`);
  if (groff.error === undefined) expect([groff.status, groff.stderr]).toEqual([0, '']);
});

it('docs/reference/command.md is up to date (npx tsx cli/reference.ts > docs/reference/command.md)', () => {
  expect(readFileSync(join(root, 'docs/reference/command.md'), 'utf8')).toBe(referencePage());
});
