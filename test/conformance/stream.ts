/**
 * Random instruction streams: flat images of many short sequences that run alike on any RV64 board with a 16550 and a test finisher (ours,
 * QEMU's `virt`). Every sequence starts from its own registers and memory and ends in a hash of them, so that sequences are independent.
 *
 * An image loads x1 … x29, f0 … f31, fcsr and 256 bytes of memory from the sequence's data block, runs the sequence, stores all of it to
 * the dump area, hashes the dump, and continues. At the end all hashes (8 bytes each) and the last dump go to the UART.
 *
 * x2, x8 and x9 hold the address of the memory; x30 collects the causes of traps, x31 belongs to the image.
 */
import { assemble } from '../../hardware/isa/assemble.ts';
import { encode, type Operands, type Row } from '../../hardware/isa/row.ts';
import { enabled, parseIsa, rows } from '../../hardware/isa/table.ts';

export const BASE = 0x8000_0000;
/** The end of an image: power-off, `send` (a0: address, a1: bytes, to the serial port), and the words that the passes share. */
export const ENDING = `li t0, 0x100000; li t1, 0x5555; sw t1, 0(t0)
done: j done
send: li t0, 0x10000000
wait: lbu t1, 5(t0); andi t1, t1, 0x20; beqz t1, wait
lbu t1, 0(a0); sb t1, 0(t0); addi a0, a0, 1; addi a1, a1, -1; bnez a1, wait
ret
.align 3
cursor: .dword 0
left: .dword 0
output: .dword 0
`;
/** Doublewords of a dump: x0 … x30, f0 … f31, fcsr, memory. */
const MEMORY_WORDS = 32;
export const DUMP_WORDS = 31 + 32 + 1 + MEMORY_WORDS;
const PINNED = [2, 8, 9];
/** Start states per sequence, because translating it takes longer than running it. */
const STATES = 8;
const FREE = Array.from({ length: 29 }, (_, i) => i + 1).filter((n) => !PINNED.includes(n));

