/**
 * Look-ahead: after an exit, what would exit next is found in the guest's code and done in the same visit, with the few instructions
 * between. The bytes are read each time, so code that has been changed is done as it is now; what is remembered is only where nothing
 * follows. Agesen, Mattson, Rugina, Sheldon: Software techniques for avoiding hardware virtualization exits (2012).
 */
import type { Decoded } from '../../hardware/isa/decode.ts';
import { isPlain } from '../interpreter/plain.ts';

/** Instructions between two that exit; exits that are saved in one visit; places that are remembered. */
const REACH = 4, MOST_REMEMBERED = 8192;
export const MOST_AHEAD = 16;
/** Bits of a CSR's number that say who may use it. */
const LEVEL = 0x300;

/** Instructions from `at` on: some that only compute, then one that exits. */
export type Cluster = readonly { readonly at: bigint; readonly decoded: Decoded }[];

export class LookAhead {
  /** Exits that have not happened. */
  saved = 0;
  /** The word at an address after which nothing follows that would exit. */
  readonly #nothing = new Map<bigint, number>();

  /** The next cluster, if there is one close by. `fetch`: the instruction at an address, decoded; undefined where it cannot be read. */
  next(pc: bigint, fetch: (at: bigint) => Decoded | undefined): Cluster | undefined {
    const found: { at: bigint; decoded: Decoded }[] = [];
    for (let at = pc; found.length <= REACH; at += BigInt(found.at(-1)!.decoded.length)) {
      const decoded = fetch(at);
      if (!decoded || (found.length === 0 && this.#nothing.get(pc) === decoded.word)) return undefined;
      found.push({ at, decoded });
      if (exits(decoded)) return found;
      if (!isPlain(decoded)) break;
    }
    if (this.#nothing.size >= MOST_REMEMBERED) this.#nothing.clear();
    this.#nothing.set(pc, found[0]!.decoded.word);
    return undefined;
  }
}

/** Does it trap in U mode, to be done to the supervisor in software? */
function exits({ row: { name }, operands }: Decoded): boolean {
  return name.startsWith('csrr') ? (operands.csr! & LEVEL) !== 0 : name === 'sret' || name === 'sfence.vma' || name === 'sinval.vma';
}
