/** The instructions that TypeScript executes, by mnemonic, and the engine's view of the harts (`HartSide`). */
import { BREAKPOINT } from '../engine/port.ts';
import type { HartSide } from '../engine/port.ts';
import { SLOW } from '../engine/layout.ts';
import { accesses } from '../../hardware/isa/access.ts';
import type { Row } from '../../hardware/isa/row.ts';
import { rowIndex, rows, type Mnemonic } from '../../hardware/isa/table.ts';
import { meanings } from '../semantics/table.ts';
import { atomic } from './atomic.ts';
import * as access from './access.ts';
import { cryptoHandlers } from './crypto.ts';
import { csrInstruction } from './csr.ts';
import { floatHandlers } from './float.ts';
import { hlv, hsv } from './guest-access.ts';
import type { Hart } from './hart.ts';
import * as system from './system.ts';
import type { Handler } from './system.ts';
import { illegalInstruction, mret, sret } from './trap.ts';

const handlers = {
  illegal: illegalInstruction,
  csrrw: csrInstruction, csrrs: csrInstruction, csrrc: csrInstruction,
  csrrwi: csrInstruction, csrrsi: csrInstruction, csrrci: csrInstruction,
  ecall: system.ecall, ebreak: system.ebreak, mret, sret,
  wfi: system.wfi, 'wrs.nto': system.waitOnReservation, 'wrs.sto': system.waitOnReservation,
  'fence.i': system.fenceI,
  'sfence.vma': system.sfenceVma, 'sinval.vma': system.sfenceVma,
  'sfence.w.inval': system.orderInvalidations, 'sfence.inval.ir': system.orderInvalidations,
  'hfence.vvma': system.hfenceVvma, 'hinval.vvma': system.hfenceVvma,
  'hfence.gvma': system.hfenceGvma, 'hinval.gvma': system.hfenceGvma,
  'cbo.clean': system.cboClean, 'cbo.flush': system.cboClean, 'cbo.inval': system.cboInval, 'cbo.zero': system.cboZero,
  'hlv.b': hlv(1, true), 'hlv.bu': hlv(1, false), 'hlv.h': hlv(2, true), 'hlv.hu': hlv(2, false), 'hlvx.hu': hlv(2, false, true),
  'hlv.w': hlv(4, true), 'hlv.wu': hlv(4, false), 'hlvx.wu': hlv(4, false, true), 'hlv.d': hlv(8, true),
  'hsv.b': hsv(1), 'hsv.h': hsv(2), 'hsv.w': hsv(4), 'hsv.d': hsv(8),
} satisfies Partial<Record<Mnemonic, Handler>>;

const byName = new Map<string, Handler>([...Object.entries(handlers), ...floatHandlers, ...cryptoHandlers]);

/**
 * A row runs by its meaning (machine/semantics), by a handler here, or by both, where the meaning leaves some cases to the handler. Short
 * forms run as the base instruction.
 */
function handlerOf(row: Row, i: number): Handler {
  const handler = byName.get(row.name) ?? (accesses[i]?.kind === 'atomic' ? atomic : undefined);
  if (!handler && !meanings[i] && !row.expands) throw new Error(`nothing executes "${row.name}" of the instruction table`);
  return handler ?? illegalInstruction;
}

/** Does a handler execute the row of this name, in some cases at least? */
export const executedByHand = (name: string): boolean => byName.has(name) || accesses[rowIndex.get(name) ?? 0]?.kind === 'atomic';

/** By row number. */
const byRow: readonly Handler[] = rows.map(handlerOf);

for (const name of byName.keys())
  if (!rowIndex.has(name)) throw new Error(`"${name}" is executed, but no row of the instruction table is called so`);

/** Asks the debugger, which stops the machine here or steps over. */
function breakpoint(hart: Hart): number {
  hart.host.debug?.reached(hart);
  return SLOW.LEAVE;
}

/** The functions that generated code calls, for these harts. */
export function hartSide(harts: readonly Hart[]): HartSide {
  return {
    load: (hart, kind) => access.load(harts[hart], kind),
    store: (hart, size) => access.store(harts[hart], size),
    atomic: (hart, insn) => atomic(harts[hart], insn),
    fetch: (hart) => access.fetch(harts[hart]),
    fetchSecond: (hart) => access.fetchSecond(harts[hart]),
    slow: (hart, row, insn) => (row === BREAKPOINT ? breakpoint(harts[hart]) : byRow[row](harts[hart], insn)),
  };
}
