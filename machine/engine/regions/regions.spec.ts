/** Random programs on both tiers: registers, memory and counts agree at the end of every slice, however long it is. */
import { describe, expect, it } from 'vitest';
import { FULL_ISA } from '../../../hardware/isa/table.ts';
import { HS, RAM_BASE } from '../layout.ts';
import { TestMachine } from '../testing.ts';

/** A small deterministic generator of numbers (xorshift). */
function generator(seed: number): (below: number) => number {
  let state = seed | 1;
  return (below) => {
    state ^= state << 13; state ^= state >>> 17; state ^= state << 5;
    return (state >>> 0) % below;
  };
}

const ALU = [
  'add', 'sub', 'xor', 'or', 'and', 'sll', 'srl', 'sra', 'slt', 'sltu', 'addw', 'subw', 'sllw', 'srlw', 'sraw', 'mul', 'mulh', 'mulhu',
  'mulhsu', 'div', 'divu', 'rem', 'remu', 'mulw', 'divw', 'remuw', 'andn', 'max', 'minu', 'rol', 'sh2add'
];
const ALU_IMM = ['addi', 'xori', 'ori', 'andi', 'slti', 'sltiu', 'addiw'];
const LOADS = ['lb', 'lh', 'lw', 'ld', 'lbu', 'lhu', 'lwu'];
const STORES = ['sb', 'sh', 'sw', 'sd'];
const FLOAT = ['fadd.d', 'fsub.d', 'fmul.d', 'fdiv.d', 'fmin.d', 'fsgnjx.d', 'fadd.s', 'fmul.s'];
const AMO = ['amoadd.d', 'amoswap.w', 'amomax.d', 'amoxor.w', 'lr.d', 'sc.d'];
const DATA = RAM_BASE + 0x8000;

/** x8, x9 and x18 point to data, x19 counts rounds, x20 points to the instruction that is rewritten. */
function program(random: (below: number) => number): string {
  const pick = <T>(list: readonly T[]): T => list[random(list.length)]!;
  const x = (): string => pick(['a0', 'a1', 'a2', 'a3', 't0', 't1', 't2', 'zero']);
  const register = (): string => `fa${random(5)}`;
  const offset = (): number => random(97) - 48;
  let labels = 0;
  const open: { name: string; after: number }[] = [];
  const lines: string[] = ['again: addi s3, s3, -1', 'beqz s3, out'];
  const kinds: (() => string)[] = [
    () => `${pick(ALU)} ${x()}, ${x()}, ${x()}`, () => `${pick(ALU)} ${x()}, ${x()}, ${x()}`,
    () => `${pick(ALU_IMM)} ${x()}, ${x()}, ${offset()}`,
    () => `slli ${x()}, ${x()}, ${random(64)}`, () => `auipc ${x()}, ${random(8)}`,
    () => `${pick(LOADS)} ${x()}, ${offset()}(${pick(['s0', 's1'])})`, () => `${pick(LOADS)} ${x()}, ${offset()}(s0)`,
    () => `${pick(STORES)} ${x()}, ${offset()}(${pick(['s0', 's1'])})`, () => `${pick(STORES)} ${x()}, ${offset()}(s0)`,
    () => `addi s0, s0, ${offset()}`, () => `fld ${register()}, ${offset()}(s1)`, () => `fsd ${register()}, ${offset()}(s1)`,
    () => { const op = pick(FLOAT); return `${op} ${register()}, ${register()}, ${register()}`; }, () => `fcvt.d.w ${register()}, ${x()}`,
    () => `fmadd.d ${register()}, ${register()}, ${register()}, ${register()}`,
    () => { const op = pick(AMO); return op === 'lr.d' ? `lr.d ${x()}, (s2)` : `${op} ${x()}, ${x()}, (s2)`; },
    () => `jal ra, function${random(2)}`, () => 'fence.i', () => `sw ${pick(['s5', 's6'])}, 0(s4)`, () => 'patch_here',
    () => 'c.addi a0, 1',
  ];
  for (let i = 0; i < 40; i++) {
    const due = open.findIndex((l) => l.after <= i);
    if (due >= 0) lines.push(`${open.splice(due, 1)[0]!.name}: nop`);
    if (random(6) === 0) {
      const name = `l${labels++}`;
      open.push({ name, after: i + 1 + random(8) });
      lines.push(`${pick(['beq', 'bne', 'blt', 'bgeu'])} ${x()}, ${x()}, ${name}`);
    } else lines.push(pick(kinds)());
  }
  for (const label of open) lines.push(`${label.name}: nop`);
  // An inner loop, and the instruction that stores rewrite.
  lines.push('li s7, 5', 'inner: addi s7, s7, -1', `${pick(STORES)} a0, 8(s0)`, 'patch: addi a1, a1, 1', 'bnez s7, inner', 'mv s0, s8',
    'j again');
  lines.push('function0: add a2, a2, ra', 'ret', 'function1: beqz a0, function0', 'sd a0, 0(s1)', 'ret', 'out: ebreak');
  return lines.filter((l) => l !== 'patch_here').join('; ');
}