/** A deterministic source of 32-bit numbers. */
export class Random {
  #state: number;
  constructor(seed: number) { this.#state = seed | 1; }
  next(): number {
    let x = this.#state;
    x ^= x << 13; x ^= x >>> 17; x ^= x << 5;
    this.#state = x;
    return Math.imul(x, 0x9e37_79b1) >>> 0;
  }
  below(n: number): number { return this.next() % n; }
  pick<T>(list: readonly T[]): T { return list[this.below(list.length)]!; }
}

/** A kind of random stream: random sequences S, many in an image, reduced when they differ. */
export interface Stream<S> {
  readonly perImage: number;
  /** Instructions (or steps) of a sequence, over all its start states. */
  readonly length: number;
  make(random: Random): S;
  /**
   * An image that runs all of them, and again as often as the stream wants, at least `passes` times; it sends a hash for each sequence of
   * each pass.
   */
  image(sequences: readonly S[], passes: number): Uint8Array;
  /** The same sequence from only this start state. */
  focus(sequence: S, pass: number): S;
  /** The parts as text; the sequence without one of them. */
  parts(sequence: S): readonly string[];
  isNothing(sequence: S, part: number): boolean;
  without(sequence: S, part: number): S;
  /** The names of the doublewords of a dump. */
  readonly dumpNames: readonly string[];
}

/** `data`: the states that it is run from, one after the other, as dumps. */
export interface Sequence { readonly words: readonly Word[]; readonly data: BigUint64Array }
export interface Word { readonly bits: number; readonly length: 2 | 4; readonly text: string }

const EXCLUDED = new RegExp(`^(${['illegal', 'jal', 'jalr', 'c\\.j', 'c\\.jr', 'c\\.jalr', 'c\\.ebreak', 'c\\.addi16sp', 'sc\\.', 'lr\\.',
  'amocas', 'wrs', 'wfi', 'mret', 'sret', 'ecall', 'ebreak', 'sfence', 'hfence', 'hinval', 'sinval', 'hlv', 'hsv', 'cbo', 'csr', 'mop',
  'c\\.mop'].join('|')})`);

/** The instructions that QEMU 7.2 has too. */
export const COMMON_ISA = 'rv64imafdc_zicsr_zifencei_zba_zbb_zbc_zbs_zbkb_zbkc_zbkx_zfh_zkn_zks';

/** The rows that streams are made of; `but` are left out. */
export function usableRows(isa: string, but: readonly string[] = []): Row[] {
  const set = parseIsa(isa);
  return rows.filter((row) => enabled(row, set) && !EXCLUDED.test(row.name) && !but.includes(row.name));
}

/** Operands that keep the row inside the rules of a sequence; undefined = try again. */
function operandsFor(row: Row, random: Random): Operands {
  const out: Operands = {};
  const memory = row.operands.includes('(');
  const float = (name: string): boolean => row.operands.includes(`f${name.slice(1)}`);
  for (const field of row.pattern.fields) {
    const width = field.parts.reduce((n, p) => n + p.width, 0);
    if (field.name === 'imm')
      out.imm = immediate(row, field.parts.reduce((n, p) => Math.min(n, p.to), 9), width, random, memory, field.signBits > 0);
    else if (field.name === 'rd' && !float('rd'))
      out.rd = random.pick(row.pattern.length === 2 ? [...FREE, 10, 11, 12, 13, 14, 15, 10, 11, 12, 13, 14, 15] : [...FREE, 0]);
    else if (field.name === 'rs1' && memory) out.rs1 = row.pattern.length === 4 ? random.pick(PINNED) : 8;
    else if (/^rs[123]$/.test(field.name) && !float(field.name))
      out[field.name as 'rs1'] = field.bias > 0 ? 8 + random.below(8) : random.below(31);
    else out[field.name] = field.bias + random.below(1 << width);
  }
  return out;
}

/** Offsets stay inside the memory; branches skip one instruction of four bytes. */
function immediate(row: Row, scale: number, width: number, random: Random, memory: boolean, signed: boolean): number {
  if (row.operands.includes('target')) return row.pattern.length + 4;
  if (memory) return Math.floor(random.below(MEMORY_WORDS * 8 - 8) / (1 << scale)) * (1 << scale);
  const value = random.below(2 ** width) - (signed ? 2 ** (width - 1) : 0);
  return value * (1 << scale);
}

function randomWord(usable: readonly Row[], random: Random): Word {
  for (;;) {
    const row = random.pick(usable);
    const operands = operandsFor(row, random);
    // One field that is source and destination: the base registers must not be it.
    if (operands.rd !== undefined && row.pattern.fields.some((f) => f.twin !== undefined)) operands.rs1 = operands.rd;
    // Draws again when the value does not fit the field.
    try {
      return { bits: encode(row, operands), length: row.pattern.length, text: `${row.name} ${JSON.stringify(operands)}` };
    } catch {
      continue;
    }
  }
}

const isBranch = (word: Word): boolean => /^(beq|bne|blt|bge|c\.b)/.test(word.text);
const floatState = (random: Random): Word => {
  const csr = random.pick([1, 2, 3]);
  const bits = (csr << 20) | (random.below(32) << 15) | (random.pick([5, 6, 7]) << 12) | (random.pick(FREE) << 7) | 0x73;
  return { bits, length: 4, text: `csr ${csr} of floating point` };
};

const SPECIAL = [0n, 1n, 0xffff_ffff_ffff_ffffn, 0x8000_0000_0000_0000n, 0x7fff_ffff_ffff_ffffn, 0x8000_0000n, 0x7fff_ffffn, 0xffff_ffffn,
  0x7ff0_0000_0000_0000n, 0x7ff8_0000_0000_0000n, 0x7ff0_0000_0000_0001n, 0x0010_0000_0000_0000n, 0x000f_ffff_ffff_ffffn,
  0x3ff0_0000_0000_0000n,
  0xffff_ffff_3f80_0000n, 0xffff_ffff_7f80_0000n, 0xffff_ffff_7fc0_0000n, 0xffff_ffff_0080_0000n, 0xffff_ffff_007f_ffffn,
  0xffff_ffff_7f80_0001n,
  0xffff_ffff_ffff_3c00n, 0xffff_ffff_ffff_7c00n, 0xffff_ffff_ffff_7e00n, 0xffff_ffff_ffff_0400n, 0xffff_ffff_ffff_03ffn];

function value(random: Random): bigint {
  const wide = (BigInt(random.next()) << 32n) | BigInt(random.next());
  switch (random.below(6)) {
    case 0: return random.pick(SPECIAL);
    case 1: return BigInt.asUintN(64, random.pick(SPECIAL) + BigInt(random.below(5) - 2));
    case 2: return 0xffff_ffff_0000_0000n | (wide & 0xffff_ffffn);
    case 3: return 0xffff_ffff_ffff_0000n | (wide & 0xffffn);
    case 4: return (wide & 0x800f_ffff_ffff_ffffn) | (BigInt(0x3ff + random.below(80) - 40) << 52n);
    default: return wide;
  }
}

/** One sequence of about `length` instructions. */
export function makeSequence(usable: readonly Row[], random: Random, length: number): Sequence {
  const words: Word[] = [];
  const wide = usable.filter((row) => row.pattern.length === 4 && !row.operands.includes('target'));
  while (words.length < length) {
    const word = random.below(24) === 0 ? floatState(random) : randomWord(usable, random);
    words.push(word);
    if (isBranch(word)) words.push(randomWord(wide, random));
  }
  const data = BigUint64Array.from({ length: STATES * DUMP_WORDS }, () => value(random));
  for (let state = 0; state < STATES; state++) data[state * DUMP_WORDS + 63] = BigInt(random.below(5) << 5);
  return { words, data };
}

const range = (n: number, line: (i: number) => string): string => Array.from({ length: n }, (_, i) => line(i)).join('\n');
/** Offset in a data block or dump. */
const X = (i: number): number => 8 * i;
const F = (i: number): number => 8 * (31 + i);
const FCSR = 8 * 63;
const MEM = 8 * 64;

/** The image's own code: `body` are the sequences. */
const frame = (count: number, data: number): string => `
start: csrr t0, mhartid; bnez t0, sleep
la t0, trap; csrw mtvec, t0
li t0, 0x6000; csrs mstatus, t0
li t0, ${STATES}; la t1, left; sd t0, 0(t1)
li t0, ${data}; la t1, cursor; sd t0, 0(t1)
la t0, hashes; la t1, output; sd t0, 0(t1)
pass: la t0, first; jr t0
sleep: wfi; j sleep
.align 2
trap: csrr x31, mcause; slli x30, x30, 4; xor x30, x30, x31
csrr x31, mepc; lhu x31, 0(x31); andi x31, x31, 3; addi x31, x31, -3; snez x31, x31; slli x31, x31, 1
neg x31, x31; addi x31, x31, 4
csrw mscratch, x30; csrr x30, mepc; add x31, x31, x30; csrw mepc, x31; csrr x30, mscratch; mret
.align 2
enter: la x30, memory; csrw mscratch, x31
la x31, cursor; ld x31, 0(x31)
${range(MEMORY_WORDS, (i) => `ld x1, ${MEM + 8 * i}(x31); sd x1, ${8 * i}(x30)`)}
ld x1, ${FCSR}(x31); csrw fcsr, x1
${range(32, (i) => `fld f${i}, ${F(i)}(x31)`)}
${range(29, (i) => `ld x${i + 1}, ${X(i + 1)}(x31)`)}
mv x2, x30; mv x8, x30; mv x9, x30
li x30, 0; csrr x31, mscratch; jr x31
leave: csrw mscratch, x31; la x31, dump
${range(31, (i) => `sd x${i}, ${X(i)}(x31)`)}
${range(32, (i) => `fsd f${i}, ${F(i)}(x31)`)}
csrr x1, fcsr; sd x1, ${FCSR}(x31)
la x2, memory
${range(MEMORY_WORDS, (i) => `ld x1, ${8 * i}(x2); sd x1, ${MEM + 8 * i}(x31)`)}
li x1, 0; li x4, ${DUMP_WORDS}; li x5, 0x9e3779b97f4a7c15
mix: ld x3, 0(x31); xor x1, x1, x3; mul x1, x1, x5; srli x3, x1, 29; xor x1, x1, x3; addi x31, x31, 8; addi x4, x4, -1; bnez x4, mix
la x2, output; ld x3, 0(x2); sd x1, 0(x3); addi x3, x3, 8; sd x3, 0(x2)
la x2, cursor; ld x3, 0(x2); addi x3, x3, ${8 * DUMP_WORDS}; sd x3, 0(x2)
csrr x31, mscratch; jr x31
finish: la t1, left; ld t0, 0(t1); addi t0, t0, -1; sd t0, 0(t1); bnez t0, pass
la a0, hashes; li a1, ${8 * count * STATES}; jal ra, send; la a0, dump; li a1, ${8 * DUMP_WORDS}; jal ra, send
${ENDING}memory: .zero ${8 * MEMORY_WORDS + 16}
dump: .zero ${8 * DUMP_WORDS}
hashes: .zero ${8 * count * STATES}
first:
`;

/** `jal x31, target` as a word. */
function jumpAndLink(offset: number): number {
  const bits = ((offset >> 20) & 1) << 31 | ((offset >> 1) & 0x3ff) << 21 | ((offset >> 11) & 1) << 20 | ((offset >> 12) & 0xff) << 12;
  return bits | (31 << 7) | 0x6f;
}

const CALL = 8; // nop-padded, so that calls are aligned
/** Calls reach so far. The data blocks come behind. */
const MAX_CODE = 1 << 20;
const DATA = BASE + MAX_CODE;

/** Bytes of an image that runs these sequences from BASE, from all their states. */
export function makeImage(sequences: readonly Sequence[]): Uint8Array {
  const length = sequences.reduce((n, s) => n + s.words.reduce((m, w) => m + w.length, 0) + 2 * CALL + 4, 0);
  const { bytes, symbols } = assemble(frame(sequences.length, DATA), BASE);
  if (bytes.length + length > MAX_CODE) throw new RangeError(`${sequences.length} sequences: too many for one image`);
  const at = (name: string): number => Number(symbols.get(name)!) - BASE;
  const data = DATA - BASE;
  const image = new Uint8Array(data + 8 * DUMP_WORDS * sequences.length * STATES);
  image.set(bytes);
  const view = new DataView(image.buffer);
  let pc = at('first');
  const put = (bits: number, length: number): void => {
    if (length === 4) view.setUint32(pc, bits, true);
    else view.setUint16(pc, bits, true);
    pc += length;
  };
  sequences.forEach((sequence, i) => {
    sequence.data.forEach((x, n) => {
      const pass = Math.floor(n / DUMP_WORDS);
      view.setBigUint64(data + 8 * ((pass * sequences.length + i) * DUMP_WORDS + (n % DUMP_WORDS)), x, true);
    });
    put(jumpAndLink(at('enter') - pc), 4);
    for (const word of sequence.words) put(word.bits, word.length);
    if (pc % 4 !== 0) put(1, 2); // c.nop
    put(0x13, 4); // a branch at the end lands behind this
    put(jumpAndLink(at('leave') - pc), 4);
  });
  put(jumpAndLink(at('finish') - pc), 4);
  return image;
}

const NOP: Word = { bits: 0x13, length: 4, text: 'nop' };
const SHORT_NOP: Word = { bits: 1, length: 2, text: 'c.nop' };
const LENGTH = 8;

/** Unprivileged instructions of this ISA; rows in `but` are left out. */
export function unprivileged(isa: string, but: readonly string[] = []): Stream<Sequence> {
  const usable = usableRows(isa, but);
  return {
    perImage: 500,
    length: LENGTH * STATES,
    make: (random) => makeSequence(usable, random, LENGTH),
    image: makeImage,
    focus: (s, pass) => ({ ...s, data: s.data.map((_, n, all) => all[pass * DUMP_WORDS + (n % DUMP_WORDS)]!) }),
    parts: (s) => s.words.map((w) => `${w.bits.toString(16)}  ${w.text}`),
    isNothing: (s, i) => s.words[i] === NOP || s.words[i] === SHORT_NOP,
    without: (s, at) => ({ ...s, words: s.words.map((w, i) => (i !== at ? w : w.length === 4 ? NOP : SHORT_NOP)) }),
    dumpNames: Array.from({ length: DUMP_WORDS },
      (_, n) => (n < 31 ? `x${n}` : n < 63 ? `f${n - 31}` : n === 63 ? 'fcsr' : `memory+${8 * (n - 64)}`)),
  };
}
