/** @spec unpriv 2, 4, 12, 13, 15, 20, 21, 27, 29, 31 */
import { describe, expect, it } from 'vitest';
import { assemble } from './assemble.ts';
import { createDecoder } from './decode.ts';
import { disassemble } from './disassemble.ts';
import { encode, matches, type Field, type Operands, type Row } from './row.ts';
import { FULL_ISA, parseIsa, rows } from './table.ts';

const decode = createDecoder(`${FULL_ISA}_zkn_zks_xdraftk`);
/** A repeatable sequence of numbers. */
const random = (() => { let s = 12345; return (n: number): number => (s = (Math.imul(s, 1103515245) + 12345) >>> 1) % n; })();

function randomValue(field: Field): number {
  let word = 0;
  for (const fieldPart of field.parts) word |= random(2 ** fieldPart.width) << fieldPart.to;
  return (field.signBits > 0 ? (word << (32 - field.signBits)) >> (32 - field.signBits) : word) + field.bias;
}
function randomWord(row: Row): number {
  for (;;) {
    const operands: Operands = {};
    for (const field of row.pattern.fields)
      operands[field.name] = field.name === 'rm' ? [0, 1, 2, 3, 4, 7][random(6)]! : randomValue(field);
    if (!row.pattern.fields.some((f) => f.excluded.includes(operands[f.name]!))) return encode(row, operands);
  }
}
const wordOf = (text: string): number => {
  const { bytes } = assemble(text, 0x8000_0000);
  const view = new DataView(bytes.buffer);
  return bytes.length === 2 ? view.getUint16(0, true) : view.getInt32(0, true);
};

describe('the instruction table', () => {
  it('decodes a word of every row to that row, or to one that is more specific', () => {
    for (const row of rows.slice(1)) {
      for (let i = 0; i < 40; i++) {
        const word = randomWord(row);
        const { written } = decode(word);
        if (written === row) continue;
        expect(matches(written, word), `${row.name} decoded as ${written.name}`).toBe(true);
        expect(written.pattern.mask & row.pattern.mask, `${row.name} is shadowed by ${written.name}`).toBe(row.pattern.mask);
      }
    }
  });

  it('assembles what it disassembles to the same word', () => {
    for (const row of rows.slice(1)) {
      for (let i = 0; i < 20; i++) {
        const word = randomWord(row);
        const decoded = decode(word);
        const text = disassemble(decoded, 0x8000_0000n);
        // Fences keep hint bits that assembly text cannot express; an illegal HINT row has none.
        if (decoded.written.name.startsWith('fence')) continue;
        expect(wordOf(text), `${text} (${word.toString(16)})`).toBe(row.pattern.length === 2 ? word & 0xffff : word);
      }
    }
  });

  it.each([
    ['addi a0, a1, -3', 0xffd58513], ['lui a0, 0xfffff', 0xfffff537], ['ld s0, 16(sp)', 0x01013403], ['sd ra, -8(sp)', 0xfe113c23],
    ['csrrw zero, satp, a0', 0x18051073], ['amoadd.w.aqrl a0, a1, (a2)', 0x06b6252f], ['fmadd.d fa0, fa1, fa2, fa3', 0x6ac5f543],
    ['fcvt.w.d a0, fa0, rtz', 0xc2051553], ['c.addi4spn a0, 16', 0x0808], ['c.ldsp ra, 8', 0x60a2], ['c.j 0', 0xa001],
    ['hlv.d a0, (a1)', 0x6c05c573],
    ['sfence.vma a0, a1', 0x12b50073], ['sh2add a0, a1, a2', 0x20c5c533], ['rev8 a0, a1', 0x6b85d513], ['fence rw, w', 0x0310000f],
  ])('%s is %i', (text, word) => {
    const { bytes } = assemble(text.replace('c.ldsp ra, 8', 'c.ldsp ra, 8(sp)'), 0);
    expect(new DataView(bytes.buffer)[bytes.length === 2 ? 'getUint16' : 'getUint32'](0, true)).toBe(word);
  });

  it('makes illegal what the ISA string leaves out, and all zeros and ones', () => {
    const small = createDecoder('rv64i');
    for (const text of [
      'mul a0, a0, a0', 'c.addi a0, 1', 'fld fa0, 0(sp)', 'lr.w a0, (a0)', 'csrrw a0, cycle, a0', 'hlv.w a0, (a0)', 'sh1add a0, a0, a0'
    ]) {
      expect(small(wordOf(text)).index).toBe(0);
      expect(decode(wordOf(text)).index).toBeGreaterThan(0);
    }
    for (const word of [0, -1, 0xffff, 0x8002 /* c.jr zero */, 0x6101 & ~0x1ffc /* c.lui/addi16sp, imm 0 */])
      expect(decode(word).index).toBe(0);
  });

  it('reads ISA strings and refuses others', () => {
    expect([...parseIsa('RV64GC_Zba')]).toEqual(expect.arrayContaining(['i', 'm', 'a', 'f', 'd', 'c', 'zicsr', 'zifencei', 'zba']));
    expect(parseIsa('rv64imac').has('d')).toBe(false);
    expect(parseIsa('rv64gczbb_zicond').has('zbb')).toBe(true);
    expect(parseIsa('rv64i2p1_m2p0_a2p1_zicsr2p0_zba1p0')).toEqual(parseIsa('rv64ima_zicsr_zba')); // as compilers write it into files
    expect(parseIsa('rv64i2p1m2p0_sstc1p0')).toEqual(parseIsa('rv64im_sstc'));
    for (const bad of ['rv32gc', 'x86', 'rv64', 'rv64mac', '']) expect(() => parseIsa(bad)).toThrow();
  });
});

describe('the assembler', () => {
  it('places labels, data and pseudo-instructions', () => {
    const { bytes, symbols } = assemble('start: la a0, data; call f; j start\nf: ret # comment\n.align 4\n'
      + 'data: .dword f, 0x1122334455667788\n.asciz "hi"',
      0x1000);
    expect(symbols.get('data')).toBe(0x1020n);
    expect(bytes.length).toBe(0x20 + 16 + 3);
    expect(new DataView(bytes.buffer).getBigUint64(0x20, true)).toBe(symbols.get('f'));
  });
  it('supervisor mode is always there: rv64gc has sret and sfence.vma', () => {
    // Random privileged sequences found this: only strings with h had them.
    const { bytes } = assemble('sret; sfence.vma; csrr a0, satp', 0);
    const words = new DataView(bytes.buffer);
    const plain = createDecoder('rv64gc');
    expect([0, 4, 8].map((at) => rows[plain(words.getUint32(at, true)).index]!.name)).toEqual(['sret', 'sfence.vma', 'csrrs']);
  });
  it('says what is wrong with a statement', () => {
    expect(() => assemble('addi a0, a1, 4096', 0)).toThrow(/addi a0, a1, 4096: 4096 does not fit/);
    expect(() => assemble('add a0, a1, q1', 0)).toThrow(/"q1" is not an integer register/);
    expect(() => assemble('frobnicate a0', 0)).toThrow(/no instruction is called/);
    expect(() => assemble('j nowhere', 0)).toThrow(/"nowhere" is not defined/);
  });
});
