/** One conformance test for each switch: what software observes with it, and without. @spec priv 12.1.11, 21.2.10, 21.6.3 */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { assemble } from '../../hardware/isa/assemble.ts';
import { Machine } from '../machine.ts';
import { CpuError, cpuModel, switches, usage } from './model.ts';
import { BASE } from './switch.ts';

const RAM = 0x8000_0000;
/** A trap into M mode leaves its cause in s0 (0: there was none) and ends the program; s1, s2 … are the program's. */
const FRAME = (body: string): string => `
  la t0, trap; csrw mtvec, t0; li s0, 0
  li t0, 0x1f; csrw pmpcfg0, t0; li t0, -1; csrw pmpaddr0, t0
  ${body}
  li s0, 0
end: j end
trap: csrr s0, mcause; csrr s10, mtinst; csrr s11, mtval
  j end`;
/** Continues at the next line in this mode: MPP, and MPV for virtual machines. */
let labels = 0;
function enter(mode: 'u' | 's' | 'vs' | 'vu'): string {
  const label = `mode${labels++}`;
  return `li t0, 0x1800; csrc mstatus, t0; li t0, ${mode.endsWith('s') ? 0x800 : 0}; csrs mstatus, t0
    li t0, 0x8000000000; ${mode.startsWith('v') ? 'csrs' : 'csrc'} mstatus, t0
    la t0, ${label}; csrw mepc, t0; mret
    ${label}:`;
}

function run(cpu: string, body: string, lines: readonly number[] = []): { s: (n: number) => bigint; cycles: number } {
  const machine = new Machine({ memoryBytes: 4 << 20, cpu: cpuModel(cpu) });
  const { bytes } = assemble(FRAME(body).replaceAll('mtinst', cpu.includes('no-h,') || cpu.endsWith('no-h') ? 'mscratch' : 'mtinst'), RAM);
  machine.memory.writable(RAM, bytes.length).set(bytes);
  machine.reset(RAM);
  for (const line of lines) machine.driveGuest(0, line, true);
  machine.run({ maxInstructions: 400 });
  const { x } = machine.harts[0]!;
  return { s: (n) => BigInt.asUintN(64, x[n < 2 ? 8 + n : 16 + n]!), cycles: machine.harts[0]!.cycles };
}
const cause = (cpu: string, body: string): bigint => run(cpu, body).s(0);

const ILLEGAL = 2n, FETCH_PAGE = 12n, LOAD_PAGE = 13n, GUEST_FETCH = 20n, GUEST_LOAD = 21n;

