/**
 * The groups of riscv-arch-test: what each is built for, on what machine it runs; and what is left out, and why.
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
  K_unratified: { march: `rv64i_zicsr_${CRYPTO}`, isa: `rv64imafdc_zicsr_${CRYPTO}_xdraftk`, defines: ['-include', join(import.meta.dirname, 'arch-test-draft.h')] },
  Zifencei: { march: 'rv64i_zicsr_zifencei', isa: 'rv64imafdc_zicsr_zifencei' },
  privilege: { march: 'rv64i_zicsr', isa: 'rv64imafd_zicsr_zifencei' },
};

/** The ISA string of the machine that runs a test: the references of the misalign tests are of a hart whose misaligned accesses trap. */
export const isaOf = (group: string, test: string): string => groups[group]!.isa + (/^misalign-[ls]/.test(test) ? '_xstrictalign' : '');

/** `group/test`: reason. */
export const excluded: Record<string, string> = {};

export function buildFlags(checkout: string, group: string): string[] {
  const { march, defines = [] } = groups[group]!;
  const target = join(checkout, 'riscv-target/sail-riscv-c');
  return [
    `-march=${march}`, '-mabi=lp64', '-DXLEN=64', ...defines, '-w', '-static', '-mcmodel=medany', '-nostdlib', '-nostartfiles',
    `-I${join(checkout, 'riscv-test-suite/env')}`, `-I${target}`, `-T${join(target, 'link.ld')}`,
  ];
}
