/**
 * Stubs do what the instruction does, wherever an event comes in between: each kind is run by a small interpreter, stopped before every
 * one of its instructions and behind it, brought to its end by the monitor, and compared with the supervisor in software.
 */
import { describe, expect, it } from 'vitest';
import { assemble } from '../../hardware/isa/assemble.ts';
import { createDecoder, type Decoded } from '../../hardware/isa/decode.ts';
import { FULL_ISA } from '../../hardware/isa/table.ts';
import { Window } from '../../microkernel/abi/index.ts';
import { Csr, Supervisor } from '../cpu/supervisor.ts';
import { FencedPage } from '../memory/fenced-page.ts';
import { GuestRam } from '../ram.ts';
import { flow } from '../interpreter/flow.ts';
import { load } from '../interpreter/load.ts';
import { compute, isPlain } from '../interpreter/plain.ts';
import type { XRegisters } from '../interpreter/store.ts';
import { freeRegister, type Free } from './free-register.ts';
import { kindOf, needsPlain, reaches, stubFor } from './stub-code.ts';
import { StubExit } from './stub-exit.ts';
import { Stubs } from './stubs.ts';
import { Field, VirtualState } from './virtual-state.ts';

const decode = createDecoder(FULL_ISA), STATE = -(2 ** 20), SIE = 2n, signed = (v: bigint): bigint => BigInt.asIntN(64, v);
const instructions = (text: string): Decoded[] => {
  const { bytes } = assemble(text, 0), data = new DataView(bytes.buffer, bytes.byteOffset, bytes.length), all: Decoded[] = [];
  for (let at = 0; at < bytes.length; at += all.at(-1)!.length)
    all.push(decode((data.getUint16(at, true) & 3) === 3 ? data.getInt32(at, true) : data.getUint16(at, true)));
  return all;
};
const one = (text: string): Decoded => instructions(text)[0]!;
/** The free register behind an instruction, where these follow. */
function free(site: string, behind: string): Free | undefined {
  const all = instructions(behind), decoded = one(site), { rd = 0, rs1 = 0 } = decoded.operands;
  let at = 4;
  const offsets = new Map(all.map((i) => { at += i.length; return [at - i.length, i]; }));
  return freeRegister((offset) => offsets.get(offset), 4, [rd, rs1], needsPlain(kindOf(decoded)!));
}

describe('a free register', () => {
  it.each([
    ['csrrci a1, sstatus, 2', 'lw a4, 32(tp); ld a5, 0(s2)', 14], ['csrrs zero, sstatus, a1', 'c.ldsp ra, 8(sp); c.ldsp s0, 0(sp)', 1],
    ['csrrs zero, sstatus, a1', 'sd a0, 0(s0); addi a0, a0, 1; fence rw, rw; ld a2, 0(a0)', 12], ['csrr s2, sepc', 'csrr s3, stval', 19],
    ['csrrci a1, sstatus, 2', 'add a1, a2, a1; mv a2, a1; ld a3, 0(a2)', 13], ['csrrci zero, sstatus, 2', 'c.lui a4, 0x10', 14],
    ['csrrci a1, sstatus, 2', 'jal ra, . + 8', 1], ['sfence.vma a5, zero', 'c.ldsp ra, 8(sp); c.ldsp s0, 0(sp)', 1],
    ['csrrsi zero, sstatus, 2', 'lw a4, 92(tp)', 14],
  ])('behind %s: %s', (site, behind, register) => { expect(free(site, behind)?.register).toBe(register); });
  it.each([
    ['csrrci a1, sstatus, 2', 'beqz a1, . + 8; ld a2, 0(a0)'], ['csrrci a1, sstatus, 2', 'ret'],
    ['csrrci a1, sstatus, 2', 'ecall; li a0, 1'],
    ['csrrci zero, sstatus, 2', 'ld a2, 0(a0)'], ['csrw sscratch, tp', 'sd a0, 0(sp); li a0, 1'],
    ['csrrci a1, sstatus, 2', 'li a1, 1'],
    ['csrrci a1, sstatus, 2', 'fld fa0, 0(a0); li a0, 1'],
    ['sfence.vma a5, zero', 'ld ra, 8(a5)'], ['csrrci a1, sstatus, 2', 'csrw sepc, a2; li a0, 1'],
  ])('there is none behind %s: %s', (site, behind) => { expect(free(site, behind)).toBeUndefined(); });
});

it('other instructions leave the guest', () => {
  for (const text of ['csrrsi a0, sstatus, 2', 'csrrc zero, sstatus, a0', 'csrrw a0, sscratch, a0', 'csrr a0, sie', 'csrw sepc, a0',
    'sret', 'sfence.vma zero, zero', 'sfence.vma a0, a1'])
    expect(kindOf(one(text)), text).toBeUndefined();
});

