/** Predicts which files of a folder will be read next: programs read them in listing order, or in the order of their names. */

/** Files per batch; sequential reads before it starts; and files of an order that may be skipped. */
const TOGETHER = 16, ENOUGH_READ = 2, NEAR = 48;

interface Order { readonly names: readonly string[]; last: number }

export class AheadOf {
  private orders: readonly Order[];
  private run = 0;
  /** `names`: candidate files, in listing order. */
  constructor(names: readonly string[]) { this.orders = [{ names, last: -1 }]; }

  /** A file is read: returns the names to fetch with it. */
  read(name: string): string[] {
    const next = this.orders.find(({ names, last }) => names[last + 1] === name),
      follows = next ?? this.orders.find((order) => isNear(order, name));
    if (!follows) { this.begin(name); return []; }
    follows.last = next ? next.last + 1 : follows.names.indexOf(name, follows.last + 1);
    if (next) this.run++;
    return this.run < ENOUGH_READ ? [] : follows.names.slice(follows.last + 1, follows.last + TOGETHER);
  }
  /** Begins an order, or continues it elsewhere. */
  private begin(name: string): void {
    const listed = this.orders[0]!.names, sorted = this.orders[1]?.names ?? [...listed].sort();
    this.orders = [listed, sorted].map((names) => ({ names, last: names.indexOf(name) }));
    this.run = 1;
  }
}
function isNear({ names, last }: Order, name: string): boolean {
  for (let i = last + 2; i < names.length && i <= last + NEAR; i++) if (names[i] === name) return true;
  return false;
}