function prepare(testMachine: TestMachine, seed: number): TestMachine {
  const random = generator(seed);
  const symbols = testMachine.program(program(random));
  for (let i = 0; i < 32; i++) testMachine.setX(i, i === 0 ? 0n : BigInt(random(0x7fff_ffff)) * (random(2) ? 0x1_0000_0001n : 1n));
  for (let i = 0; i < 32; i++)
    testMachine.setF(i,
      BigInt.asIntN(64, [0x3ff0000000000000n, 0x4009_21fb_5444_2d18n, -0x4000_0000_0000_0000n, 0xffff_ffff_3fc0_0000n, 0n][random(5)]!));
  for (const i of [8, 24]) testMachine.setX(i, BigInt(DATA + 4096 - random(80)));
  testMachine.setX(9, BigInt(DATA + 256));
  testMachine.setX(18, BigInt(DATA + 1024));
  testMachine.setX(19, 60n);
  testMachine.setX(20, symbols.get('patch')!);
  testMachine.setX(21, 0x0015_8593n); // addi a1, a1, 1
  testMachine.setX(22, 0x0035_8593n); // addi a1, a1, 3
  return testMachine;
}

const fields = [HS.PC, HS.FFLAGS, HS.FS_DIRTY, HS.RES];
function state(testMachine: TestMachine): string {
  const registers = Array.from({ length: 32 }, (_, i) => `${testMachine.x(i)} ${testMachine.f(i)}`);
  const memory = testMachine.bytes.subarray(testMachine.linear(DATA) - 256, testMachine.linear(DATA) + 8192);
  let sum = 0;
  for (const byte of memory) sum = (Math.imul(sum, 31) + byte) | 0;
  return [...registers, ...fields.map((f) => testMachine.get64(f)), sum, testMachine.slowed.length, testMachine.faults.length].join('\n');
}

/** One slice; skips an instruction that the test's hart side does not support. Returns the instructions retired. */
function slice(machine: TestMachine, budget: number): number {
  const before = machine.slowed.length;
  const done = machine.run(budget);
  if (machine.slowed.length > before && machine.slowed.at(-1) !== 'fence.i' && machine.slowed.at(-1) !== 'ebreak')
    machine.set64(HS.PC, machine.get64(HS.PC) + 4n);
  return done;
}

