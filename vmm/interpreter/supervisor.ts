/**
 * Instructions of the guest's kernel with optional exits (control.ts): performed here as the processor would.
 * @spec priv 12.1.1, 12.1.11, 12.2.1, 21.6.4
 */
import { createDecoder } from '../../hardware/isa/decode.ts';
import { FULL_ISA } from '../../hardware/isa/table.ts';
import { Mtd, S, type Sys } from '../../microkernel/abi/index.ts';
import type { Vcpu } from '../vcpu.ts';
import { groupOf } from './store.ts';

const decode = createDecoder(FULL_ISA);
const Csr = { stimecmp: 0x14d, satp: 0x180, time: 0xc01 } as const, NS_PER_TICK = 100n;
const Status = { sie: 1n << 1n, spie: 1n << 5n, spp: 1n << 8n } as const;
/** Modes of satp that the processor has; other values do not change it. @spec priv 12.1.11 */
const MODES: ReadonlySet<bigint> = new Set([0n, 8n, 9n, 10n]);
const LENGTH = 4n;

/** Returns the groups to send back; undefined for any other instruction, which is the guest's fault. */
export function supervisorInstruction(vcpu: Vcpu, word: number): number | Sys<number> | undefined {
  const { row, operands } = decode(word), { exits } = vcpu.vm;
  if (vcpu.utcb.num(S.mode) !== 1)
    return row.name.startsWith('csrr') && operands.csr === Csr.time && exits.has('time') ? readTime(vcpu, word) : undefined;
  if (row.name === 'sret') return exits.has('sret') ? sret(vcpu) : undefined;
  if (/^(sfence|sinval)/.test(row.name)) return exits.has('satp') ? fence(vcpu) : undefined;
  if (!row.name.startsWith('csrr')) return undefined;
  if (operands.csr === Csr.satp && exits.has('satp')) return satp(vcpu, word);
  if (!exits.has('time')) return undefined;
  return operands.csr === Csr.time ? readTime(vcpu, word)
    : operands.csr === Csr.stimecmp && hasTimer(vcpu) ? timecmp(vcpu, word) : undefined;
}

const hasTimer = (v: Vcpu): boolean => v.vm.isa.split('_').includes('sstc');

function next(vcpu: Vcpu): number {
  vcpu.utcb.setBig(S.pc, vcpu.utcb.big(S.pc) + LENGTH);
  return Mtd.pc;
}

function sret(vcpu: Vcpu): number {
  const utcb = vcpu.utcb, status = utcb.big(S.vsstatus);
  utcb.setNum(S.mode, (status & Status.spp) !== 0n ? 1 : 0);
  utcb.setBig(S.vsstatus, (status & ~(Status.sie | Status.spp)) | Status.spie | ((status & Status.spie) !== 0n ? Status.sie : 0n));
  utcb.setBig(S.pc, utcb.big(S.vsepc) & ~1n);
  return Mtd.pc | Mtd.vs | Mtd.mode;
}

/** Wider than asked for: all translations of the VM. */
function* fence(vcpu: Vcpu): Sys<number> {
  yield* vcpu.vm.fence(vcpu.sys);
  return next(vcpu);
}

/** A register gets the old value; the groups that it is in. */
function give(vcpu: Vcpu, rd: number, value: bigint): number {
  if (rd === 0) return 0;
  vcpu.utcb.setXBig(rd, value);
  return groupOf(rd);
}

/** An access to a register whose value is `old`; what it would have then, if it is written. */
function access(vcpu: Vcpu, word: number, old: bigint): { written: bigint | undefined; groups: number } {
  const { row, operands } = decode(word), immediate = row.name.endsWith('i'), kind = row.name[4],
    number = (immediate ? operands.zimm : operands.rs1) ?? 0;
  const source = immediate ? BigInt(number) : number === 0 ? 0n : vcpu.utcb.xBig(number);
  const written = kind === 'w' ? source : number === 0 ? undefined : kind === 's' ? old | source : old & ~source;
  const groups = give(vcpu, operands.rd ?? 0, old) | next(vcpu);
  return { written: written === undefined ? undefined : BigInt.asUintN(64, written), groups };
}

function satp(vcpu: Vcpu, word: number): number {
  const { written, groups } = access(vcpu, word, vcpu.utcb.big(S.vsatp));
  if (written === undefined || !MODES.has(written >> 60n)) return groups;
  vcpu.utcb.setBig(S.vsatp, BigInt.asIntN(64, written));
  return groups | Mtd.vs;
}

function timecmp(vcpu: Vcpu, word: number): number {
  const { written, groups } = access(vcpu, word, vcpu.utcb.big(S.vstimecmp));
  return written === undefined ? groups : groups | vcpu.setTimer(BigInt.asIntN(64, written));
}

function readTime(vcpu: Vcpu, word: number): number | undefined {
  const { row, operands } = decode(word), given = row.name.endsWith('i') ? operands.zimm : operands.rs1;
  const reads = row.name[4] !== 'w' && given === 0;
  return reads ? give(vcpu, operands.rd ?? 0, BigInt(vcpu.sys.now()) / NS_PER_TICK) | next(vcpu) : undefined;
}
