/** Control flow read off the bits is what the table of instructions says. */
import { expect, it } from 'vitest';
import { createDecoder } from '../../hardware/isa/decode.ts';
import { disassemble } from '../../hardware/isa/disassemble.ts';
import { FULL_ISA } from '../../hardware/isa/table.ts';
import { directTarget, isConditional, isJump } from '../interpreter/branch.ts';
import { distance, Flow, flowOf } from './flow-of.ts';

const decode = createDecoder(FULL_ISA);

function check(word: number): void {
  const decoded = decode(word), flow = flowOf(word), target = directTarget(decoded, 0), rd = decoded.operands.rd ?? 0;
  if (decoded.index === 0) return;
  const expected = isConditional(decoded) ? Flow.branch : decoded.row.name === 'jal' ? (rd ? Flow.call : Flow.jump)
    : decoded.row.name === 'jalr' ? (rd ? Flow.computedCall : Flow.away) : decoded.row.name === 'ebreak' ? Flow.away : Flow.next;
  expect([flow, isJump(decoded) || flow === Flow.next || decoded.row.name === 'ebreak'], disassemble(decoded)).toEqual([expected, true]);
  if (target !== undefined) expect(distance(word), disassemble(decoded)).toBe(target);
}

it('of every short instruction', () => { for (let half = 0; half < 0x1_0000; half++) if ((half & 3) !== 3) check(half); });
it('of 50,000 long ones, most of them jumps', () => {
  let state = 1;
  const random = (): number => { state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0; return state ^ (state >>> 13); };
  const opcodes = [0x63, 0x6f, 0x67, 0x73, 0x13, 0x33, 0x03];
  for (let i = 0; i < 50_000; i++) check((random() & ~0x7f) | opcodes[i % opcodes.length]!);
  check(0x0010_0073);
});
