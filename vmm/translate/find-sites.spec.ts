/** Sites are found where control can come, and nowhere else. */
import { expect, it } from 'vitest';
import { assemble } from '../../hardware/isa/assemble.ts';
import { fakeRam } from '../testing.ts';
import { RAM_BASE } from '../ram.ts';
import { findSites, readSites, writeSites } from './find-sites.ts';
import { ListedSites } from './listed.ts';
import { isSensitive, neverTraps } from './sensitive.ts';

const bytesOf = (text: string): Uint8Array => assemble(text, 0x8000_0000).bytes;
const at = (text: string, ...entries: number[]): number[] => findSites(bytesOf(text), entries).sites.map((s) => s.at);

it('sees what is sensitive, trapping or not, and what is not', () => {
  const word = (text: string): number => new DataView(bytesOf(text).buffer).getInt32(0, true);
  for (const text of ['csrr a0, sstatus', 'csrwi sie, 0', 'csrrc a0, sip, a1', 'csrw satp, a0', 'sret', 'wfi', 'sfence.vma',
    'sfence.vma a0, a1'])
    expect(isSensitive(word(text)), text).toBe(true);
  for (const text of ['ecall', 'ebreak', 'csrr a0, time', 'csrr a0, fcsr', 'addi a0, a0, 1', 'lui a0, 0x10073'])
    expect(isSensitive(word(text)), text).toBe(false);
  expect([neverTraps(word('csrr a0, sstatus')), neverTraps(word('csrr a0, sie'))]).toEqual([true, false]);
});

it('follows branches, calls and what comes behind them, but not data', () => {
  expect(at(`beqz a0, there; csrr a1, scause; jal ra, func; csrw sepc, a1; sret; .word 0x10079073
    there: csrsi sstatus, 2; j there
    func: wfi; ret; csrr a0, stval`, 0)).toEqual([4, 12, 16, 24, 32]);
});
it('names nothing where two instructions would share bytes', () => {
  const { sites, doubtful } = findSites(bytesOf('lui a0, 0x10073; csrr a0, sstatus; ret'), [0, 2]);
  expect([sites.length, doubtful]).toEqual([0, 1]);
});

it('a list is a text with a line for each', () => {
  const { sites } = findSites(bytesOf('csrr a0, sstatus; csrci sstatus, 2; ret'), [0]), text = writeSites(sites);
  expect(text.split('\n').slice(1)).toEqual(['0x0 10002573 csrrs a0, sstatus, zero', '0x4 10017073 csrrci zero, sstatus, 2', '']);
  expect(readSites(text)).toEqual(sites);
});
it.each([['', 'is no list of sites'], ['# sites of a kernel, for tessera vm --virt pre\nhello\n', 'in line 2'],
  ['# sites of a kernel, for tessera vm --virt pre\n0x0 00000013 addi\n', 'no sensitive instruction in line 2']])('%j is refused',
  (text, why) => {
  expect(readSites(text)).toContain(why);
});
it('a list of another kernel changes nothing', () => {
  const ram = fakeRam(), sites = new ListedSites(ram);
  ram.write(RAM_BASE, bytesOf('csrr a0, sstatus; ret'));
  const before = ram.view(RAM_BASE, 16), word = 0x1000_2573;
  expect(sites.rewrite([{ at: 0, word }, { at: 4, word }], RAM_BASE)).toContain('is of another kernel');
  expect([ram.view(RAM_BASE, 16), sites.size]).toEqual([before, 0]);
  expect(sites.rewrite([{ at: 0, word }], RAM_BASE)).toBeUndefined();
  expect([ram.u16(RAM_BASE), sites.find(RAM_BASE)?.decoded.word, sites.find(RAM_BASE + 4)]).toEqual([0x9002, word, undefined]);
  ram.setU16(RAM_BASE, 0x4501);
  expect(sites.find(RAM_BASE)).toBeUndefined();
});
