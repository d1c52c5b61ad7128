/**
 * The instruction table: every row of every extension, and which of them an ISA string makes legal.
 * Row 0 is `illegal`; words that match no other row decode to it.
 */
import { row, type Row } from './row.ts';
import { integer } from './integer.ts';
import { multiply } from './multiply.ts';
import { atomic } from './atomic.ts';
import { float } from './float.ts';
import { halfFloat } from './halffloat.ts';
import { bitmanip } from './bitmanip.ts';
import { crypto } from './crypto.ts';
import { hints, mayBe } from './hints.ts';
import { privileged } from './privileged.ts';
import { short, shortMayBe } from './compressed.ts';

const illegal = row('illegal', '00000000000000000000000000000000', '', 'i');

/** Rows that execution knows: all but the compressed forms that stand for another row. */
const base = [
  illegal, ...integer, ...multiply, ...atomic, ...privileged, ...float, ...bitmanip, ...crypto, ...hints, ...mayBe, ...halfFloat
] as const;

/** Name of a row that an engine must execute. */
export type Mnemonic = (typeof base | typeof shortMayBe)[number]['name'];

export const rows: readonly Row[] = [...base, ...short, ...shortMayBe];

/** Row number by mnemonic. */
export const rowIndex: ReadonlyMap<string, number> = new Map(rows.map((r, i) => [r.name, i]));

/** The row of a mnemonic. @throws Error when there is none. */
export function rowNamed(name: string): Row {
  const i = rowIndex.get(name);
  if (i === undefined) throw new Error(`no instruction is called "${name}"`);
  return rows[i]!;
}

/** Extensions that a letter or a group name stands for. */
const IMPLIED: Record<string, string[]> = {
  g: ['i', 'm', 'a', 'f', 'd', 'zicsr', 'zifencei'], h: ['s'], s: ['u', 'zicsr'], d: ['f'], f: ['zicsr'], a: ['zaamo', 'zalrsc'],
  m: ['zmmul'],
  b: ['zba', 'zbb', 'zbs'], zfh: ['zfhmin'], zfhmin: ['f'], zfa: ['f'], zcb: ['zca'], zk: ['zkn'],
  zkn: ['zbkb', 'zbkc', 'zbkx', 'zkne', 'zknd', 'zknh'], zks: ['zbkb', 'zbkc', 'zbkx', 'zksed', 'zksh'], zcd: ['zca'],
};

/** In an ISA string: misaligned loads and stores trap. Our own name; without it the hardware performs them. */
export const STRICT_ALIGNMENT = 'xstrictalign';

/** Everything that the table and the hart model implement. */
export const FULL_ISA =
  'rv64imafdch_zicsr_zifencei_zicntr_zicond_zihintpause_zihintntl_zimop_zcmop_zicbom_zicbop_zicboz_zawrs_zacas_zfa_zfh_zcb_zba_zbb_zbc_'
  + 'zbs_zbkb_zbkc_zbkx_svinval';

/**
 * The set of extensions that an ISA string such as `rv64gc_zba_zbb` names, lower case, with what they imply.
 * @throws Error with a sentence for the user when the string is not one of RV64.
 */
export function parseIsa(text: string): ReadonlySet<string> {
  const unversioned = text.toLowerCase().replaceAll(/(?<=[a-z])\d+p\d+/g, ''); // i2p1: version 2.1 of i. @spec unpriv 37
  const parsed = /^rv64([a-z]*)((_[a-z0-9]+)*)$/.exec(unversioned);
  if (!parsed) throw new Error(`"${text}" is not an RV64 ISA string such as rv64gc_zba_zbb`);
  const found = new Set<string>();
  const add = (name: string): void => {
    if (found.has(name)) return;
    found.add(name);
    IMPLIED[name]?.forEach(add);
  };
  // A multi-letter name may follow the single letters without an underscore: rv64gczba.
  const letters = /^([a-y]*?)([szx][a-z].*)?$/.exec(parsed[1]!);
  for (const letter of letters?.[1] ?? parsed[1]!) add(letter);
  if (letters?.[2]) add(letters[2]);
  for (const name of parsed[2]!.split('_')) if (name !== '') add(name);
  if (found.has('zicsr')) add('s'); // the hart model always has supervisor and user mode
  if (!found.has('i')) throw new Error(`"${text}" names no base: it must have i or g`);
  return found;
}

/** Is the row legal with these extensions? */
export function enabled(r: Row, isa: ReadonlySet<string>): boolean {
  return r.extensions.some((all) => all.split('+').every((e) => isa.has(e)));
}
