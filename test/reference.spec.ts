/** Generated reference pages match the present code. */
import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { errorCodes } from '../cli/error-codes.ts';
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

it('every code of an error that the command prints is documented, and no other', () => {
  const code = /(?<=')E_[A-Z_]+(?=')|(?<![\w'])E_[A-Z_]+(?=:)|(?<=')E_[A-Z_]+(?=:)/g,
    names = ['cli', 'bin'].flatMap((folder) => readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .map((name) => join(folder, name))),
    sources = names.filter((name) => /\.(ts|cjs|sh)$/.test(name) && !/spec\.ts$|error-codes\.ts$/.test(name)),
    printed = sources.flatMap((name) => readFileSync(join(root, name), 'utf8').match(code) ?? []);
  expect([...new Set(printed)].sort()).toEqual(Object.keys(errorCodes).sort());
});
