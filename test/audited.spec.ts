import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { audited } from '../cli/isolation.ts';
import type { Result, System } from '../index.ts';
import { bootScenario } from './audited.ts';

it('every test that boots a system has it audited', () => {
  const specs = readdirSync(import.meta.dirname).filter((f) => f.endsWith('.spec.ts') && f !== 'audited.spec.ts');
  const unaudited = specs.filter((f) =>
    /import \{[^}]*\bbootScenario\b[^}]*\} from '\.\.\/index\.ts'/.test(readFileSync(join(import.meta.dirname, f), 'utf8')));
  expect(unaudited).toEqual([]);
});

it('the command audits its system when TESSERA_AUDIT is set, and says what it finds', () => {
  const system: System = bootScenario({ name: 'test', summary: '', components: {} }, { output: () => {} }), { task } = system.kernel.root,
    result = { status: 0 } as Result;
  process.env['TESSERA_AUDIT'] = '1';
  expect(audited(system, result)).toBe(result);
  task.space.leaves++; // wrong accounts
  expect(audited(system, result)).toMatchObject({ status: 70, why: /isolation audit: task \d+: \d+ leaves/ });
  delete process.env['TESSERA_AUDIT'];
  expect(audited(system, result)).toBe(result);
  task.space.leaves--;
});
