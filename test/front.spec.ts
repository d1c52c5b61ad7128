/**
 * The command's fast start. bin/tessera as a shell runs it: which command lines enter Node's sandbox directly, and that bin/tessera.cjs
 * gets all others, and every doubtful one.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { projectRoot } from '../cli/images/where.ts';

const { wall, permissions } = createRequire(import.meta.url)('../bin/sandbox.cjs') as {
  wall(script: string, argv: string[]): { words: string[] } | undefined;
  permissions(asked: { files: string[]; network: boolean; trace: boolean }): string[];
};
const { keepAside } = createRequire(import.meta.url)('../bin/quick.cjs') as { keepAside(root: string): void };
const root = mkdtempSync(join(tmpdir(), 'tessera-front-')), node = join(root, 'path/node'), WALL = '--wall --allow-fs-read=*';
const HOUR = 3600;
const SOURCES = 'hardware network machine microkernel roottask vmm l4guest trace system library cli scenarios labs'.split(' ');
afterAll(() => rmSync(root, { recursive: true }));

/** A Node that prints its arguments, and an installation by it. */
beforeEach(() => {
  rmSync(root, { recursive: true });
  for (const folder of ['bin', 'dist', 'path', ...SOURCES]) mkdirSync(join(root, folder), { recursive: true });
  for (const name of ['tessera', 'tessera.sh']) copyFileSync(join(projectRoot(), 'bin', name), join(root, 'bin', name));
  for (const name of ['cli/main.ts', 'machine/old.ts', 'index.ts', 'build.mjs']) file(name, '', -HOUR);
  file('path/node', '#!/bin/sh\necho "${TESSERA_SANDBOX-none} $*"\n', -HOUR);
  chmodSync(node, 0o755);
  file('dist/tessera.mjs', '');
  file('dist/front', `${node}\n${WALL}\n`, HOUR);
});

function file(name: string, text: string, later = 0): void {
  writeFileSync(join(root, name), text);
  const time = Date.now() / 1000 + later;
  utimesSync(join(root, name), time, time);
}

const start = (words: readonly string[], script = join(root, 'bin/tessera')): string =>
  execFileSync(script, words, { encoding: 'utf8', env: { PATH: `${join(root, 'path')}:${process.env['PATH']!}` } }).trimEnd();
const inside = (script: string, words: readonly string[]): string => `node ${[WALL, script, ...words].join(' ')}`;
const plain = (script: string, words: readonly string[]): string => `none ${[script, ...words].join(' ')}`;
const cjs = (): string => `${root}/bin/../bin/tessera.cjs`;

const READING = [
  ['run', 'prog'], ['run', '--rootfs', 'r', 'sh', '-c', '*'],
  ['vm', '--kernel', 'k', '--append', 'a b'], ['bare', '--until', 'READY', '--engine=interp'],
];
const ASKING = [
  ['run', '--trace', 'f', 'p'], ['run', '--trace=f', 'p'], ['run', '--record', 'f', 'p'],
  ['run', '--stats', 'p'], ['run', '--stats=f', 'p'],
  ['bare', '--signature', 'f'], ['bare', '--dump-dtb', 'f'], ['vm', '--gdb', '1234'], ['vm', '--net', 'user'], ['vm', '--net=user,pcap=f'],
  ['run', '--mount', '/a:/b', 'p'], ['vm', '--disk', 'd'], ['run', '--no-sandbox', 'p'], ['vm', '--help'], ['run', '-h'],
];

it('a front that is older than this Node, which was linked or moved meanwhile, is written anew', () => {
  file('dist/quick.cjs', '');
  file(`dist/quick-${process.version}-${process.arch}.cache`, '');
  keepAside(root);
  expect(readFileSync(join(root, 'dist/front'), 'utf8')).toBe(`${node}\n${WALL}\n`);
  file('dist/front', 'old', -1e9);
  keepAside(root);
  expect(readFileSync(join(root, 'dist/front'), 'utf8').split('\n')[0]).toBe(process.execPath);
});
it('inside the wall Node reads no certificates of others', () => {
  file('path/node', '#!/bin/sh\necho "${NODE_EXTRA_CA_CERTS-none}"\n', -HOUR);
  const env = { PATH: `${join(root, 'path')}:${process.env['PATH']!}`, NODE_EXTRA_CA_CERTS: '/certificates' };
  expect(execFileSync(join(root, 'bin/tessera'), ['run', 'prog'], { encoding: 'utf8', env }).trim()).toBe('none');
});

