/**
 * The package as others install it: the examples of docs/embedding.md run with Node, pass TypeScript's strict check, and are bundled by
 * Vite.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { projectRoot } from '../cli/images/where.ts';

const root = projectRoot(), project = mkdtempSync(join(tmpdir(), 'tessera-package-'));
afterAll(() => rmSync(project, { recursive: true }));
const examples = new Map([
  ...readFileSync(join(root, 'docs/embedding.md'), 'utf8').matchAll(/^```ts example=(\w+)\n([\s\S]*?)^```/gm)
].map((m) => [m[1]!, m[2]!]));
const node = (...args: string[]): string => execFileSync(process.execPath, args, { cwd: project, encoding: 'utf8', timeout: 200_000 });

beforeAll(async () => {
  execFileSync(process.execPath, [join(root, 'package.mjs'), 'stage', join(project, 'node_modules/tessera-system')], { stdio: 'pipe' });
  mkdirSync(join(project, 'src'));
  writeFileSync(join(project, 'package.json'), '{"type":"module","private":true}');
  const { transform } = await import('esbuild');
  for (const [name, text] of examples) {
    writeFileSync(join(project, `src/${name}.ts`), text);
    writeFileSync(join(project, `${name}.mjs`), (await transform(text, { loader: 'ts', format: 'esm' })).code);
  }
});

function check(options: object, files: string[]): string {
  writeFileSync(join(project, 'tsconfig.json'),
    JSON.stringify({
      compilerOptions: {
        target: 'ES2023', strict: true, noEmit: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, skipLibCheck: false,
        ...options
      },
      files
    }));
  try {
    return node(join(root, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.json');
  } catch (error) {
    return (error as { stdout: string }).stdout;
  }
}

describe('the package', () => {
  it('has no dependencies, and its manifest names what is there', () => {
    const manifest = JSON.parse(readFileSync(join(project, 'node_modules/tessera-system/package.json'),
      'utf8')) as Record<string, Record<string, unknown>>;
    expect(manifest['dependencies']).toBeUndefined();
    expect(Object.keys(manifest['peerDependenciesMeta']!)).toEqual(Object.keys(manifest['peerDependencies']!));
    expect(node(join(project, 'node_modules/tessera-system/bin/tessera'), 'boot', 'hello-ipc')).toContain('Hello, tessera!');
  });

  it('says which package a command needs that is not among them', () => {
    writeFileSync(join(project, 'mine.ts'), "export default 1;");
    const { status, stderr } = spawnSync(process.execPath, [join(project, 'node_modules/tessera-system/bin/tessera'), 'boot', 'mine.ts'],
      { cwd: project, encoding: 'utf8' });
    expect([status, stderr]).toEqual([
      1, "tessera: E_INSTALL: this needs the package 'esbuild', which is not installed; run: npm install esbuild\n"
    ]);
  });

  it.each([
    ['program', /^0 SEEN BY NOBODY BUT US\n \nheard: one line\n\n0\n$/],
    [
      'files', /^0 Dijkstra\nLions\nRitchie\nthe end\n\nTimeoutError\nprogram 'emacs' is not in the guest, which without a root file system/
    ],
    ['vm', /minios: tick 1[\s\S]*\n0 true 1048576\n\{[\s\S]*sbi: \d+/],
    ['trace', /^0 true\n[\s\S]*name: 'getppid'[\s\S]*kernelEntriesPerCall: 2[\s\S]*sequenceDiagram/],
    ['scenario', /^0 true true\n$/],
  ])('runs the example %s with this Node', (name, said) => {
    expect(node(`${name}.mjs`)).toMatch(said);
  });

  it('passes a strict check of TypeScript: as a page has it, and as Node does', () => {
    const all = [...examples.keys()].map((name) => `src/${name}.ts`);
    expect(check({ module: 'ESNext', moduleResolution: 'bundler', lib: ['ES2023', 'DOM'], types: [] }, all)).toBe('');
    mkdirSync(join(project, 'node_modules/@types'), { recursive: true });
    symlinkSync(join(root, 'node_modules/@types/node'), join(project, 'node_modules/@types/node'));
    symlinkSync(join(root, 'node_modules/undici-types'), join(project, 'node_modules/undici-types'));
    writeFileSync(join(project, 'src/node.ts'),
      "import { hostFolder, liveFolder } from 'tessera-system/node';\nimport { runProgram } from 'tessera-system';\n"
        + "const folders = { '/lent': liveFolder('project') };\n"
        + "export const shell = () => runProgram({ program: 'sh', rootfs: hostFolder('images/rootfs'), folders });\n");
    expect(check({ module: 'NodeNext', moduleResolution: 'NodeNext', lib: ['ES2023'], types: ['node'] },
      [...all.filter((f) => !f.includes('worker')), 'src/node.ts'])).toBe(
      '');
  });

  it('is bundled by Vite for a page with a worker', async () => {
    writeFileSync(join(project, 'index.html'), '<script type="module" src="/src/page_of_worker.ts"></script>');
    const { build } = await import('vite');
    const made = await build({ root: project, logLevel: 'silent', worker: { format: 'es' } }) as { output: { fileName: string }[] };
    expect(made.output.map((o) => o.fileName).filter((name) => /worker/.test(name))).toHaveLength(1);
  });
});
