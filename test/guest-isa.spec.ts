/** A virtual machine has the extensions of its ISA string: a guest uses each once, and the test checks its effect. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { assemble } from '../hardware/isa/assemble.ts';
import { DEFAULT_ISA } from '../vmm/options.ts';
import { tessera } from './tessera.ts';
import { temporaryFolder } from './temporary.ts';

const BASE = 0x8020_0000;
/** Page tables: the first GiB of RAM as it is, and from 0xc0000000 a table of small pages. */
const ROOT = 0x8040_0000, MIDDLE = 0x8040_1000, SMALL = 0x8040_2000, DATA = 0x8050_0000, VIRTUAL = 0xc000_0000;
const Pte = { table: 1n, data: 0xc7n, all: 0xcfn, napot: 1n << 63n, noncacheable: 1n << 61n } as const;
const pte = (at: number, flags: bigint): string => `0x${(((BigInt(at) >> 12n) << 10n) | flags).toString(16)}`;
const store = (at: number, value: string): string => `li t0, ${at}; li t1, ${value}; sd t1, 0(t0)`;
const paging = [
  store(ROOT + 8 * 2, pte(0x8000_0000, Pte.all)), store(ROOT + 8 * 3, pte(MIDDLE, Pte.table)), store(MIDDLE, pte(SMALL, Pte.table)),
  // 64 KiB as one page: all entries are equal.
  ...Array.from({ length: 16 }, (_, i) => store(SMALL + 8 * i, pte(DATA + 0x8000, Pte.data | Pte.napot))),
  store(SMALL + 8 * 16, pte(DATA + 0x1_0000, Pte.data | Pte.noncacheable)),
  store(DATA + 5 * 4096, '0x1111'), store(DATA + 0x1_0000, '0x2222'),
  `li t0, 0x${((8n << 60n) | (BigInt(ROOT) >> 12n)).toString(16)}; csrw satp, t0; sfence.vma`,
];

/** Leaves 1 in a0 when the extension works. */
const trials: Readonly<Record<string, string>> = {
  zicond: 'li a1, 5; li a2, 0; czero.eqz a0, a1, a2; li a3, 7; czero.nez a4, a3, a2; xor a0, a0, a4; xori a0, a0, 6',
  zfa: 'fli.d fa0, 16; fcvt.l.d a0, fa0',
  zcb: 'li a0, -2; c.not a0',
  zawrs: 'wrs.sto; wrs.nto; li a0, 1',
  zimop: 'li a1, 9; li a0, 5; mop.r.0 a0, a1; seqz a0, a0',
  zfhmin: 'li a0, 0x3c00; fmv.h.x fa0, a0; fcvt.s.h fa1, fa0; fcvt.w.s a0, fa1',
  svinval: 'sfence.w.inval; sinval.vma zero, zero; sfence.inval.ir; li a0, 1',
  svnapot: `li a1, ${VIRTUAL + 5 * 4096}; ld a0, 0(a1); li a2, 0x1110; sub a0, a0, a2`,
  svpbmt: `li a1, ${VIRTUAL + 0x1_0000}; ld a0, 0(a1); li a2, 0x2221; sub a0, a0, a2`,
};

describe("a guest's processor", () => {
  it.each(Object.keys(trials))('has %s, and says so', async (name) => {
    const put = (c: string): string => `li a0, ${c.charCodeAt(0)}; li a7, 1; ecall`;
    const program = `la t0, trap; csrw stvec, t0; li t0, 0x6000; csrs sstatus, t0; ${paging.join('; ')}; ${trials[name]}; li t0, 1; beq `
      + `a0, t0, yes; ${put('n')}; j end; trap: ${put('t')}; j end; yes: ${put('y')}; end: li a7, 8; ecall`;
    const path = join(temporaryFolder('isa'), name);
    writeFileSync(path, assemble(program.replaceAll(';', '\n'), BASE).bytes);
    expect(await tessera(['vm', '--kernel', path, '--memory', '64M'], { timeout: 200_000 })).toMatchObject({ status: 0, stdout: 'y' });
    expect(DEFAULT_ISA.split('_')).toContain(name);
  });
});
