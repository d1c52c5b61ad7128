/** Pages of code on a guest's memory that is an array: clean pages, the contents of copies, the effects of stores. */
import { describe, expect, it } from 'vitest';
import { assemble } from '../../hardware/isa/assemble.ts';
import { RAM_BASE } from '../ram.ts';
import { fakeRam } from '../testing.ts';
import { PAGE, type CodePage } from './code-page.ts';
import { ScannedCode, Unrunnable, type Patches } from './scanned.ts';

const EBREAK = 0x9002, R = 1, W = 2, X = 4;

/** The guest runs at its physical addresses; `copies` are by page. */
function guest(text: string, { patches = 'chained' as Patches, at = 0 } = {}) {
  const ram = fakeRam(), code = new ScannedCode(ram, patches), copies = new Map<number, Uint16Array>();
  ram.write(RAM_BASE + at, assemble(text, RAM_BASE + at).bytes);
  const locate = (va: bigint): number => Number(va);
  const add = (page: number): CodePage => {
    const bytes = new Uint8Array(PAGE), clean = code.isClean(page);
    copies.set(page, new Uint16Array(bytes.buffer));
    return code.add(page, clean ? undefined : { va: page, write: (offset, b) => bytes.set(b, offset) });
  };
  const scan = (offset: number): void => { code.scan(BigInt(RAM_BASE + offset), locate); };
  const copy = (offset: number): number => copies.get(RAM_BASE + offset - (offset % PAGE))![(offset % PAGE) >> 1]!;
  return { ram, code, add, scan, copy };
}

it('a page without anything sensitive is clean: it is executed itself, and nobody writes it', () => {
  const { code, add } = guest('addi a0, a0, 1; ecall; csrr a0, time; ret');
  expect(code.rights(RAM_BASE, R | W | X, true)).toBe(R | W);
  expect(add(RAM_BASE).copy).toBeUndefined();
  expect(code.rights(RAM_BASE, R | W | X, true)).toBe(R | X);
  expect([code.counts.cleanPages, code.counts.patchedPages]).toEqual([1, 0]);
  expect(code.overwritten(RAM_BASE + 8, 4).map((p) => p.gpa)).toEqual([RAM_BASE]);
  expect([code.has(RAM_BASE), code.hasWithin(RAM_BASE)]).toEqual([false, false]);
});
it('a page is not clean where only the middle of an instruction looks sensitive, nor where one may begin at its end', () => {
  expect(guest('.half 1; csrr a0, sstatus; ret').code.isClean(RAM_BASE)).toBe(false);
  expect(guest('lui a0, 0x10073', { at: PAGE - 2 }).code.isClean(RAM_BASE)).toBe(false);
});

describe('a copy', () => {
  it('is full of breakpoints until control comes, and keeps them at sites', () => {
    const { ram, code, add, scan, copy } = guest(
      'addi a0, a0, 1; csrr a1, sstatus; beqz a0, on; ret; on: wfi; c.ebreak; .zero 64; csrr a2, sie; ret');
    const page = add(RAM_BASE);
    expect([0, 4, 8, 12, 16].map(copy)).toEqual([EBREAK, EBREAK, EBREAK, EBREAK, EBREAK]);
    scan(0);
    expect([0, 2, 6, 8, 12].map((at) => copy(at) === ram.u16(RAM_BASE + at))).toEqual([true, true, true, true, true]);
    expect([copy(4), copy(16)]).toEqual([EBREAK, EBREAK]);
    expect([...page.sites].map(([at, { decoded }]) => [at, decoded.row.name])).toEqual([[4, 'csrrs'], [16, 'wfi']]);
    expect([page.isScanned(20), page.isSite(20), page.isScanned(24)]).toEqual([true, false, false]);
    expect(code.rights(RAM_BASE, R | W | X, true)).toBe(R);
    expect(code.rights(RAM_BASE, R | W | X, false)).toBe(R | X);
  });
  // Debian never left its first lock that it took so.
  it('has no breakpoint between a load-reserved and its store-conditional', () => {
    const { ram, add, scan, copy } = guest(
      'again: lr.w a0, (a1); bne a0, a2, out; sc.w a3, a4, (a1); bnez a3, again; out: csrr a0, sie; ret', { patches: 'breakpoints' });
    add(RAM_BASE);
    scan(0);
    expect([0, 4, 8, 12, 16].map((at) => copy(at) === ram.u16(RAM_BASE + at))).toEqual([true, true, true, false, false]);
  });
  it('has a breakpoint at the end of each block, where blocks are not chained', () => {
    const { add, scan, copy } = guest('beqz a0, on; addi a0, a0, 1; ret; on: csrr a0, sie; ret', { patches: 'breakpoints' });
    add(RAM_BASE);
    scan(0);
    scan(4);
    expect([0, 4, 8, 12].map((at) => copy(at) === EBREAK)).toEqual([true, false, true, true]);
  });
  it('forgets what is stored to, whole instructions, and scans that again', () => {
    const { ram, code, add, scan, copy } = guest('csrr a0, sie; addi a0, a0, 1; addi a0, a0, 2; ret');
    const page = add(RAM_BASE);
    scan(0);
    expect(code.overwritten(RAM_BASE + 6, 1)).toEqual([]);
    ram.setU32(RAM_BASE + 4, 0x1041_1073);
    expect([copy(4), copy(6), copy(8), page.isScanned(4), page.isScanned(8)]).toEqual([EBREAK, EBREAK, ram.u16(RAM_BASE + 8), false, true]);
    scan(4);
    expect([page.isSite(4), code.counts.stores, code.counts.rescans, code.counts.sites]).toEqual([true, 1, 1, 2]);
  });
  it('ends an instruction that began in the page before, and both are forgotten together', () => {
    const { ram, add, scan, copy } = guest('csrr a0, sie; .half 1; addi a0, a0, 1; csrr a0, sip; ret', { at: PAGE - 8 });
    const first = add(RAM_BASE), second = add(RAM_BASE + PAGE);
    scan(PAGE - 8);
    expect(first.straddles).toBe(true);
    expect([copy(PAGE - 2), copy(PAGE)]).toEqual([ram.u16(RAM_BASE + PAGE - 2), ram.u16(RAM_BASE + PAGE)]);
    expect([...second.sites.keys()]).toEqual([2]);
    second.forget(0, 2);
    expect([copy(PAGE - 2), copy(PAGE), first.straddles]).toEqual([EBREAK, EBREAK, false]);
  });
  it('is refused where a byte would belong to two instructions of which one is sensitive', () => {
    const { add, scan } = guest('lui a0, 0x25730; .half 0x1000; csrr a0, sie; ret');
    add(RAM_BASE);
    scan(2);
    expect(() => { scan(0); }).toThrow(Unrunnable);
  });
});