/** The guest's memory, where its stack and its thread are: each word holds its own address. */
const BARE = { satp: 0n, privileged: true, sum: false, mxr: false }, BASE = 0x8000_0000, BYTES = new Window(new Uint8Array(4096));
for (let at = 0; at < 4096; at += 4) BYTES.setU32(at, BASE + at);
const RAM = new GuestRam(BYTES as never, 0, 4096, BASE);
function perform(decoded: Decoded, x: XRegisters): void {
  const { rs1 = 0, imm = 0 } = decoded.operands;
  if (isPlain(decoded)) compute(decoded, x, 0n);
  else expect(load(decoded, x, RAM, Number(x.get(rs1)) + imm)).toBe(true);
}

/** A processor that runs a stub: registers, the page of state, a supervisor beside it. */
class Rig {
  readonly window = new Window(new Uint8Array(4096));
  readonly state = new VirtualState(this.window);
  readonly supervisor = new Supervisor(true);
  readonly x = Array.from({ length: 32 }, (_, n) => (n === 0 ? 0n : n === 2 || n === 4 ? 0x8000_0100n : BigInt(n) * 0x1_0000_0001n));
  pc = 0;
  readonly registers = { get: (n: number): bigint => this.x[n]!, set: (n: number, v: bigint): void => { if (n) this.x[n] = signed(v); } };

  constructor(enabled: boolean, waits: boolean) {
    this.supervisor.write(Csr.sie, 1n << 5n);
    if (waits) this.supervisor.levels = 1n << 5n;
    for (const [csr, value] of [[Csr.sepc, 0x8020_1000n], [Csr.scause, 8n], [Csr.stval, -3n], [Csr.sscratch, 77n]] as const)
      this.supervisor.write(csr, BigInt.asUintN(64, value));
    this.supervisor.write(Csr.sstatus, 0x120n | (enabled ? SIE : 0n));
  }
  /** One instruction of a stub. False: it leaves the guest. */
  step(decoded: Decoded): boolean {
    const { row: { name }, operands: { rd = 0, rs1 = 0, rs2 = 0, imm = 0 } } = decoded, field = Number(this.x[rs1]!) + imm - STATE;
    const go = flow(decoded, this.registers, BigInt(this.pc));
    if (name === 'ebreak') return false;
    if (name === 'ld') this.registers.set(rd, this.state.get(field));
    else if (name === 'sd') this.state.set(field, this.x[rs2]!);
    else if (name.startsWith('amo')) {
      const old = this.state.get(field), operand = this.x[rs2]!;
      this.state.set(field, name === 'amoor.d' ? old | operand : old & operand);
      this.registers.set(rd, old);
    } else if (isPlain(decoded)) compute(decoded, this.registers, BigInt(this.pc));
    else expect(go, name).toBeDefined();
    this.pc = go === undefined ? this.pc + decoded.length : Number(signed(go));
    return true;
  }
}

/** A stub at its place, and a `Stubs` that knows of it, without memory. */
function made(text: string, behind: string, next: number): { stubs: Stubs; code: Decoded[]; at: number; register: number } {
  const decoded = one(text), memory = { write() {}, fill() {} }, stubs = new Stubs({ memory } as never, 0), found = free(text, behind)!;
  const page = next - 4, entry = stubs.add(decoded, next, found, page);
  expect(decode(entry).row.name).toBe('jalr');
  const at = -(4096 + 65_536), code = stubFor({ decoded, kind: kindOf(decoded)!, free: found.register, stub: at, state: STATE, next });
  const data = new DataView(code.bytes.buffer, code.bytes.byteOffset, code.bytes.length);
  return { stubs, at, register: found.register, code: code.lines.map((_, i) => decode(data.getInt32(4 * i, true))) };
}

