/**
 * Pseudo-instructions: each gives the lines of its real instructions. @spec asm "Pseudoinstructions"
 * The size of `li` and `la` depends on their operand alone, so labels get their addresses before values are known.
 */
import { split } from './expressions.ts';

type Expand = (...o: string[]) => string[];
const one = (make: (...o: string[]) => string): Expand => (...o) => [make(...o)];

/** The shortest usual sequence for a 64-bit constant: lui, addi(w), then shifts and additions. */
export function loadConstant(rd: string, value: bigint): string[] {
  const signed = BigInt.asIntN(64, value);
  if (signed >= -2048n && signed < 2048n) return [`addi ${rd}, zero, ${signed}`];
  const { upper, lower } = split(signed);
  if (signed >= -0x8000_0000n && signed < 0x8000_0000n) {
    return [`lui ${rd}, ${(upper >>> 12) & 0xfffff}`, ...(lower !== 0 ? [`addiw ${rd}, ${rd}, ${lower}`] : [])];
  }
  let high = (signed - BigInt(lower)) >> 12n;
  let shift = 12;
  while ((high & 1n) === 0n) {
    high >>= 1n;
    shift++;
  }
  return [...loadConstant(rd, high), `slli ${rd}, ${rd}, ${shift}`, ...(lower !== 0 ? [`addi ${rd}, ${rd}, ${lower}`] : [])];
}

const zeroBranches: Record<string, [string, boolean]> = {
  beqz: ['beq', false], bnez: ['bne', false], bltz: ['blt', false], bgez: ['bge', false], blez: ['bge', true], bgtz: ['blt', true]
};
const swapped: Record<string, string> = { bgt: 'blt', ble: 'bge', bgtu: 'bltu', bleu: 'bgeu' };

export const PSEUDO: Record<string, Expand> = {
  nop: one(() => 'addi zero, zero, 0'),
  mv: one((d, s) => `addi ${d}, ${s}, 0`),
  not: one((d, s) => `xori ${d}, ${s}, -1`),
  neg: one((d, s) => `sub ${d}, zero, ${s}`),
  negw: one((d, s) => `subw ${d}, zero, ${s}`),
  'sext.w': one((d, s) => `addiw ${d}, ${s}, 0`),
  seqz: one((d, s) => `sltiu ${d}, ${s}, 1`),
  snez: one((d, s) => `sltu ${d}, zero, ${s}`),
  sltz: one((d, s) => `slt ${d}, ${s}, zero`),
  sgtz: one((d, s) => `slt ${d}, zero, ${s}`),
  j: one((t) => `jal zero, ${t}`),
  jr: one((s) => `jalr zero, 0(${s})`),
  ret: one(() => 'jalr zero, 0(ra)'),
  call: (t) => [`auipc ra, %high(${t})`, `jalr ra, %low(${t})(ra)`],
  tail: (t) => [`auipc t1, %high(${t})`, `jalr zero, %low(${t})(t1)`],
  la: (d, t) => [`auipc ${d}, %high(${t})`, `addi ${d}, ${d}, %low(${t})`],
  csrr: one((d, c) => `csrrs ${d}, ${c}, zero`),
  csrw: one((c, s) => `csrrw zero, ${c}, ${s}`),
  csrs: one((c, s) => `csrrs zero, ${c}, ${s}`),
  csrc: one((c, s) => `csrrc zero, ${c}, ${s}`),
  csrwi: one((c, i) => `csrrwi zero, ${c}, ${i}`),
  csrsi: one((c, i) => `csrrsi zero, ${c}, ${i}`),
  csrci: one((c, i) => `csrrci zero, ${c}, ${i}`),
  rdcycle: one((d) => `csrrs ${d}, cycle, zero`),
  rdtime: one((d) => `csrrs ${d}, time, zero`),
  rdinstret: one((d) => `csrrs ${d}, instret, zero`),
  frcsr: one((d) => `csrrs ${d}, fcsr, zero`),
  fscsr: one((s) => `csrrw zero, fcsr, ${s}`),
  ...Object.fromEntries(['s', 'd'].flatMap((text) => [
    [`fmv.${text}`, one((d, s) => `fsgnj.${text} ${d}, ${s}, ${s}`)],
    [`fneg.${text}`, one((d, s) => `fsgnjn.${text} ${d}, ${s}, ${s}`)],
    [`fabs.${text}`, one((d, s) => `fsgnjx.${text} ${d}, ${s}, ${s}`)],
  ])),
  ...Object.fromEntries(Object.entries(zeroBranches).map(([name, [base, reverse]]) => [
    name, one((s, t) => (reverse ? `${base} zero, ${s}, ${t}` : `${base} ${s}, zero, ${t}`))
  ])),
  ...Object.fromEntries(Object.entries(swapped).map(([name, base]) => [name, one((a, b, t) => `${base} ${b}, ${a}, ${t}`)])),
};
