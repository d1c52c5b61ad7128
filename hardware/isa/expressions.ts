/** Numbers, symbols and sums of them in assembly text. */

const number = (text: string): bigint | undefined => {
  const plain = text.replaceAll('_', '');
  const negative = plain.startsWith('-');
  const digits = negative ? plain.slice(1) : plain;
  if (/^'.'$/.test(plain)) return BigInt(plain.charCodeAt(1));
  if (!/^(0x[0-9a-f]+|0b[01]+|\d+)$/i.test(digits)) return undefined;
  return negative ? -BigInt(digits) : BigInt(digits);
};

export type Symbols = ReadonlyMap<string, bigint>;

/** Value of `4`, `-0x10`, `label`, `label + 8`, `end - start`. @throws Error that names the unknown word. */
export function evaluate(text: string, symbols: Symbols): bigint {
  const plain = number(text.trim());
  if (plain !== undefined) return plain;
  const terms = text.replace(/\s+/g, '').match(/[+-]?[^+-]+/g) ?? [];
  if (terms.length === 0) throw new Error(`"${text}" is not an expression`);
  return terms.reduce((sum, term) => {
    const sign = term.startsWith('-') ? -1n : 1n;
    const name = term.replace(/^[+-]/, '');
    const value = number(name) ?? symbols.get(name);
    if (value === undefined) throw new Error(`"${name}" is not defined`);
    return sum + sign * value;
  }, 0n);
}

/** The upper and lower parts for auipc or lui plus a 12-bit addition: upper is a multiple of 4096. */
export function split(value: bigint): { upper: number; lower: number } {
  const low = Number(BigInt.asIntN(12, value));
  return { upper: Number(BigInt.asIntN(32, value - BigInt(low))), lower: low };
}
