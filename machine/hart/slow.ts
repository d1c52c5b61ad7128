/**
 * The instructions that TypeScript executes, by mnemonic, and the engine's view of the harts (`HartSide`).
 */
import { BREAKPOINT } from '../engine/port.ts';
import type { HartSide } from '../engine/port.ts';
import { SLOW } from '../engine/layout.ts';
import { rows } from '../isa/table.ts';
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

const handlers: Record<string, Handler | undefined> = {
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
};

/** Atomics reach `slow` only if the engine has no inline form for them. */
const atomicHandler = (name: string): Handler | undefined => (/^(amo|lr\.|sc\.)/.test(name) ? atomic : undefined);

/** By row number. What has neither semantics in the table nor a handler here is illegal. */
const byRow: readonly Handler[] = rows.map((row) => handlers[row.name] ?? floatHandlers.get(row.name) ?? cryptoHandlers.get(row.name) ?? atomicHandler(row.name) ?? illegalInstruction);

/** The names of rows that have a handler. */
export const handled = (name: string): boolean => handlers[name] !== undefined || floatHandlers.has(name) || cryptoHandlers.has(name) || atomicHandler(name) !== undefined;

/** Asks the debugger; it has the machine stop here, or steps over. */
function breakpoint(h: Hart): number {
  h.host.debug?.reached(h);
  return SLOW.LEAVE;
}

/** What generated code calls, for these harts. */
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
