/**
 * Zfhmin: loads, stores and moves of half precision. All arithmetic of Zfh, and Zfa, is done in software (machine/hart/float.ts).
 * @spec unpriv 23
 */
import type { halfFloat as rows } from '../../hardware/isa/halffloat.ts';
import type { Meanings } from './semantics.ts';

const BOX = ~0xffffn;

export const halfFloat = {
  flh: (s) => { s.needsFp(); s.fd(s.load('fh', s.add(s.x1(), s.imm()))); },
  fsh: (s) => { s.needsFp(); s.store('h', s.add(s.x1(), s.imm()), s.f2()); },
  'fmv.x.h': (s) => { s.needsFp(); s.rd(s.sext16(s.f1())); },
  'fmv.h.x': (s) => { s.needsFp(); s.fd(s.or(s.and(s.x1(), s.long(0xffff)), s.long(BOX))); },
} satisfies Partial<Meanings<typeof rows>>;
