/**
 * The groups of riscv-arch-test: the ISA string each is built for, the machine it runs on, and the tests left out, with reasons.
 *
 * `K_unratified` was written for a draft of the cryptography extensions. Its instructions that were ratified under other names kept their
 * encoding (arch-test-draft.h spells them); packu and packuw were dropped and are legal only where the ISA string names the draft.
 */
import { join } from 'node:path';

interface Group {
  /** `-march` of the compiler. */
  readonly march: string;
  /** ISA string of the machine: tests of misaligned jumps need one without compressed instructions. */
  readonly isa: string;
  readonly defines?: readonly string[];
}

const CRYPTO = 'zbb_zbc_zbkb_zbkc_zbkx_zknd_zkne_zknh_zksed_zksh';

export const groups: Record<string, Group> = {
  I: { march: 'rv64i_zicsr', isa: 'rv64imafdc_zicsr_zifencei' },
  M: { march: 'rv64im_zicsr', isa: 'rv64imafdc_zicsr_zifencei' },
  C: { march: 'rv64imac_zicsr', isa: 'rv64imafdc_zicsr_zifencei' },
  B: { march: 'rv64i_zba_zbb_zbc_zbs_zicsr', isa: 'rv64imafdc_zicsr_zba_zbb_zbc_zbs' },
  D: { march: 'rv64ifd_zicsr', isa: 'rv64imafdc_zicsr_zifencei', defines: ['-DFLEN=64'] },
  K_unratified: {
    march: `rv64i_zicsr_${CRYPTO}`, isa: `rv64imafdc_zicsr_${CRYPTO}_xdraftk`,
    defines: ['-include', join(import.meta.dirname, 'arch-test-draft.h')]
  },
  Zifencei: { march: 'rv64i_zicsr_zifencei', isa: 'rv64imafdc_zicsr_zifencei' },
  privilege: { march: 'rv64i_zicsr', isa: 'rv64imafd_zicsr_zifencei' },
};

/** The ISA string of the machine that runs a test: the references of the misalign tests are of a hart whose misaligned accesses trap. */
export const isaOf = (group: string, test: string): string => groups[group]!.isa + (/^misalign-[ls]/.test(test) ? '_xstrictalign' : '');

/** `group/test`: reason. */
export const excluded: Record<string, string> = {};

/** Tests whose reference signature is in the public history but not their source; the suite's own generator creates the sources again. */
export const regenerated = ['D/d_fadd_b11-01', 'D/d_fsub_b11-01'] as const;
export const REGENERATED = 'The sources of d_fadd_b11-01 and d_fsub_b11-01 are missing from the public copy of the history. They were made '
  + 'anew with the suite\'s own generator, '
  + 'riscv-ctg 0.5.6 with riscv-isac 0.7.3 (87d5bef and 7234b3b), from its coverage files, with the options that the neighbouring sources '
  + 'name. Operands come from a seeded '
  + 'generator and are the same each time; registers of the first few instances are drawn anew, so the draw was repeated until the same '
  + 'two of them use one register twice. '
  + 'All 42,852 words of either reference then agree; with one operand changed they do not.';

export function buildFlags(checkout: string, group: string): string[] {
  const { march, defines = [] } = groups[group]!;
  const target = join(checkout, 'riscv-target/sail-riscv-c');
  return [
    `-march=${march}`, '-mabi=lp64', '-DXLEN=64', ...defines, '-w', '-static', '-mcmodel=medany', '-nostdlib', '-nostartfiles',
    `-I${join(checkout, 'riscv-test-suite/env')}`, `-I${target}`, `-T${join(target, 'link.ld')}`,
  ];
}
