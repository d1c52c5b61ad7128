/**
 * May this mode read or write this register? Tests all 4,096 numbers in M, S, U, VS and VU mode, with counters and extensions enabled and
 * disabled for the lower modes; compares the results (0, or the exception) with QEMU 7.2's, except where QEMU is known to be wrong.
 * @spec unpriv 6.1; priv 2.1, 21.2, 21.6.1
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createBoard } from '../../machine/board/board.ts';
import { csrRows } from '../../machine/hart/csr.ts';
import { assemble } from '../../hardware/isa/assemble.ts';
import { hasQemu } from './oracle.ts';
import { HYPERVISOR_ISA, PRIVILEGED_ISA } from './privileged.ts';

const RAM = 0x8000_0000;
const NUMBERS = 4096;
const OPEN = 'li t0, -1; csrw mcounteren, t0; csrw scounteren, t0; csrw menvcfg, t0';
const OPEN_TO_GUESTS = `${OPEN}; csrw hcounteren, t0; csrw henvcfg, t0`;
/** Bits 0 and 1: the privilege; bit 2: virtual. */
const MODES = [['M', 3], ['S', 1], ['U', 0], ['VS', 5], ['VU', 4]] as const;

/** Sends a byte for each mode, number, and access (csrrs without and with a source register, whose value is 0). */
const program = (hypervisor: boolean, setup: string): string => `
  csrr t0, mhartid; bnez t0, sleep; la t0, trap; csrw mtvec, t0; li t0, -1; csrw pmpaddr0, t0; li t0, 0x1f; csrw pmpcfg0, t0; ${setup}
  li s0, 0
modes: la t0, table; add t0, t0, s0; lbu s1, 0(t0); li t0, 255; beq s1, t0, finish
  li s2, 0
numbers: li s3, 0
accesses: slli t1, s2, 20; li t2, 0x2573; beqz s3, patch; li t2, 0x32573
patch: or t1, t1, t2; la t0, slot; sw t1, 0(t0); fence.i
  li t2, 0x1800; csrc mstatus, t2; andi t2, s1, 3; slli t2, t2, 11; csrs mstatus, t2
  ${hypervisor ? 'li t2, 1; slli t2, t2, 39; csrc mstatus, t2; andi t3, s1, 4; beqz t3, enter; csrs mstatus, t2' : ''}
enter: la t2, slot; csrw mepc, t2; li t1, 0; mret
  .align 2
slot: nop
  ecall
after: li t0, 0x10000000
wait: lbu t1, 5(t0); andi t1, t1, 0x20; beqz t1, wait; sb s4, 0(t0)
  addi s3, s3, 1; li t0, 2; bltu s3, t0, accesses
  addi s2, s2, 1; li t0, ${NUMBERS}; bltu s2, t0, numbers
  addi s0, s0, 1; j modes
finish: li t0, 0x100000; li t1, 0x5555; sw t1, 0(t0)
sleep: wfi; j sleep
  .align 2
trap: la t5, trap; csrw mtvec, t5; csrr s4, mcause; li t4, 8; bltu s4, t4, back; li t4, 12; bgeu s4, t4, back; li s4, 0
back: csrw mie, zero; la t5, after; csrw mepc, t5; li t5, 0x1800; csrs mstatus, t5; mret
table: ${MODES.filter(([, n]) => hypervisor || n < 4).map(([, n]) => `.byte ${n}`).join('; ')}; .byte 255`;

const image = (h: boolean, setup: string): Uint8Array => assemble(program(h, setup), RAM).bytes;

function ours(bytes: Uint8Array, isa: string): Uint8Array {
  const sent: number[] = [];
  const console = { output: (byte: number) => { sent.push(byte); }, take: () => new Uint8Array(0), onInput: () => {} };
  const { machine, startProgram } = createBoard({ memoryBytes: 16 << 20, harts: 1, isa, console });
  machine.memory.writable(RAM, bytes.length).set(bytes);
  startProgram(RAM);
  expect(machine.run({ maxCycles: 100_000_000 }).kind).toBe('poweroff');
  return Uint8Array.from(sent);
}

function qemus(bytes: Uint8Array, hypervisor: boolean): Uint8Array {
  const folder = mkdtempSync(join(tmpdir(), 'tessera-csr-'));
  try {
    writeFileSync(join(folder, 'image'), bytes);
    execFileSync('qemu-system-riscv64',
      ['-M', 'virt', '-m', '64', '-cpu', `rv64,pmu-num=29,h=${hypervisor ? 'on' : 'off'}`, '-display', 'none', '-monitor', 'none',
      '-bios', join(folder, 'image'), '-serial', `file:${join(folder, 'out')}`], { timeout: 200_000, stdio: 'ignore' });
    return readFileSync(join(folder, 'out'));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

interface Answer { readonly mode: string; readonly number: number; readonly write: boolean; readonly ours: number; readonly theirs: number }

/** Where QEMU 7.2 is wrong, or makes another permitted choice. */
const KNOWN: readonly ((a: Answer) => boolean)[] = [
  // csrrs with a source register writes, whatever its value, which is illegal for a read-only register in every mode (unpriv 6.1).
  (a) => a.write && a.number >> 10 === 3 && a.ours === 2,
  // A register of the supervisor that VU mode names is a virtual instruction (priv 21.6.1).
  (a) => a.mode === 'VU' && ((a.number >> 8) & 3) === 1 && a.ours === 22 && a.theirs === 2,
  // PMP entries beyond the sixteenth may read as zero, or not be there (priv 3.7.1).
  (a) => a.mode === 'M' && a.number >= 0x3a4 && a.number <= 0x3ef && a.ours === 0 && a.theirs === 2,
  // Without a hypervisor extension there is no vstimecmp (priv 19.2.1).
  (a) => a.number === 0x24d && a.ours === 2 && a.theirs === 0,
];

function differences(mine: Uint8Array, others: Uint8Array): string[] {
  const names = new Map(csrRows.map((row) => [row.number, row.name]));
  return [...mine].flatMap((byte, i) => {
    const answer = {
      mode: MODES[Math.floor(i / (2 * NUMBERS))]![0], number: (i >> 1) % NUMBERS, write: i % 2 === 1, ours: byte, theirs: others[i]!
    };
    if (byte === answer.theirs || KNOWN.some((known) => known(answer))) return [];
    return [
      `${answer.mode} ${answer.write ? 'writes' : 'reads'} ${names.get(answer.number) ?? answer.number.toString(16)}: ${byte}, QEMU `
        + `${answer.theirs}`
    ];
  });
}

describe.skipIf(!hasQemu())('access to every register from every mode is QEMU\'s (skipped: no qemu-system-riscv64)', () => {
  it.each([
    ['open', OPEN, false], ['closed', '', false], ['open to guests', OPEN_TO_GUESTS, true], ['open to supervisors', OPEN, true],
    ['closed to all', '', true]
  ] as const)('%s',
    (_, setup, hypervisor) => {
    const bytes = image(hypervisor, setup);
    const mine = ours(bytes, hypervisor ? HYPERVISOR_ISA : PRIVILEGED_ISA);
    expect(mine).toHaveLength(2 * NUMBERS * (hypervisor ? 5 : 3));
    expect(new Set(mine).size).toBe(hypervisor ? 3 : 2);
    expect(differences(mine, qemus(bytes, hypervisor))).toEqual([]);
  });
});
