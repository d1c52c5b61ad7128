import { beforeEach, describe, expect, it } from 'vitest';
import { FULL_ISA } from '../../hardware/isa/table.ts';
import { HS, RAM_BASE } from './layout.ts';
import { TestMachine } from './testing.ts';

let m: TestMachine;
const LEFT = ['ebreak'];

describe.each(['interp', 'jit'] as const)('the engine (%s)', (tier) => {
  beforeEach(() => { m = new TestMachine(FULL_ISA, undefined, tier); });

  it('runs a loop and leaves at ebreak with the exact pc and count', () => {
    const symbols = m.program('li a0, 10; li a1, 0; loop: add a1, a1, a0; addi a0, a0, -1; bnez a0, loop; end: ebreak');
    expect(m.run()).toBe(2 + 30);
    expect(m.x(11)).toBe(55n);
    expect(m.get64(HS.PC)).toBe(symbols.get('end'));
    expect(m.slowed).toEqual(LEFT);
  });

  it('stops after exactly the given number of instructions, wherever that is', () => {
    m.program('loop: addi a0, a0, 1; c.addi a1, 1; j loop');
    for (let n = 1; n < 12; n++) {
      expect(m.run(n)).toBe(n);
      expect(m.get32(HS.BUDGET)).toBe(0);
    }
    const total = 66; // 1 + … + 11
    expect([m.x(10), m.x(11), m.get64(HS.PC)]).toEqual([22n, 22n, BigInt(RAM_BASE + [0, 4, 6][total % 3]!)]);
  });

  it('keeps x0 at zero', () => {
    m.program('li zero, 5; lui zero, 1; c.nop 3; ld zero, 0(sp); amoadd.d zero, sp, (sp); jal zero, on; on: add a0, zero, zero; ebreak');
    m.setX(2, BigInt(RAM_BASE + 0x8000));
    m.setX(10, 1n);
    m.run();
    expect([m.x(0), m.x(10), m.slowed]).toEqual([0n, 0n, LEFT]);
  });

  it('loads and stores every size, extended as the kind says, first through the slow path and then through the TLB', () => {
    const sizes = ['b', 'h', 'w', 'd', 'bu', 'hu', 'wu'];
    const text = `li s1, 2; li t1, 0x8877665544332211; again: sd t1, 0(s0); sb t1, 8(s0); sh t1, 9(s0); sw t1, 12(s0); sd t1, 16(s0);
      ${sizes.map((k, i) => `l${k} a${i}, 7(s0)`).join(';')}; addi s1, s1, -1; bnez s1, again; ebreak`;
    m.program(text);
    m.setX(8, BigInt(RAM_BASE + 0x8000));
    m.run();
    const at = (n: number): bigint => m.view.getBigUint64(m.linear(RAM_BASE + 0x8000) + n, true);
    const raw = at(7);
    expect(sizes.map((_k, i) => m.x(10 + i))).toEqual([8, 16, 32, 64].map((b) => BigInt.asIntN(b, raw)).concat([8, 16, 32].map((b) =>
      BigInt.asUintN(b, raw))));
    expect(at(0)).toBe(0x8877665544332211n);
    expect([m.calls.load, m.calls.store]).toEqual([1, 1]);
  });

  it('takes the slow path for an access that leaves the page, and reports a fault there', () => {
    m.program('ld a0, 0(s0); ld a0, 0xffc(s0); ebreak'.replace('0xffc', '2044'));
    m.setX(8, BigInt(RAM_BASE + 0x8000 + 4096 - 2048));
    m.run();
    expect(m.calls.load).toBe(2);
    m.setX(8, 0n);
    m.program('ld a0, 0(s0)');
    expect(m.run()).toBe(0);
    expect(m.faults).toEqual([0]);
  });

  it('goes on to the next page, by falling through and by an instruction that straddles the boundary', () => {
    m.program('li a0, 7; c.nop; ebreak', RAM_BASE + 4092);
    m.run();
    expect([m.x(10), m.slowed, m.calls.second]).toEqual([7n, LEFT, 0]);
    m.program('li a0, 9; c.nop; ebreak', RAM_BASE + 8190);
    m.run();
    expect([m.x(10), m.get64(HS.PC), m.calls.second]).toEqual([9n, BigInt(RAM_BASE + 8196), 1]);
    // The second half changes: the composed instruction follows.
    m.view.setUint16(m.linear(RAM_BASE + 8192), 0x0030, true);
    m.set64(HS.PC, BigInt(RAM_BASE + 8190));
    m.run();
    expect(m.x(10)).toBe(3n);
  });

  it('jumps from a straddling branch, near and far', () => {
    m.program('beqz zero, on; li a0, 1; on: ebreak', RAM_BASE + 8190);
    m.run();
    expect([m.x(10), m.get64(HS.PC)]).toEqual([0n, BigInt(RAM_BASE + 8198)]);
  });

  it('executes what a store has just written, later on the same page and in the same block', () => {
    m.program('lw t0, 24(s0); auipc s1, 0; sw t0, 8(s1); li a0, 1; ebreak; nop; li a0, 2');
    m.setX(8, BigInt(RAM_BASE));
    m.run();
    expect(m.x(10)).toBe(2n);
  });

  it('gives a page that is only written its write tag back', () => {
    m.program('li s1, 1000; loop: sd s1, 2047(s0); addi s1, s1, -1; bnez s1, loop; ebreak');
    m.program('nop; ebreak', RAM_BASE + 0x8000);
    m.run();
    m.setX(8, BigInt(RAM_BASE + 0x8000));
    m.set64(HS.PC, BigInt(RAM_BASE));
    m.run();
    expect(m.calls.store).toBeLessThan(100);
  });

  it('evicts decoded pages when the pool is full, and decodes them again', () => {
    m = new TestMachine('rv64gc', 3, tier);
    for (let page = 0; page < 8; page++)
      m.program(page < 7
        ? 'addi a0, a0, 1; lui t0, 1; add t1, t1, t0; jr t1'
        : 'addi a1, a1, -1; mv t1, s0; beqz a1, out; jr t1; out: ebreak',
        RAM_BASE + page * 4096);
    m.setX(8, BigInt(RAM_BASE));
    m.setX(6, BigInt(RAM_BASE));
    m.setX(11, 3n);
    m.set64(HS.PC, BigInt(RAM_BASE));
    m.run();
    expect([m.x(10), m.slowed, m.engine.stats().codePages]).toEqual([21n, LEFT, 3]);
  });

  it('does moves, constants and comparisons with zero in their cheaper forms alike', () => {
    m.program('li a0, -5; mv a1, a0; c.mv a2, a1; c.li a3, 3; add a4, zero, a3; addiw a5, a0, 0; add zero, zero, a0; mv zero, a0; beqz '
      + 'zero, on; li a0, 1; on: bnez a3, over; li a0, 2; over: c.bnez a3, out; li a0, 3; out: ebreak');
    m.run();
    expect([0, 10, 11, 12, 13, 14, 15].map((n) => m.x(n))).toEqual([0n, -5n, -5n, -5n, 3n, 3n, -5n]);
  });

  it('reserves and stores conditionally; an intervening slice loses the reservation', () => {
    m.program('lr.d a0, (s0); addi a0, a0, 1; sc.d a1, a0, (s0); sc.d a2, a0, (s0); ebreak');
    m.setX(8, BigInt(RAM_BASE + 0x8000));
    m.run();
    m.set64(HS.PC, BigInt(RAM_BASE));
    m.run();
    expect([m.x(10), m.x(11), m.x(12)]).toEqual([2n, 0n, 1n]);
    m.set64(HS.PC, BigInt(RAM_BASE));
    m.run(2);
    m.run();
    expect([m.x(10), m.x(11)]).toEqual([3n, 1n]);
  });

  it('hands rows without semantics, and all illegal words, to the hart side', () => {
    for (const [text, name] of [
      ['csrr a0, cycle', 'csrrs'], ['wfi', 'wfi'], ['.word 0', 'illegal'], ['.word 0xffffffff', 'illegal'],
      ['fround.d fa0, fa0', 'fround.d'], ['c.ebreak', 'ebreak']
    ] as const) {
      m.slowed.length = 0;
      m.program(text);
      expect(m.run()).toBe(0);
      expect(m.slowed).toEqual([name]);
    }
    m.set32(HS.FS_ON, 0);
    m.slowed.length = 0;
    m.program('fld fa0, 0(s0)');
    m.run();
    expect(m.slowed).toEqual(['illegal']);
  });
});
