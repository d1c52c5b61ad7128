/** The steps of docs/walkthrough.md work: in a terminal, on a recording of Debian with a disk. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { imagesFolder } from '../cli/images/where.ts';
import { root } from './tessera.ts';
import { noTmux } from './tmux.ts';
import { record, steps, walk } from './walkthrough.ts';

const missing = noTmux ?? (existsSync(join(imagesFolder(), 'vmlinuz')) ? undefined : 'no images');
const folder = mkdtempSync(join(tmpdir(), 'tessera-walkthrough-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.skipIf(missing)(`the walkthrough${missing ? ` (skipped: ${missing})` : ''}`, () => {
  it('finds the slowest disk request and follows it to the interrupt', { timeout: 300_000 }, async () => {
    expect(await record(folder)).toMatchObject({ status: 0 });
    const seen: string[] = [], { svg } = await walk(folder, (step) => seen.push(step));
    expect(seen).toEqual(steps.map((s) => s.name));
    const told = [...svg.matchAll(/text-anchor="middle">([^<]*)<\/text>/g)].map((m) => m[1]!.replace(/\(.*|&.*/, ''));
    expect(told).toEqual([
      'store disk0.queueNotify = 0x0', 'resume', 'call block.submit', 'reply', 'recall', 'recall', 'resume',
      'load plic.claim[1]', 'resume = 1', 'load disk0.interruptStatus', 'resume = 1', 'store disk0.interruptAck = 0x1', 'resume',
    ]);
  });

  it('has a picture and the keys of every step', () => {
    const page = readFileSync(join(root, 'docs/walkthrough.md'), 'utf8');
    for (const { name } of steps) {
      expect(page).toContain(`pictures/walkthrough-${name}.svg`);
      expect(existsSync(join(root, `docs/pictures/walkthrough-${name}.svg`))).toBe(true);
    }
    for (const key of [
      '`f` `device:disk0` Enter', '`L`', '`f` Ctrl-U Enter', 'Space `/` `block.submit` Enter `.` `.`', '`/` Ctrl-U `kind:interrupt` Enter',
      '`/` Ctrl-U `interruptAck` Enter `.` `d`'
    ])
      expect(page).toContain(key);
  });
});
