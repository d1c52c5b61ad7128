/** Standard input that is an ordinary file or /dev/null is there when the run begins, so that two runs of a command are the same. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';

const root = join(import.meta.dirname, '..'), folder = mkdtempSync(join(tmpdir(), 'tessera-settled-'));
afterAll(() => rmSync(folder, { recursive: true }));
const recording = join(folder, 'recording');

/** What comes in from outside, and what a program prints that copies its input. */
function run(input: string, script: string): { readonly arrivals: unknown[]; readonly printed: string } {
  const cat = `'${join(root, 'bin/tessera')}' run --record '${recording}' '${join(root, 'guests/bin/linux/cat')}'`;
  const { stdout } = spawnSync('sh', ['-c', script.replace('TESSERA', cat)], {
    stdio: [openSync(input, 'r'), 'pipe', 'inherit'], maxBuffer: 2 ** 24,
  });
  const [, ...arrivals] = readFileSync(recording, 'utf8').trim().split('\n').map((line) => JSON.parse(line) as { data?: string });
  return { arrivals: arrivals.map(({ data: _data, ...arrival }) => arrival), printed: stdout.toString() };
}
const file = (text: string): string => { const path = join(folder, 'input'); writeFileSync(path, text); return path; };
const BYTES = { cycle: 0, channel: 'console0', kind: 'bytes' }, END = { cycle: 0, channel: 'console0', kind: 'end' };

it('a file comes in at cycle 0, from where its reader is', () => {
  expect(run(file('hello\n'), 'TESSERA')).toEqual({ arrivals: [BYTES, END], printed: 'hello\n' });
  expect(run(file('one\ntwo\n'), 'head -c 4 >/dev/null; TESSERA')).toEqual({ arrivals: [BYTES, END], printed: 'two\n' });
});
it('/dev/null and an empty file end at cycle 0', () => {
  for (const input of ['/dev/null', file('')]) expect(run(input, 'TESSERA')).toEqual({ arrivals: [END], printed: '' });
});
it('of a large file only the beginning does', () => {
  const text = '0123456789abcde\n'.repeat(2 ** 17), { arrivals, printed } = run(file(text), 'TESSERA');
  expect(printed).toBe(text);
  expect(arrivals[0]).toEqual(BYTES);
  expect(arrivals.at(-1)).not.toEqual(END);
});
