/** Splits ranges that are no flexpages into several flexpages. */
import { memoryPage, type Flexpage } from '../microkernel/abi/index.ts';

/** Splits [base, base+size) into the fewest flexpages whose `dest` counterpart is aligned alike. Sizes are multiples of 4096. */
export function* flexpages(base: number, size: number, rights: number, dest = base): Generator<{ page: Flexpage; dest: number }> {
  for (let at = 0; at < size; ) {
    let order = 12, bytes = 4096;
    for (let next = 8192; order < 38 && (base + at) % next === 0 && (dest + at) % next === 0 && at + next <= size; next *= 2) {
      order++;
      bytes = next;
    }
    yield { page: memoryPage(base + at, order, rights), dest: dest + at };
    at += bytes;
  }
}
