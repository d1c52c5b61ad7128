import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { assemble } from '../hardware/isa/assemble.ts';
import { tessera } from '../test/tessera.ts';
import { temporaryFolder } from '../test/temporary.ts';

/** Prints y when sh1add (Zba) is executed, n when it traps, and shuts down. */
const PROGRAM = `
  auipc t0, 0; addi t0, t0, 40; csrw stvec, t0; sh1add a1, a1, a1; li a0, 121; out: li a7, 1; ecall; li a7, 8; ecall; nop;
  li a0, 110; j out`;
const folder = temporaryFolder('isa'), image = join(folder, 'zba.bin');
const { bytes } = assemble(PROGRAM, 0x8020_0000);
writeFileSync(image, bytes);

const vm = (...words: string[]) => tessera(['vm', '--memory', '64M', '--kernel', image, ...words]);

describe('vm --isa', () => {
  it.each([[[], 'y'], [['--isa', 'rv64gc_zba'], 'y'], [['--isa', 'rv64gc'], 'n'], [['--isa', 'rv64gc', '--virt', 'trap'], 'n']])(
    '%j: instructions that the guest does not get trap', async (words, said) => {
      expect(await vm(...words)).toMatchObject({ status: 0, stdout: said });
    });
  it('refuses in one line what no guest gets, and what is no ISA string', async () => {
    const line = async (...words: string[]): Promise<string> => (await vm(...words)).stderr.split('\n')[0]!;
    expect(await line('--isa', 'rv64gch')).toMatch(/^tessera: E_ISA: --isa: a guest does not get 'h'; it may get rv64imafdc_/);
    expect(await line('--isa', 'rv32i')).toMatch(/^tessera: E_ISA: --isa: "rv32i" is not an RV64 ISA string/);
    expect(await line('--isa', 'rv64gc_xyz')).toMatch(/^tessera: E_ISA: --isa: this machine does not have 'xyz'/);
    expect(await line('--isa', 'rv64gc_sstc', '--cpu', 'base,no-sstc')).toMatch(/^tessera: E_CPU: --cpu base,no-sstc takes away 'sstc'/);
  });
});
