/**
 * How control goes on behind an instruction, read off its bits: scanning meets every instruction of a kernel once, and most are none of
 * these.
 * @spec unpriv 2.5, 26
 */
export const Flow = {
  /** To the next instruction; there or to a place that is known; to that place; to it and back; somewhere and back; away. */
  next: 0, branch: 1, jump: 2, call: 3, away: 4, computedCall: 5,
} as const;
export type Flow = (typeof Flow)[keyof typeof Flow];

const BRANCH = 0x63, JALR = 0x67, JAL = 0x6f, EBREAK = 0x0010_0073, RD = 0xf80;

export function flowOf(word: number): Flow {
  if ((word & 3) !== 3) return shortFlow(word & 0xffff);
  switch (word & 0x7f) {
    case BRANCH: return Flow.branch;
    case JAL: return (word & RD) !== 0 ? Flow.call : Flow.jump;
    case JALR: return (word & RD) !== 0 ? Flow.computedCall : Flow.away;
    default: return word === EBREAK ? Flow.away : Flow.next;
  }
}
/** c.j, c.beqz, c.bnez; c.jr, c.jalr, c.ebreak; zeros, which are no instruction. */
function shortFlow(half: number): Flow {
  const quadrant = half & 3, funct3 = half >>> 13;
  if (quadrant === 1) return funct3 === 5 ? Flow.jump : funct3 >= 6 ? Flow.branch : Flow.next;
  if (quadrant === 0) return half === 0 ? Flow.away : Flow.next;
  if (funct3 !== 4 || (half & 0x7c) !== 0) return Flow.next;
  return (half & 0x1000) !== 0 && (half & RD) !== 0 ? Flow.computedCall : Flow.away;
}

const bits = (word: number, from: number, width: number, to: number): number => ((word >>> from) & ((1 << width) - 1)) << to;

/** Bytes from a branch, jump or call to its target. */
export function distance(word: number): number {
  if ((word & 0x7f) === BRANCH) return ((word >> 31) << 12) | bits(word, 7, 1, 11) | bits(word, 25, 6, 5) | bits(word, 8, 4, 1);
  if ((word & 0x7f) === JAL) return ((word >> 31) << 20) | (word & 0xf_f000) | bits(word, 20, 1, 11) | bits(word, 21, 10, 1);
  if (((word >>> 13) & 7) === 5) return (bits(word, 12, 1, 31) >> 20) | bits(word, 11, 1, 4) | bits(word, 9, 2, 8) | bits(word, 8, 1, 10)
    | bits(word, 7, 1, 6) | bits(word, 6, 1, 7) | bits(word, 3, 3, 1) | bits(word, 2, 1, 5);
  return (bits(word, 12, 1, 31) >> 23) | bits(word, 10, 2, 3) | bits(word, 5, 2, 6) | bits(word, 3, 2, 1) | bits(word, 2, 1, 5);
}