describe('a processor with the switch', () => {
  it('no-h has no letter H in misa, no hypervisor registers, no hypervisor loads', () => {
    const misa = 'csrr s1, misa; andi s1, s1, 0x80';
    expect([run('base', misa).s(1), run('base,no-h', misa).s(1)]).toEqual([0x80n, 0n]);
    for (const body of ['csrr t0, hgatp', 'csrr t0, vsatp', 'csrr t0, mtval2', 'hlv.d t0, (sp)', 'hfence.gvma zero, zero']) {
      expect([cause('base', `li sp, ${RAM}; ${body}`), cause('base,no-h', `li sp, ${RAM}; ${body}`)], body).toEqual([0n, ILLEGAL]);
    }
  });

  it('no-vmid keeps no bit of hgatp.VMID', () => {
    const body = 'li t0, 0x83fff00000080000; csrw hgatp, t0; csrr s1, hgatp';
    expect([run('base', body).s(1), run('base,no-vmid', body).s(1)]).toEqual([0x83ff_f000_0008_0000n, 0x8000_0000_0008_0000n]);
  });

  it.each(['satp', 'vsatp'])('no-asid keeps no bit of %s.ASID', (csr) => {
    const body = `li t0, 0x8ffff00000080000; csrw ${csr}, t0; csrr s1, ${csr}`;
    expect([run('base', body).s(1), run('base,no-asid', body).s(1)]).toEqual([0x8fff_f000_0008_0000n, 0x8000_0000_0008_0000n]);
  });

  it('no-sstc has no timer compare registers', () => {
    for (const csr of ['stimecmp', 'vstimecmp'])
      expect([cause('base', `csrr t0, ${csr}`), cause('base,no-sstc', `csrr t0, ${csr}`)]).toEqual([0n, ILLEGAL]);
  });

  it('no-htinst does not say which access faulted, but says of a page-table access that it was one', () => {
    const asGuest = (vsatp: string): string => `li t0, ${vsatp}; csrw vsatp, t0; li t0, 0x8000000000080100; csrw hgatp, t0
      li t0, 0x8000020800; csrs mstatus, t0; li sp, 0x1000; ld a0, 8(sp)`;
    const direct = asGuest('0'), walk = asGuest('0x8000000000000001');
    expect([
      cause('base', direct), cause('base,no-htinst', direct), cause('base,no-htinst', walk)
    ]).toEqual([GUEST_LOAD, GUEST_LOAD, GUEST_LOAD]);
    expect([run('base', direct).s(10), run('base,no-htinst', direct).s(10)]).toEqual([0x3503n, 0n]); // ld a0, 0(zero)
    expect([run('base', walk).s(10), run('base,no-htinst', walk).s(10)]).toEqual([0x3000n, 0x3000n]);
  });

  it('no-hlv has no loads and stores as the guest would do them', () => {
    for (const body of ['hlv.d t0, (sp)', 'hlvx.hu t0, (sp)', 'hsv.b t0, (sp)'])
      expect([cause('base', `li sp, ${RAM}; ${body}`), cause('base,no-hlv', `li sp, ${RAM}; ${body}`)], body).toEqual([0n, ILLEGAL]);
  });

  it('geilen=3 has lines 1 to 3, of which VGEIN names one for the guest, and hgeie those for the supervisor', () => {
    const registers = `li t0, -1; csrw hgeie, t0; csrr s1, hgeie; csrr s2, hgeip; li t0, 0x3000; csrw hstatus, t0; li t0, 0x4000
      csrs hstatus, t0; csrr s3, hstatus; li t0, -1; csrw mie, t0; csrr s4, mie; csrr s5, mideleg
      csrr s6, mip; csrr s7, hip; csrr s8, hvip`;
    const read = (cpu: string, lines: readonly number[] = []): bigint[] => {
      const { s: saved } = run(cpu, registers, lines);
      return [saved(1), saved(2), saved(3) & 0x3f000n, saved(4) & 0x1000n, saved(5) & 0x1444n, saved(6), saved(7), saved(8)];
    };
    expect(read('base')).toEqual([0n, 0n, 0n, 0n, 0x444n, 0n, 0n, 0n]);
    expect(read('base,geilen=3')).toEqual([0xen, 0n, 0x3000n, 0x1000n, 0x1444n, 0n, 0n, 0n]);
    expect(read('base,geilen=3', [2])).toEqual([0xen, 4n, 0x3000n, 0x1000n, 0x1444n, 0x1000n, 0x1000n, 0n]);
    expect(read('base,geilen=3', [3])).toEqual([0xen, 8n, 0x3000n, 0x1000n, 0x1444n, 0x1400n, 0x1400n, 0n]);
  });

  it('geilen=3 interrupts the guest itself on its own line, and the supervisor, out of the guest, on one that it has enabled', () => {
    const guest = (setUp: string): string => `la t0, vs; csrw vstvec, t0; la t0, hs; csrw stvec, t0; li t0, 0x1222; csrs mideleg, t0
      li t0, 0x444; csrw hideleg, t0; li t0, 0x1444; csrw mie, t0; csrwi vsstatus, 2; ${setUp}; ${enter('vs')}
      li s1, 9
      here: j here
      .align 2
      vs: csrr s1, scause; ecall
      .align 2
      hs: csrr s2, scause; ecall`;
    const own = run('base,geilen=3', guest('li t0, 0x2000; csrs hstatus, t0'), [2]),
      other = run('base,geilen=3', guest('li t0, 0x1000; csrs hstatus, t0; csrwi hgeie, 4'), [2]),
      none = run('base,geilen=3', guest('li t0, 0x1000; csrs hstatus, t0'), [2]);
    expect([own.s(0), own.s(1), own.s(2)]).toEqual([10n, 1n << 63n | 9n, 0n]);
    expect([other.s(0), other.s(2)]).toEqual([9n, 1n << 63n | 12n]);
    expect([none.s(0), none.s(1)]).toEqual([0n, 9n]);
  });

  it('popf shows U mode the real sstatus, and loses its writes, without a trap', () => {
    const body =
      `csrsi sstatus, 2; ${enter('u')} csrr s1, sstatus; csrci sstatus, 2; csrr s2, sstatus; csrw sstatus, zero; csrr s3, sstatus`;
    expect(cause('base', body)).toBe(ILLEGAL);
    const { s: register } = run('base,popf', body);
    expect([register(0), register(1) & 2n, register(2) & 2n, register(3)]).toEqual([0n, 2n, 2n, register(1)]);
  });

  it('popf shows a guest\'s user the guest\'s sstatus', () => {
    const body = `csrsi sstatus, 2; csrwi vsstatus, 0; ${enter('vu')} csrr s1, sstatus`;
    expect(cause('base', body)).toBe(22n);
    expect([run('base,popf', body).s(0), run('base,popf', body).s(1) & 2n]).toEqual([0n, 0n]);
  });

  it('popf lets U mode at no other register', () => {
    for (const csr of ['sie', 'sip', 'sscratch', 'satp', 'hstatus', 'mstatus'])
      expect(cause('base,popf', `${enter('u')} csrr s1, ${csr}`), csr).toBe(ILLEGAL);
  });

  it('kseg0 gives the supervisor the window untranslated', () => {
    const body = `li t0, 0x8000000000080100; csrw satp, t0; ${enter('s')} sfence.vma; la sp, end; lwu s1, 0(sp)`;
    expect(cause('base', body)).toBe(FETCH_PAGE);
    expect([run('base,kseg0', body).s(0), run('base,kseg0', body).s(1)]).toEqual([0n, 0x6fn]); // j end
  });

  it('kseg0 gives nobody else anything there', () => {
    const read = 'la sp, end; lwu s1, 0(sp)';
    expect([cause('base,kseg0', `${enter('u')} ${read}`), cause('base', `${enter('u')} ${read}`)]).toEqual([FETCH_PAGE, 0n]);
    expect([cause('base,kseg0', `${enter('vu')} ${read}`), cause('base', `${enter('vu')} ${read}`)]).toEqual([FETCH_PAGE, 0n]);
    expect([cause('base,kseg0', `${enter('vs')} ${read}`), cause('base', `${enter('vs')} ${read}`)]).toEqual([GUEST_FETCH, 0n]);
    const asUser = `li t0, 0x20000; csrs mstatus, t0; ${read}`;
    expect([cause('base,kseg0', asUser), cause('base', asUser)]).toEqual([LOAD_PAGE, 0n]);
  });

  it('no-mmu knows no translation mode', () => {
    for (const csr of ['satp', 'vsatp', 'hgatp']) {
      const body = `li t0, 0x8000000000080000; csrw ${csr}, t0; csrr s1, ${csr}`;
      expect([run('base', body).s(1) >> 60n, run('base,no-mmu', body).s(1) >> 60n], csr).toEqual([8n, 0n]);
    }
  });

  it('exit=CYCLES charges each trap that leaves a virtual machine, and no other', () => {
    const once = `${enter('vs')} ecall`, native = `${enter('s')} ecall`;
    const price = (body: string): number => run('base,exit=1000', body).cycles - run('base', body).cycles;
    expect([price(once), price(native)]).toEqual([1000, 0]);
  });
});

