/** Splits ranges that are no flexpages into several flexpages. */
import { memoryPage, type Flexpage } from '../microkernel/abi/index.ts';

/** Splits [base, base+size) into the fewest flexpages whose `dest` counterpart is aligned alike. Sizes are multiples of 4096. */
export function* flexpages(base: number, size: number, rights: number, dest = base): Generator<{ page: Flexpage; dest: number }> {
  for (let at = 0; at < size; ) {
    let order = 12;
    while (order < 38 && (base + at) % 2 ** (order + 1) === 0 && (dest + at) % 2 ** (order + 1) === 0 && at + 2 ** (order + 1) <= size)
      order++;
    yield { page: memoryPage(base + at, order, rights), dest: dest + at };
    at += 2 ** order;
  }
}
