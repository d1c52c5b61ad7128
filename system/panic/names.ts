/** Finds functions by address, from symbol tables, which give the address of each name. */
import { visible } from '../../trace/visible.ts';

/** Bytes after the last symbol that still belong to it. */
const LAST_FUNCTION = 0x1_0000;
/** Assembler-generated labels that are not functions. */
const NO_FUNCTION = /^(\$|\.L|L\d|__compound)/;

export class FunctionNames {
  private readonly byAddress = new Map<number, string>();
  private sorted: number[] | undefined;

  get size(): number { return this.byAddress.size; }

  /** Addresses are signed: the upper half is negative. */
  add(symbols: Iterable<readonly [string, number]>): void {
    for (const [name, at] of symbols) if (!NO_FUNCTION.test(name) && !this.byAddress.has(at)) this.byAddress.set(at, visible(name));
    this.sorted = undefined;
  }

  /** The function that contains an address. */
  at(pc: number): string | undefined {
    const start = this.start(pc);
    return start === undefined ? undefined : this.byAddress.get(start);
  }
  /** The same with the distance from its beginning: `panic+0x12c`. */
  place(pc: number): string | undefined {
    const start = this.start(pc);
    return start === undefined ? undefined : `${this.byAddress.get(start)!}+0x${(pc - start).toString(16)}`;
  }

  private start(pc: number): number | undefined {
    this.sorted ??= [...this.byAddress.keys()].sort((a, b) => a - b);
    const list = this.sorted;
    let low = 0, high = list.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (list[middle]! <= pc) low = middle + 1; else high = middle;
    }
    if (low === 0 || (low === list.length && pc - list[low - 1]! > LAST_FUNCTION)) return undefined;
    return list[low - 1]!;
  }
}
