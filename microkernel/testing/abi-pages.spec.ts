import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { CapRight, Ops, type Operation } from '../abi/index.ts';
import { ObjectKind } from '../objects/object.ts';
import { cHeader } from './abi-header.ts';
import { referencePage } from './abi-page.ts';

const header = fileURLToPath(new URL('../../guests/include/tessera-abi.h', import.meta.url));
const page = fileURLToPath(new URL('../../docs/reference/kernel.md', import.meta.url));

it('docs/reference/kernel.md is up to date (UPDATE=1 npx vitest run microkernel/testing/abi-pages.spec.ts)', () => {
  if (process.env['UPDATE']) writeFileSync(page, referencePage());
  expect(readFileSync(page, 'utf8')).toBe(referencePage());
});

it('guests/include/tessera-abi.h is up to date (the same command)', () => {
  if (process.env['UPDATE']) writeFileSync(header, cHeader());
  expect(readFileSync(header, 'utf8')).toBe(cHeader());
});

it('every operation of the ABI has a label of its own, below the number of its kind of object, and a right', () => {
  const seen = new Set<number>();
  for (const [group, ops] of Object.entries(Ops)) for (const [name, operation] of Object.entries<Operation>(ops)) {
    expect(seen.has(operation.label), `${group}.${name}`).toBe(false);
    expect(operation.label >> 8, `${group}.${name}`).toBe(ObjectKind[group as keyof typeof ObjectKind]);
    expect(CapRight[operation.right!], `${group}.${name}`).toBeDefined();
    seen.add(operation.label);
  }
});
