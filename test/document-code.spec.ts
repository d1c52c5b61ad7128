/**
 * The TypeScript in the documents compiles, in one program. A block is a module of its own, unless a comment before it, which no reader of
 * the page sees, says where it belongs:
 *
 *   <!-- ts is vmm/dice.ts -->                            the whole of a new file
 *   <!-- ts in vmm/board.ts before /^const x/ -->         lines of a file of ours, put before or after the first line like this;
 *   <!-- ts in … with import { x } from './y.ts'; -->     with lines at its head that the page only describes
 *   <!-- ts after const x = 5; -->                        lines that follow others; in `…` the block, if it stands in the middle
 *
 * Blocks with `example=` are run and checked by test/package.spec.ts.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, expect, it } from 'vitest';

const root = join(import.meta.dirname, '..'), copy = mkdtempSync(join(tmpdir(), 'tessera-code-'));
afterAll(() => rmSync(copy, { recursive: true }));

interface Block { readonly page: string; readonly line: number; readonly mark: string | undefined; readonly code: string }

const pages = ['README.md', ...readdirSync(join(root, 'docs'), { recursive: true }).map(String).filter((name) => name.endsWith('.md'))
  .map((name) => join('docs', name))];

function blocksOf(page: string): Block[] {
  const text = readFileSync(join(root, page), 'utf8');
  return [...text.matchAll(/^( *)(?:<!-- ts ([^]*?) -->\n+ *)?```(?:ts|js)\n([^]*?)^ *```$/gm)].map((found) => ({
    page, line: text.slice(0, found.index).split('\n').length, mark: found[2],
    code: found[3]!.replaceAll(new RegExp(`^ {0,${found[1]!.length}}`, 'gm'), ''),
  }));
}

/** Our file with the lines in their place, or the file of an earlier block of the page. */
function placed(path: string, where: 'before' | 'after', pattern: string, code: string, head: string): string {
  const old = files.get(path) ?? readFileSync(join(root, path), 'utf8'), lines = old.split('\n'),
    at = lines.findIndex((line) => new RegExp(pattern).test(line));
  if (at < 0) throw new Error(`${path} has no line like /${pattern}/`);
  lines.splice(where === 'before' ? at : at + 1, 0, code);
  return `${head}${lines.join('\n')}`;
}

const files = new Map<string, string>();
const blocks = pages.flatMap(blocksOf);
for (const [number, { mark, code, page, line }] of blocks.entries()) {
  const own = `block${number}.ts`, whole = /^is (\S+)$/.exec(mark ?? ''), follows = /^after\s+([^]*)$/.exec(mark ?? ''),
    part = /^in (\S+) (before|after) \/(.*?)\/(?: with\s+([^]*))?$/.exec(mark ?? '');
  if (mark === undefined) files.set(own, code);
  else if (whole) files.set(whole[1]!, code);
  else if (part) files.set(part[1]!, placed(part[1]!, part[2] as 'before' | 'after', part[3]!, code, part[4] ? `${part[4]}\n` : ''));
  else if (follows) files.set(own, follows[1]!.includes('…') ? follows[1]!.replace('…', () => code) : `${follows[1]}\n${code}\nexport {};`);
  else throw new Error(`${page}:${line}: a mark that is none: ${mark}`);
}

it(`the documents have ${blocks.length} blocks of TypeScript, which compile`, () => {
  for (const [path, text] of files) {
    mkdirSync(dirname(join(copy, path)), { recursive: true });
    writeFileSync(join(copy, path), text);
  }
  const compilerOptions = {
    noEmit: true, composite: false, declaration: false, emitDeclarationOnly: false, noUnusedLocals: false, rootDirs: [copy, root],
    types: ['node'], typeRoots: [join(root, 'node_modules/@types')],
    paths: { tessera: [join(root, 'index.ts')], 'tessera-system': [join(root, 'index.ts')] },
  };
  writeFileSync(join(copy, 'tsconfig.json'),
    JSON.stringify({ extends: join(root, 'tsconfig.base.json'), compilerOptions, files: [...files.keys(), join(root, 'host.d.ts')] }));
  const { stdout } = spawnSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.json'],
    { cwd: copy, encoding: 'utf8' });
  expect(stdout).toBe('');
});
