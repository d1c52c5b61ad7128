import { describe, expect, it } from 'vitest';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Profiler } from '../machine/engine/profile.ts';
import { assemble } from '../hardware/isa/assemble.ts';
import { Machine } from '../machine/machine.ts';
import { FunctionNames } from '../system/panic/names.ts';
import { Profile, profileTable, readSymbolFile } from './profile.ts';
import { temporaryFolder } from '../test/temporary.ts';

const RAM = 0x8000_0000;

/** A program that spends nine tenths of its instructions in `hot`. */
const program = `main: call cold; call hot; j main
  cold: li t0, 1000; cold1: addi t0, t0, -1; bnez t0, cold1; ret
  hot: li t0, 9000; hot1: addi t0, t0, -1; bnez t0, hot1; ret`;

function profiled(engine: 'interp' | 'auto'): { profiler: Profiler; machine: Machine; symbols: Map<string, number> } {
  const machine = new Machine({ memoryBytes: 1 << 20, engine });
  const { bytes, symbols } = assemble(program, RAM);
  machine.memory.writable(RAM, bytes.length).set(bytes);
  machine.reset(RAM);
  const profiler = (machine.profiler = new Profiler());
  machine.run({ maxInstructions: 4_000_000 });
  return { profiler, machine, symbols: new Map(['main', 'cold', 'hot'].map((name) => [name, Number(symbols.get(name)!)])) };
}

describe('--profile', () => {
  it.each(['interp', 'auto'] as const)('gives each function its share, with --engine %s', (engine) => {
    const { profiler, symbols } = profiled(engine);
    const names = new FunctionNames();
    names.add(symbols);
    const rows = profileTable(profiler.samples(), names).split('\n').slice(3).filter((line) => line !== '')
      .map((line) => line.trim().split(/\s+/));
    const share = (name: string): number => Number(rows.find((r) => r.at(-1) === name)?.[0] ?? 0);
    expect(Math.abs(share('hot') - 90)).toBeLessThan(5);
    expect(Math.abs(share('cold') - 10)).toBeLessThan(5);
    expect(rows[0]!.slice(-2)).toEqual(['M', 'hot']);
    expect(Number(rows[0]![3])).toBeGreaterThan(engine === 'interp' ? -1 : 80); // of it translated, in percent
  });

  it('changes nothing of what is computed', () => {
    const plain = new Machine({ memoryBytes: 1 << 20 });
    const { bytes } = assemble(program, RAM);
    plain.memory.writable(RAM, bytes.length).set(bytes);
    plain.reset(RAM);
    plain.run({ maxInstructions: 4_000_000 });
    const { machine } = profiled('auto');
    expect([...machine.harts[0]!.x, machine.harts[0]!.pc, machine.events.now]).toEqual([
      ...plain.harts[0]!.x, plain.harts[0]!.pc, plain.events.now
    ]);
  });

  it('names what has no symbol by its address, upper half included', () => {
    const sample = { pc: -0x7fff_fffe, priv: 1, virt: true, instructions: 20_000, translated: 0, seconds: 0.1 };
    expect(profileTable([sample], new FunctionNames())).toContain('VS    0xffffffff80000000 …');
    const names = new FunctionNames();
    names.add(new Map([['_start', -0x8000_0000]]));
    expect(profileTable([sample], names)).toContain('VS    _start');
  });

  it('reads symbols as Linux lists them', () => {
    const file = join(temporaryFolder('symbols'), 'kallsyms');
    writeFileSync(file, 'ffffffff80002000 T _start\nffffffff80002010 d data\nffffffff80002020 t helper\t[module]\n');
    expect([...readSymbolFile(file)]).toEqual([['_start', -0x7fff_e000], ['helper', -0x7fff_dfe0]]);
  });

  it('says what is wrong with symbols', () => {
    const file = join(temporaryFolder('symbols'), 'notes');
    writeFileSync(file, 'hello\n');
    expect(() => Profile.asked({ profile: true, symbols: file })).toThrow(/has no functions/);
    expect(() => Profile.asked({ profile: true, symbols: `${file}.not` })).toThrow(/no such file|does not exist/i);
    expect(() => Profile.asked({ symbols: file })).toThrow(/has no functions/);
  });
});
