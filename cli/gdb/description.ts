/**
 * Target descriptions: which registers there are, in the features that GDB knows. @spec gdb "RISC-V Features"
 * The numbers are those of machine/debug/registers.ts.
 */
import { csrsOf, REG } from '../../machine/debug/registers.ts';
import type { Features } from '../../machine/hart/features.ts';

const INTEGER = [
  'zero', 'ra', 'sp', 'gp', 'tp', 't0', 't1', 't2', 'fp', 's1', ...numbered('a', 0, 8), ...numbered('s', 2, 10), ...numbered('t', 3, 4)
];
const FLOAT = [...numbered('ft', 0, 8), 'fs0', 'fs1', ...numbered('fa', 0, 8), ...numbered('fs', 2, 10), ...numbered('ft', 8, 4)];
const FLOAT_CSRS = ['fflags', 'frm', 'fcsr'];
const POINTERS: Readonly<Record<string, string>> = { ra: 'code_ptr', sp: 'data_ptr', gp: 'data_ptr', tp: 'data_ptr', fp: 'data_ptr' };

function numbered(name: string, first: number, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${name}${first + i}`);
}

const register = (name: string, number: number, bits: number, type = 'int', group = ''): string =>
  `<reg name="${name}" bitsize="${bits}" regnum="${number}" type="${type}"${group === '' ? '' : ` group="${group}"`}/>`;

const feature = (name: string, lines: readonly string[]): string => `<feature name="${name}">\n${lines.join('\n')}\n</feature>`;

const CPU = feature('org.gnu.gdb.riscv.cpu',
  [...INTEGER.map((name, i) => register(name, i, 64, POINTERS[name])), register('pc', REG.pc, 64, 'code_ptr')]);
const UNION = '<union id="riscv_double"><field name="float" type="ieee_single"/><field name="double" type="ieee_double"/></union>';
const FPU = feature('org.gnu.gdb.riscv.fpu', [
  UNION,
  ...FLOAT.map((name, i) => register(name, REG.f + i, 64, 'riscv_double', 'float')),
  ...FLOAT_CSRS.map((name, i) => register(name, REG.csr + 1 + i, 32, 'int', 'float')),
]);

function target(features: readonly string[], system = ''): string {
  return `<?xml version="1.0"?>\n<!DOCTYPE target SYSTEM "gdb-target.dtd">\n<target version="1.0">\n`
    + `<architecture>riscv:rv64</architecture>\n${system}${features.join('\n')}\n</target>\n`;
}

/** Everything that a hart has. */
export function hartDescription(features: Features): string {
  const csrs = csrsOf(features).filter((csr) => !FLOAT_CSRS.includes(csr.name));
  return target([
    CPU,
    FPU,
    feature('org.gnu.gdb.riscv.virtual', [register('priv', REG.priv, 64)]),
    feature('org.gnu.gdb.riscv.csr', csrs.map((csr) => register(csr.name, REG.csr + csr.number, 64, 'int', 'csr'))),
    feature('org.tessera.hart', [register('virt', REG.virt, 64)]),
  ]);
}

/** The supervisor's registers, which a virtual machine has under these names; the machine keeps them 0x100 above. */
const GUEST_CSRS: Readonly<Record<string, number>> = {
  sstatus: 0x100, sie: 0x104, stvec: 0x105, sscratch: 0x140, sepc: 0x141, scause: 0x142, stval: 0x143, sip: 0x144, stimecmp: 0x14d,
  satp: 0x180,
};
export const GUEST_OFFSET = 0x100;

/** What a virtual processor has. */
export const guestDescription: string = target([
  CPU,
  FPU,
  feature('org.gnu.gdb.riscv.virtual', [register('priv', REG.priv, 64)]),
  feature('org.gnu.gdb.riscv.csr', Object.entries(GUEST_CSRS).map(([name, number]) => register(name, REG.csr + number, 64, 'int', 'csr'))),
]);

/** What a user program sees. */
export const userDescription: string = target([CPU, FPU], '<osabi>GNU/Linux</osabi>\n');

/** Bytes of a register. */
export const registerBytes = (number: number): number => (number > REG.csr && number <= REG.csr + FLOAT_CSRS.length ? 4 : 8);