describe('the two tiers', () => {
  const programs = Array.from({ length: 16 }, (_, i) => i + 1);
  const cases = [Infinity, 2].flatMap((leanFrom) => programs.map((seed) => ({ seed, leanFrom })));
  it.each(cases)('agree on random program $seed, regions lean from $leanFrom on', ({ seed, leanFrom }) => {
    const [testMachine, translated] = (['interp', 'jit'] as const).map((tier) =>
      prepare(new TestMachine(FULL_ISA, undefined, tier, undefined, leanFrom), seed)) as [TestMachine, TestMachine];
    const random = generator(seed * 77);
    for (let i = 0; i < 400 && testMachine.slowed.at(-1) !== 'ebreak'; i++) {
      const budget = 1 + random(random(4) === 0 ? 400 : 40);
      expect(slice(translated, budget)).toBe(slice(testMachine, budget));
      expect(state(translated)).toBe(state(testMachine));
    }
    expect(translated.engine.stats().translatedInstructions).toBeGreaterThan(0);
  });

  it('agree on loops that are entered at their test, one in the other, wherever a slice ends', () => {
    const text = 'li s1, 20; li a2, 1; j outerTest; outer: li s2, 7; andi t0, s1, 1; beqz t0, innerTest; inner: add a0, a0, a2; sd a0, '
      + '0(s0); innerTest: addi s2, s2, -1; xor a1, a1, a0; bgez s2, inner; outerTest: addi s1, s1, -1; addi a2, a2, 3; bgez s1, outer; '
      + 'ebreak';
    const [interpreted, translated] = (['interp', 'jit'] as const).map((tier) =>
      new TestMachine(FULL_ISA, undefined, tier)) as [TestMachine, TestMachine];
    for (const machine of [interpreted, translated]) { machine.program(text); machine.setX(8, BigInt(DATA)); }
    const random = generator(5);
    while (interpreted.slowed.at(-1) !== 'ebreak') {
      const budget = 1 + random(90);
      expect(slice(translated, budget)).toBe(slice(interpreted, budget));
      expect(state(translated)).toBe(state(interpreted));
    }
    expect(translated.engine.stats().translatedInstructions).toBeGreaterThan(0);
  });

  it('agree when there is room for hardly any translation, and no more are kept than that', () => {
    const interpreted = prepare(new TestMachine(FULL_ISA, undefined, 'interp'), 1);
    const translated = prepare(new TestMachine(FULL_ISA, undefined, 'jit', 2000), 1);
    for (let i = 0; i < 100 && interpreted.slowed.at(-1) !== 'ebreak'; i++) {
      expect(slice(translated, 50)).toBe(slice(interpreted, 50));
      expect(state(translated)).toBe(state(interpreted));
    }
    expect(translated.engine.stats().regions).toBeLessThan(6);
  });

  it('forget translations with their page: what is loaded over them is executed', () => {
    const machine = new TestMachine(FULL_ISA, undefined, 'jit');
    for (const n of [1n, 2n, 3n]) {
      machine.program(`li a0, 0; li a1, 9; loop: addi a0, a0, ${n}; addi a1, a1, -1; bnez a1, loop; ebreak`);
      machine.run();
      expect(machine.x(10)).toBe(9n * n);
    }
  });

  it('take a page that keeps changing to be data: it stays interpreted', () => {
    const machine = new TestMachine(FULL_ISA, undefined, 'jit');
    machine.program(
      'li a1, 200; lw t0, 0(s4); loop: sw t0, 0(s4); addi a1, a1, -1; fence.i; j patch; nop; patch: addi a0, a0, 1; bnez a1, loop; ebreak');
    machine.setX(20, BigInt(RAM_BASE + 28));
    machine.run();
    expect(machine.x(10)).toBe(200n);
    expect(machine.engine.stats().translatedInstructions).toBeLessThan(600);
  });

  it('keep no more than they may of a program that writes code for ever', () => {
    const ROUNDS = 1500;
    const [plain, limited] = [new TestMachine(FULL_ISA, undefined, 'interp'), new TestMachine(FULL_ISA, 8, 'jit', 30_000)];
    for (const machine of [plain, limited]) {
      // Each round writes a loop somewhere else: addi a0, a0, 1; addi a1, a1, -1; bnez a1, -8; ret. It cycles through 64 KiB, more pages
      // than may have records.
      machine.program(`li s1, ${ROUNDS}; mv s0, s3; round: lw t0, 0(s4); sw t0, 0(s0); lw t0, 4(s4); sw t0, 4(s0); lw t0, 8(s4)
        sw t0, 8(s0); lw t0, 12(s4); sw t0, 12(s0);
        fence.i; li a1, 5; jalr ra, 0(s0); addi s0, s0, 192; bltu s0, s5, next; mv s0, s3; next: addi s1, s1, -1; bnez s1, round; ebreak`);
      machine.setX(19, BigInt(RAM_BASE + 0x1_0000));
      machine.setX(20, BigInt(DATA));
      machine.setX(21, BigInt(RAM_BASE + 0x2_0000));
      [0x0015_0513, 0xfff5_8593, 0xfe05_9ce3, 0x0000_8067].forEach((word, i) => {
        machine.view.setUint32(machine.linear(DATA) + i * 4, word, true);
      });
      let most = 0;
      while (machine.slowed.at(-1) !== 'ebreak') {
        machine.run(2000);
        most = Math.max(most, machine.engine.stats().regions);
      }
      expect(machine.x(10)).toBe(BigInt(5 * ROUNDS));
      expect(most).toBeLessThan(60);
    }
    expect(limited.engine.stats().codePages).toBeLessThanOrEqual(8);
    expect(limited.engine.stats().translatedInstructions).toBeGreaterThan(5 * ROUNDS);
  });
});
