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
export function emitLookUp(emitter: Emitter, { codeMap, ram }: Layout, at: LookUp, miss: Label, found: () => void): void {
  const { code } = emitter;
  emitter.add32(emitter.read(at.tlb),
    emitter.and32(emitter.shrU32(emitter.wrap(emitter.read(at.target)), emitter.word(7)), emitter.word(TLB_MASK)));
  code.set(at.entry);
  // offset = target - tagX; a hit is 0 … 4094
  code.get(at.target);
  code.get(at.entry);
  code.memory(Op.i64Load, 16);
  const offset = emitter.keep(emitter.sub(emitter.pushed(), emitter.pushed()));
  emitter.gtU(offset(), emitter.long(4094));
  code.brIf(miss);
  // The code map is indexed by RAM page; host >>> 10 is four times the page number.
  code.get(at.entry);
  code.memory(Op.i32Load, 24);
  emitter.shrU32(emitter.pushed(), emitter.word(10));
  code.memory(Op.i32Load, codeMap - (ram >>> 10));
  code.tee(at.record);
  emitter.eqz32(emitter.pushed());
  code.brIf(miss);
  found();
  emitter.add32(emitter.read(at.record), emitter.mul32(emitter.wrap(offset()), emitter.word(RECORD / 2)));
  code.set(at.record);
  emitter.sub(emitter.read(at.target), emitter.zext(emitter.shrU32(emitter.read(at.record), emitter.word(PC_SHIFT))));
  code.set(at.pcBase);
}
