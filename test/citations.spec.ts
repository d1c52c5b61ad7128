/** Documentation cites places in the sources as `file:/pattern/`: each pattern must match. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const pages = readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' }).filter((f) => f.endsWith('.md'));
const citations = pages.flatMap((page) =>
  [
    ...readFileSync(join(root, 'docs', page), 'utf8').matchAll(/`([\w./-]+\.\w+):\/(.+?)\/`/g)
  ].map(([, file, pattern]) => ({ page, file: file!, pattern: pattern! })));

describe('the documentation', () => {
  it('cites sources', () => expect(citations.length).toBeGreaterThan(0));
  it.each(citations)('$page cites $file:/$pattern/', ({ file, pattern }) => {
    const path = join(root, file);
    expect(existsSync(path)).toBe(true);
    expect(readFileSync(path, 'utf8')).toMatch(new RegExp(pattern));
  });
});
