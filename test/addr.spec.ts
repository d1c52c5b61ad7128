/** Three kinds of address: a recording, gdb and the report of a panic show the same walk of both stages. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addressLines } from '../cli/trace-addr.ts';
import { readTrace } from '../cli/trace-source.ts';
import { screen } from '../trace/view/screen.ts';
import { plain } from '../trace/view/text.ts';
import { Viewer } from '../trace/view/viewer.ts';
import { tessera } from './tessera.ts';

const folder = mkdtempSync(join(tmpdir(), 'tessera-addr-')), file = join(folder, 'panic.trace'), bare = join(folder, 'without.trace');
const vm = (more: string[]) => tessera(['vm', '--kernel', 'guests/bin/panic.elf', '--memory', '16M', ...more]);
let report = '';
beforeAll(async () => {
  report = (await vm(['--trace', file, '--trace-payload', 'vm*'])).stderr;
  await vm(['--trace', bare]);
});
afterAll(() => rmSync(folder, { recursive: true }));
/** The walk of an address in the report. */
const told = (what: string): string[] => {
  const lines = report.split('\n'), at = lines.findIndex((l) => l.startsWith(`  ${what} 0x`)), rest = lines.slice(at + 1),
    end = rest.findIndex((l) => !l.startsWith('    '));
  return rest.slice(0, end < 0 ? undefined : end).filter((l) => l).map((l) => l.slice(2));
};

describe('trace addr', () => {
  it.each(['address', 'pc'])('walks as the report of the panic does: %s', async (what) => {
    const at = new RegExp(`^  ${what} (0x[0-9a-f]+)$`, 'm').exec(report)![1]!,
      { stdout, status } = await tessera(['trace', 'addr', file, at]);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^vm vCPU 0, as of record \d+\n/);
    expect(stdout.trimEnd().split('\n').slice(1)).toEqual(told(what));
  });
  it('tells virtual, guest-physical and machine address, each entry on its way', async () => {
    const { stdout } = await tessera(['trace', 'addr', file, '0xffffffc080200004', '--task', 'vm guest']);
    expect(stdout).toMatch(/vsatp Sv39[^]*level 2: [^]*level 1: [^]*2 MiB at 0x80200000\n  guest-physical 0x80200004, hgatp Sv39x4/);
    expect(stdout).toMatch(/hgatp Sv39x4[^]*level 2: [^]*\n  machine 0x8\w+04\n$/);
  });
  it.each([
    [['x'], "'x' is no address"], [['0x10000000000000000'], 'is no address'],
      [['0x38', '--task', 'nobody'], "there are no page tables of 'nobody'; there are those of 'vm vCPU 0'"],
  ])('refuses %j in one line', async (words, said) => {
    const { status, stderr } = await tessera(['trace', 'addr', file, ...words]);
    expect([status, stderr.split('\n').length]).toEqual([2, 2]);
    expect(stderr).toContain(said);
  });
  it('says how to record page tables where there are none', async () => {
    expect((await tessera(['trace', 'addr', bare,
      '0'])).stderr).toContain('this recording has no page tables: record with --trace-payload');
  });
});

describe('the viewer', () => {
  const open = (): Viewer => {
    const viewer = new Viewer(readTrace(file), 'panic.trace', () => {});
    viewer.address = (text) => addressLines(viewer.trace, text);
    viewer.resize(100, 30);
    return viewer;
  };
  const type = (viewer: Viewer, ...parts: string[]): string => {
    for (const part of parts)
      for (const key of part === 'return' ? [part] : part) viewer.key(key, key);
    return screen(viewer).map((l) => plain(l)).join('\n');
  };
  it.each([[['a', '0xffffffc080200004']], [[':', 'addr 0xffffffc080200004']]])('shows the walk after %j', (keys) => {
    expect(type(open(), ...keys, 'return')).toMatch(/as of record[^]*level 1: entry[^]*guest-physical 0x80200004[^]*machine 0x8/);
  });
  it('keeps what was typed wrong in the prompt', () => {
    expect(type(open(), 'a', 'nowhere', 'return')).toContain("'nowhere' is no address");
  });
});