describe('the command as a shell starts it', () => {
  it.each(READING.map((words) => [words]))('%j goes into the wall at once', (words) => {
    expect(start(words)).toBe(inside(cjs(), words));
  });

  const others = [['boot', 'two-worlds'], ['trace', 'stats', 'f'], ['--version'], ['-x', 'run', 'p'], []];
  it.each([...ASKING, ...others].map((words) => [words]))('%j is for Node to decide', (words) => {
    expect(start(words)).toBe(plain(cjs(), words).trimEnd());
  });

  it('takes the short way only where the long way leads to the same', () => {
    const read = permissions({ files: [], network: false, trace: false });
    for (const words of READING) expect(wall('s', words)?.words.slice(0, read.length)).toEqual(read);
    for (const words of ASKING) expect(wall('s', words)?.words.slice(0, read.length + 2)).not.toEqual([...read, 's', words[0]]);
  });

  it('leaves to Node what is in doubt: a source that is newer, another Node, one that was replaced, no bundle', () => {
    const words = ['run', 'p'];
    file('machine/new.ts', '', HOUR);
    expect(start(words)).toBe(plain(cjs(), words));
    rmSync(join(root, 'machine/new.ts'));
    file('machine/new.spec.ts', '', HOUR);
    expect(start(words)).toBe(inside(cjs(), words));
    file('dist/front', `${node}\n${WALL}\n`, -HOUR); // Node's file has changed since, whatever its date says
    expect(start(words)).toBe(plain(cjs(), words));
    file('dist/front', `/elsewhere/node\n${WALL}\n`, HOUR);
    expect(start(words)).toBe(plain(cjs(), words));
    rmSync(join(root, 'dist'), { recursive: true });
    expect(start(words)).toBe(plain(cjs(), words));
  });

  it('is found through links, and is a program for Node too', () => {
    symlinkSync(join(root, 'bin/tessera'), join(root, 'path/tessera'));
    expect(start(['run', 'p'], join(root, 'path/tessera'))).toBe(inside(cjs(), ['run', 'p']));
    expect(readFileSync(join(root, 'bin/tessera'), 'utf8').split('\n')).toHaveLength(4);
    expect(execFileSync(process.execPath, [join(projectRoot(), 'bin/tessera'), '--version'], { encoding: 'utf8' })).toMatch(/^\d/);
  });
});

describe('what V8 compiled for an earlier run', () => {
  const script = (name: string, says: string): string =>
    `//${name.padEnd(61, '0')}\nexports.main = async (words) => { globalThis.said = '${says} ' + words.length; };\n`;
  const ask = "require('./bin/quick.cjs').quick('.')(['a']).then(() => console.log(said))";
  const said = (): string => execFileSync(process.execPath, ['-e', ask], { cwd: root, encoding: 'utf8' }).trimEnd();
  const keep = (): void => { execFileSync(process.execPath, ['bin/quick.cjs'], { cwd: root, stdio: 'ignore' }); };
  const cache = (): string => join(root, `dist/quick-${process.version}-${process.arch}.cache`);
  beforeEach(() => {
    for (const name of ['quick.cjs', 'sandbox.cjs']) copyFileSync(join(projectRoot(), 'bin', name), join(root, 'bin', name));
  });

  it('is kept with what a shell must know, and never answers for another script', () => {
    file('dist/quick.cjs', script('one', 'first'));
    expect(said()).toBe('first 1');
    keep();
    expect(readFileSync(join(root, 'dist/front'), 'utf8').split('\n')[0]).toBe(realpathSync(process.execPath));
    expect(said()).toBe('first 1');
    file('dist/quick.cjs', script('two', 'other')); // as long as the first, so V8 alone would not notice
    expect(said()).toBe('other 1');
  });

  it('is left alone when it is damaged', () => {
    file('dist/quick.cjs', script('one', 'first'));
    keep();
    const bytes = readFileSync(cache());
    for (const end of [0, 10, 64, 70, 100]) {
      writeFileSync(cache(), bytes.subarray(0, end));
      expect(said()).toBe('first 1');
    }
  });
});

describe('what a run loads', () => {
  /** Modules that load together with this one. */
  async function loadedWith(entry: string): Promise<Set<string>> {
    const { metafile } = await build({
      absWorkingDir: projectRoot(), entryPoints: [entry], bundle: true, write: false, metafile: true, format: 'esm', platform: 'node',
      packages: 'external',
    });
    const loaded = new Set([entry]);
    for (const path of loaded) {
      for (const i of metafile.inputs[path]?.imports ?? []) if (i.kind !== 'dynamic-import') loaded.add(i.path);
    }
    return loaded;
  }

  // The monitor unpacks kernels itself.
  const commands = [['run', /^fflate/], ['bare', /^fflate/], ['vm', /^$/]] as const;
  it.each(commands)('%s: no reader of traces, no compiler, no second gzip', async (command, own) => {
    const loaded = await loadedWith(`cli/${command}.ts`);
    expect(loaded.size).toBeGreaterThan(100);
    const others = /^(esbuild|acorn|ink|react|sql\.js|trace\/reader\.ts|labs\/|cli\/trace\.ts)/;
    const unwanted = [...loaded].filter((path) => others.test(path) || own.test(path));
    expect(unwanted).toEqual([]);
  });
});
