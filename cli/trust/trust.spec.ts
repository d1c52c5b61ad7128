import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { closureOf, codeLines } from './lines.ts';
import { trustReport } from './trust.ts';
import { temporaryFolder } from '../../test/temporary.ts';

it('a line of code is neither blank nor comment', () => {
  expect(codeLines('/** a\n * b */\nconst x = 1; // c\n\n// d\n  /* e */ let y = 2;\n')).toBe(2);
});

it('a module consists of what it imports by value', () => {
  const folder = temporaryFolder('trust'), at = (name: string): string => join(folder, name);
  writeFileSync(at('a.ts'),
    "import { b } from './b.ts';\nimport type { C } from './c.ts';\nimport { type D } from './d.ts';\nexport * from './e.ts';\n"
      + "// import './f.ts';\n");
  for (const name of ['b', 'c', 'd', 'e', 'f']) writeFileSync(at(`${name}.ts`), 'export {};\n');
  expect([...closureOf(at('a.ts'), () => true)].sort()).toEqual(['a', 'b', 'e'].map((name) => at(`${name}.ts`)));
});

describe('report trust', () => {
  it('keeps the kernel small, and counts each monitor only for its own machine', async () => {
    const { base, servers } = await trustReport(undefined);
    expect(base.find((part) => part.name === 'microkernel')!.lines).toBeLessThan(10_000);
    expect(servers.find((s) => s.name === 'vmm')!.lines).toBeGreaterThan(1000);
  });
  it('says whom a component has to trust: its providers, theirs, and who may do DMA', async () => {
    const { components } = await trustReport('getpid'), linux = components.find((c) => c.name === 'linux')!;
    expect(linux).toMatchObject({ walledBy: 'door', dma: false });
    expect(linux.trusts).toEqual(['console', 'uart']); // its console, and the driver behind that
    expect(components.find((c) => c.name === 'uart')!.trusts).toEqual([]);
    expect(linux.total).toBeGreaterThan(linux.lines);
  });
  it('knows nobody by another name', async () => {
    await expect(trustReport('nowhere')).rejects.toMatchObject({ code: 'E_SCENARIO' });
  });
});
