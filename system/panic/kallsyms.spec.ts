import { describe, expect, it } from 'vitest';
import { kallsyms } from './kallsyms.ts';

/** The format of scripts/kallsyms, produced independently: tokens of one character, and some longer tokens in place of unused ones. */
function image(symbols: readonly (readonly [string, bigint])[], base: bigint): Uint8Array {
  const tokens = Array.from({ length: 256 }, (_, i) => (i < 128 ? String.fromCharCode(i || 1) : ''));
  ['vm_', 'panic', '__', 'sys_'].forEach((t, i) => { tokens[200 + i] = t; });
  for (let i = 128; i < 256; i++) tokens[i] ||= String.fromCharCode(i);
  const code = (text: string): number[] => {
    const out: number[] = [];
    for (let at = 0; at < text.length; ) {
      const long = [200, 201, 202, 203].find((t) => text.startsWith(tokens[t]!, at));
      out.push(long ?? text.charCodeAt(at));
      at += long === undefined ? 1 : tokens[long]!.length;
    }
    return out;
  };
  const bytes: number[] = [], put = (n: bigint, size: number) => {
    for (let i = 0; i < size; i++) bytes.push(Number((n >> BigInt(8 * i)) & 255n));
  }, align = () => { while (bytes.length % 8) bytes.push(0); };
  for (let i = 0; i < 4096; i++) bytes.push((i * 37) & 255);
  put(BigInt(symbols.length), 4);
  align();
  const start = bytes.length, markers: number[] = [];
  symbols.forEach(([name], i) => {
    if (i % 256 === 0) markers.push(bytes.length - start);
    const coded = code(name);
    if (coded.length > 127) bytes.push((coded.length & 127) | 128, coded.length >> 7); else bytes.push(coded.length);
    bytes.push(...coded);
  });
  align();
  for (const marker of markers) put(BigInt(marker), 4);
  align();
  const table = bytes.length, offsets: number[] = [];
  for (const token of tokens) {
    offsets.push(bytes.length - table);
    for (const char of token) bytes.push(char.charCodeAt(0));
    bytes.push(0);
  }
  align();
  for (const offset of offsets) put(BigInt(offset), 2);
  align();
  for (const [, address] of symbols) put(address - base, 4);
  align();
  put(base, 8);
  return Uint8Array.from([...bytes, ...new Array<number>(512).fill(7)]);
}

const BASE = 0xffff_ffff_8000_0000n;
const many = (n: number) => Array.from({ length: n },
  (_, i) => [`${'tTwd'[i % 4]!}${i % 3 ? 'vm_' : '__'}f${i}${i === 5 ? 'x'.repeat(300) : ''}`, BASE + BigInt(16 * i)] as const);

describe("a kernel's own symbols", () => {
  it.each([[1], [255], [256], [257], [512], [1000]])('are found in memory, %i of them', (n) => {
    const symbols = many(n), found = kallsyms(image(symbols, BASE));
    expect(found).toEqual(symbols.filter(([name]) => /^[tTw]/.test(name)).map(([name, at]) =>
      [name.slice(1), Number(BigInt.asIntN(64, at))]));
  });
  it('what is damaged is not believed, and nothing is thrown', () => {
    const good = image(many(700), BASE);
    let believed = 0;
    for (let i = 0; i < 400; i++) {
      const bad = good.slice(), at = 4096 + ((i * 7919) % (bad.length - 4096));
      bad[at] = bad[at]! ^ (1 << (i % 8));
      if (kallsyms(bad)) believed++;
    }
    expect(believed).toBeLessThan(400);
  });
  it.each([[0], [1], [100_000]])('rubbish of %i bytes holds none', (length) => {
    expect(kallsyms(Uint8Array.from({ length }, (_, i) => (i * i * 31) & 255))).toBeUndefined();
    expect(kallsyms(Uint8Array.from({ length }, (_, i) => (i % 2 ? 0 : 0x30 + ((i / 2) % 10))))).toBeUndefined();
  });
});
