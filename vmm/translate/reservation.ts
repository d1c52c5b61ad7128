/**
 * Branches between a load-reserved and its store-conditional: a breakpoint there would lose the reservation each time, and the guest would
 * repeat the sequence for ever. A sequence that is promised to succeed has at most 16 instructions, and goes forward only.
 * @spec unpriv 13.3
 */
import { Flow, distance, flowOf } from './flow-of.ts';
import { isLong } from './sensitive.ts';

const MOST = 16, AMO = 0x2f, LR = 2, SC = 3, FUNCT5 = 27;
const isAtomic = (word: number, funct5: number): boolean => (word & 0x7f) === AMO && word >>> FUNCT5 === funct5;

/** Does a store-conditional follow the branch at `va`, whichever way it goes? `read`: the instruction at an address. */
export function keepsReservation(va: bigint, read: (va: bigint) => number | undefined, left = MOST): boolean {
  let at = va;
  for (let n = left; n > 0; n--) {
    const word = read(at), flow = word === undefined ? Flow.away : flowOf(word);
    if (word === undefined || isAtomic(word, LR)) return false;
    if (isAtomic(word, SC)) return true;
    const isForward = (flow === Flow.branch || flow === Flow.jump) && distance(word) > 0;
    if (isForward && flow === Flow.branch && keepsReservation(at + BigInt(distance(word)), read, n - 1)) return true;
    if (flow === Flow.jump && isForward) at += BigInt(distance(word));
    else if (flow === Flow.next || flow === Flow.branch) at += isLong(word) ? 4n : 2n;
    else return false;
  }
  return false;
}