describe('names of models', () => {
  it('base is the processor that the machine has when nothing is said', () => expect(cpuModel('base')).toEqual(BASE));

  it.each([
    ['', 'begin with base'], ['no-h', 'begin with base'], ['base,', "no switch ''"], ['base,no-vm', "no switch 'no-vm'"],
    ['base,no-h=1', 'takes no value'],
    ['base,exit', 'write exit=CYCLES'], ['base,exit=-1', 'write exit=CYCLES'], ['base,exit=1=2', 'write exit=CYCLES'],
    ['base,exit=2000000', 'from 0 to 1000000'],
    ['base,popf,popf', 'popf twice'], ['base,exit=1,exit=2', 'exit twice'], ['base,no-h,no-vmid', 'no-h leaves no virtual machines'],
    ['base,exit=5,no-h', 'no-h leaves'],
    ['base,no-htinst,no-h', 'no-h leaves'], ['base,no-mmu,no-asid', 'no-mmu leaves no translation'], ['base,kseg0,no-mmu', 'no-mmu leaves'],
    ['base,no-vmid,no-mmu', 'no-mmu leaves'],
  ])('%s is refused', (text, why) => {
    expect(() => cpuModel(text)).toThrow(CpuError);
    expect(() => cpuModel(text)).toThrow(why);
  });

  it('each switch has a file of its own that names a processor and a paper, and a place in the page', () => {
    const page = readFileSync(new URL('../../docs/processors.md', import.meta.url), 'utf8');
    const files = readdirSync(new URL('.', import.meta.url));
    for (const option of switches) {
      expect(files).toContain(`${option.name}.ts`);
      const text = readFileSync(new URL(`${option.name}.ts`, import.meta.url), 'utf8');
      expect(text).toMatch(/Processors?[:,]/);
      expect(text).toContain('Told by:');
      expect(page).toContain(`\`${usage(option)}\``);
    }
  });
});
