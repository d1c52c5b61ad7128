/** From a record's `op` to its code. */
import { Op, type Label } from './code.ts';
import type { InterpreterEmitter } from './operands.ts';

/** Emits the jump: operation i to labels[i]. */
export function dispatch(e: InterpreterEmitter, labels: readonly Label[]): void {
  const { code } = e;
  code.get(e.record);
  code.memory(Op.i32Load16U, 0);
  code.brTable(labels, labels[0]!);
}
