/**
 * Numbers by seed: the same on every computer. (splitmix32, after G. Steele, D. Lea, C. Flood, "Fast splittable pseudorandom number
 * generators", 2014.)
 */
export class Random {
  private state: number;
  constructor(seed: number | string) { this.state = typeof seed === 'number' ? seed >>> 0 : hash(seed); }
  /** 0 … 2^32 - 1. */
  next(): number {
    this.state = (this.state + 0x9e3779b9) >>> 0;
    let mixed = this.state;
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return (mixed ^ (mixed >>> 15)) >>> 0;
  }
  /** from … to, both included. */
  between(from: number, to: number): number { return from + (this.next() % (to - from + 1)); }
  pick<T>(all: readonly T[]): T { return all[this.next() % all.length]!; }
  /** `count` different elements, in random order. */
  some<T>(all: readonly T[], count: number): T[] {
    const rest = [...all], found: T[] = [];
    while (found.length < count && rest.length > 0) found.push(...rest.splice(this.next() % rest.length, 1));
    return found;
  }
  word(letters = 6): string { return Array.from({ length: letters }, () => 'abcdefghijklmnopqrstuvwxyz'[this.between(0, 25)]).join(''); }
}

/** FNV-1a. */
export function hash(text: string): number {
  let sum = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) sum = Math.imul(sum ^ byte, 0x01000193);
  return sum >>> 0;
}