describe.each([[0x8020_0104], [-0x7fff_0000 + 4]])('behind %i', (next) => {
  it.each([
    ['csrrci a1, sstatus, 2', 'ld a4, 0(s0)', 0n], ['csrrs zero, sstatus, a1', 'ld a4, 0(s0)', 0n],
    ['csrrs zero, sstatus, a1', 'ld a4, 0(s0)', 2n],
    ['csrrs zero, sstatus, a1', 'ld a4, 0(s0)', 0x100n], ['csrrci zero, sstatus, 2', 'li a4, 5', 0n],
    ['csrrsi zero, sstatus, 2', 'li a4, 5', 0n],
    ['csrr a1, sstatus', 'ld a4, 0(s0)', 0n], ['csrr a1, scause', 'ld a4, 0(s0)', 0n], ['csrr t0, sscratch', 'ld t1, 0(s0)', 0n],
    ['csrw sscratch, a1', 'li a4, 5', 9n], ['csrw sscratch, zero', 'addi t0, zero, 5', 0n],
    ['csrrsi zero, sstatus, 2', 'c.ldsp ra, 8(sp)', 0n], ['csrrci zero, sstatus, 2', 'lw a4, 4(tp)', 0n],
    ['sfence.vma a1, zero', 'c.ldsp ra, 8(sp)', -4096n], ['sfence.vma a1, zero', 'c.ldsp ra, 8(sp)', 4096n],
  ])('%s (then %s, a1 = %i) does the same, wherever it is stopped', (text, behind, a1) => {
    expect(reaches(-(4096 + 65_536), next)).toBe(true);
    const { stubs, code, at, register } = made(text, behind, next), decoded = one(text), plain = needsPlain(kindOf(decoded)!);
    for (const enabled of [false, true]) for (const waits of [false, true]) for (let stop = 0; stop <= code.length + 1; stop++) {
      const rig = new Rig(enabled, waits), twin = new Rig(enabled, waits);
      rig.x[11] = twin.x[11] = a1;
      twin.supervisor.execute(decoded, twin.registers);
      rig.supervisor.usePage(rig.state);
      rig.state.set(Field.absent, BigInt.asUintN(64, -4096n));
      rig.pc = at;
      for (let n = 0; n < stop && rig.pc < 0 && rig.pc >= at; n++) if (!rig.step(code[(rig.pc - at) / 4]!)) break;
      rig.supervisor.refresh();
      const setPc = (pc: bigint): void => { rig.pc = Number(signed(pc)); };
      const hands = { x: rig.registers, view: () => BARE, reflect() {}, setPc,
        *execute(d: Decoded) { rig.supervisor.execute(d, rig.registers); rig.pc = next; return true; } };
      new StubExit(stubs, rig.state, hands as never, RAM).leave(BigInt(rig.pc)).next(0);
      if (plain) { // brought on behind the instruction that writes the free register
        expect(rig.pc).toBe(next + one(behind).length);
        for (const decoded of instructions(behind)) perform(decoded, twin.registers);
      } else expect(rig.pc).toBe(next);
      expect([stop, register, rig.x.map(signed)]).toEqual([stop, register, twin.x.map(signed)]);
      for (const csr of [Csr.sstatus, Csr.sepc, Csr.scause, Csr.stval, Csr.sscratch])
        expect(rig.supervisor.read(csr)).toBe(twin.supervisor.read(csr));
      rig.supervisor.publish();
      expect(rig.state.get(Field.pending)).toBe(waits ? 1n : 0n);
    }
  });
});

it('a fence leaves the guest unless no shadow has the page', () => {
  const { code, at } = made('sfence.vma a1, zero', 'c.ldsp ra, 8(sp)', -0x7fff_0000 + 4);
  const leaves = (a1: bigint, tell: (page: FencedPage) => void): boolean => {
    const rig = new Rig(false, false), page = new FencedPage(rig.state);
    tell(page);
    rig.x[11] = a1;
    rig.pc = at;
    while (rig.pc < 0 && rig.pc >= at && rig.pc < at + 4 * code.length) if (!rig.step(code[(rig.pc - at) / 4]!)) return true;
    return false;
  };
  const again = (page: FencedPage, there: number, times = 9): void => { for (let n = 0; n < times; n++) page.fenced(there, true, true); };
  expect(leaves(-8192n, () => undefined)).toBe(true);
  expect(leaves(-8192n, (page) => { again(page, -8192, 8); })).toBe(true); // not often enough
  expect(leaves(-8192n, (page) => { again(page, -8192); })).toBe(false);
  expect(leaves(-8191n, (page) => { again(page, -8192); })).toBe(true);
  expect(leaves(-8192n, (page) => { again(page, -8192); page.fenced(-8192, false, true); })).toBe(true);
  expect(leaves(-8192n, (page) => { again(page, -8192); page.filled(-12_288, 4096); page.filled(-4096, 4096); })).toBe(false);
  expect(leaves(-8192n, (page) => { again(page, -8192); page.filled(-(2 ** 21), 2 ** 21); })).toBe(true);
  expect(leaves(-8192n, (page) => { again(page, -8192); again(page, 4096); })).toBe(true); // another one now
});

it('a register that is lost where its load would fault ends the guest', () => {
  const next = 0x8020_0104, { stubs, at } = made('csrrsi zero, sstatus, 2', 'c.ldsp ra, 8(sp)', next), rig = new Rig(false, false);
  rig.x[2] = 0x7000n;
  rig.pc = at + 4;
  const hands = { x: rig.registers, view: () => BARE, reflect() {}, setPc: (pc: bigint) => { rig.pc = Number(signed(pc)); },
    *execute() { return true; } };
  expect(() => new StubExit(stubs, rig.state, hands as never, RAM).leave(BigInt(rig.pc)).next(0)).toThrow('stack');
  expect(rig.pc).toBe(next);
});

it('an address of the monitor that holds no stub is nobody\'s, and a guest that wants it gets it', () => {
  const { stubs } = made('csrr a1, sepc', 'ld a4, 0(s0)', 0x8020_0104);
  expect(stubs.inside(-4096 - 65_536 + 200)).toBeUndefined();
  expect([stubs.covers(-2n), stubs.covers(-70_000n), stubs.covers(5n)]).toEqual([true, false, false]);
  expect([stubs.pageAt(-8, 0)?.rights, stubs.pageAt(STATE, 0)?.rights, stubs.pageAt(STATE - 1, 0)]).toEqual([4, 3, undefined]);
  expect([...stubs.close(1)]).toHaveLength(18);
  expect([stubs.pageAt(-8, 0), stubs.covers(-2n)]).toEqual([undefined, false]);
});
