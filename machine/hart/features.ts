/**
 * Features of the hart model beyond instructions. They follow from the ISA string, which can select a machine without the hypervisor
 * extension, without Sstc and so on. An absent extension has no CSRs, and its enable bits are zero.
 */
import { parseIsa, STRICT_ALIGNMENT } from '../../hardware/isa/table.ts';

export interface Features {
  /** The hypervisor extension. */
  readonly h: boolean;
  /** Floating point, with its status register. */
  readonly f: boolean;
  /** stimecmp; and vstimecmp, where there is a hypervisor extension. */
  readonly sstc: boolean;
  readonly vsstc: boolean;
  /** Software can enable the hardware update of accessed and dirty bits. */
  readonly svadu: boolean;
  readonly svnapot: boolean;
  readonly svpbmt: boolean;
  /** State enables; hstateen as well, where there is a hypervisor extension. */
  readonly smstateen: boolean;
  readonly hstateen: boolean;
  /** Misaligned loads and stores trap. */
  readonly strictAlignment: boolean;
  /** Cache-block management, and zeroing. */
  readonly zicbom: boolean;
  readonly zicboz: boolean;
  /** Counters report overflows. */
  readonly sscofpmf: boolean;
  /** Machine-mode lockdown of physical memory protection. */
  readonly smepmp: boolean;
  /** The letters of misa. */
  readonly letters: number;
}

/** The extensions that only the hart model implements; instruction extensions are in the instruction table. */
export const HART_EXTENSIONS = 'sstc_svadu_svnapot_svpbmt_smstateen_smepmp_sscofpmf_svvptc_zicclsm';

const MISA_LETTERS = 'abcdfhims';

/** @throws Error when the string is not an RV64 ISA string. */
export function featuresOf(isa: string): Features {
  const names = parseIsa(isa);
  const has = (name: string): boolean => names.has(name);
  const letter = (ch: string): number => 1 << (ch.charCodeAt(0) - 97);
  const compressed = has('c') || has('zca') ? letter('c') : 0;
  const supervisor = letter('s') | letter('u'); // always there
  return {
    h: has('h'), f: has('f'), sstc: has('sstc'), vsstc: has('sstc') && has('h'), svadu: has('svadu'), svnapot: has('svnapot'),
    svpbmt: has('svpbmt'),
    smstateen: has('smstateen'), smepmp: has('smepmp'), sscofpmf: has('sscofpmf'), zicbom: has('zicbom'), zicboz: has('zicboz'),
    strictAlignment: has(STRICT_ALIGNMENT), hstateen: has('smstateen') && has('h'),
    letters: [...MISA_LETTERS].reduce((bits, ch) => (has(ch) ? bits | letter(ch) : bits), compressed | supervisor),
  };
}
