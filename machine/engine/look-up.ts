/**
 * From an address to its record, by the TLB's execute tag and the map of code pages: the look-up of interpreter and dispatcher after a
 * jump.
 */
import { Op, type Label } from './code.ts';
import type { Emitter } from './emitter.ts';
import { PC_SHIFT, RECORD, TLB_MASK, type Layout } from './layout.ts';

/** Numbers of locals: `target` and `tlb` are given, `entry` is scratch, `record` and `pcBase` become those of the address. */
export interface LookUp {
  readonly target: number;
  readonly tlb: number;
  readonly entry: number;
  readonly record: number;
  readonly pcBase: number
}

/**
 * Branches to `miss` when the page is not mapped for execution or has no records. `found` runs while `record` is the code page's address.
 */
export function emitLookUp(e: Emitter, { codeMap, ram }: Layout, at: LookUp, miss: Label, found: () => void): void {
  const { code: c } = e;
  e.add32(e.read(at.tlb), e.and32(e.shrU32(e.wrap(e.read(at.target)), e.word(7)), e.word(TLB_MASK)));
  c.set(at.entry);
  // offset = target - tagX; a hit is 0 … 4094
  c.get(at.target);
  c.get(at.entry);
  c.memory(Op.i64Load, 16);
  const offset = e.keep(e.sub(e.pushed(), e.pushed()));
  e.gtU(offset(), e.long(4094));
  c.brIf(miss);
  // The code map is indexed by RAM page; host >>> 10 is four times the page number.
  c.get(at.entry);
  c.memory(Op.i32Load, 24);
  e.shrU32(e.pushed(), e.word(10));
  c.memory(Op.i32Load, codeMap - (ram >>> 10));
  c.tee(at.record);
  e.eqz32(e.pushed());
  c.brIf(miss);
  found();
  e.add32(e.read(at.record), e.mul32(e.wrap(offset()), e.word(RECORD / 2)));
  c.set(at.record);
  e.sub(e.read(at.target), e.zext(e.shrU32(e.read(at.record), e.word(PC_SHIFT))));
  c.set(at.pcBase);
}
