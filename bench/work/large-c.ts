/** A C program as large as wanted for the compiler row: functions with loops, branches, switches, lists and calls, always the same. */
const NAMES = ['a', 'b', 'c', 'd', 'e'];
const HEAD = `typedef unsigned long u64; typedef unsigned int u32; typedef unsigned char u8;
struct node { struct node *next; u64 key; u32 flags; u8 name[20]; };
extern void log_event(const char *, ...);
`;

/** Numbers that look random and are always the same (xorshift32). */
class Dice {
  private state = 2463534242;
  below(n: number): number {
    let x = this.state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.state = x >>> 0;
    return this.state % n;
  }
  of<T>(all: readonly T[]): T { return all[this.below(all.length)]!; }
}

class Writer {
  private readonly dice = new Dice();
  private readonly made: number;
  constructor(made: number) { this.made = made; }

  private expression(depth: number): string {
    const { dice } = this, name = dice.of(NAMES);
    if (depth === 0) return dice.of([name, `${dice.below(5000) + 1}`, 'n->flags', 'n->key', `t[${name} & 63]`]);
    return `(${this.expression(depth - 1)} ${dice.of(['+', '-', '*', '^', '&', '|', '>>3 ^', '<<2 +', '==', '<'])} `
      + `${this.expression(depth - 1)})`;
  }

  private assignment(): string { return `${this.dice.of(NAMES)} ${this.dice.of(['=', '+=', '^='])} ${this.expression(2)};`; }

  private statement(depth: number): string {
    const { dice } = this, kind = dice.below(8), inner = (): string => this.statement(depth - 1);
    if (depth === 0 || kind < 3) return this.assignment();
    switch (kind) {
      case 3: return `if ${this.expression(2)} { ${inner()} } else { ${inner()} }`;
      case 4: return `for (u32 i${depth} = 0; i${depth} < (${this.expression(1)} & 31); i${depth}++) { ${inner()} }`;
      case 5:
        return `switch (${this.expression(1)} & 7) { ${[0, 1, 2, 3, 4].map((n) => `case ${n}: ${this.assignment()} break;`).join(' ')} }`;
      case 6: return `for (struct node *m = n; m && m->key > ${dice.of(NAMES)}; m = m->next) { ${inner()} }`;
      default: return `a = f${dice.below(this.made)}(n, t, ${this.expression(1)}, ${this.expression(1)});`;
    }
  }

  function(number: number): string {
    const body = Array.from({ length: 4 + this.dice.below(8) }, () => `  ${this.statement(3)}\n`).join('');
    return `u64 f${number}(struct node *n, u64 *t, u64 a, u64 b) {\n  u64 c = a ^ ${number}, d = b, e = t[a & 63];\n${body}`
      + `  if (e == 1) log_event("%lu %u %s", a, n->flags, n->name);\n  t[b & 63] = c;\n  return a + b * c - d ^ e;\n}\n`;
  }
}

export function largeC(functions: number): string {
  const writer = new Writer(functions),
    prototypes = Array.from({ length: functions }, (_, n) => `u64 f${n}(struct node *n, u64 *t, u64 a, u64 b);\n`);
  return HEAD + prototypes.join('') + Array.from({ length: functions }, (_, n) => writer.function(n)).join('');
}
