/** A driver's accesses to a page that is a device's, until it is memory, may not be written, or is nothing: at each the tables decide. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { assemble } from '../hardware/isa/assemble.ts';
import { tessera } from './tessera.ts';
import { temporaryFolder } from './temporary.ts';

/** s0: the address of the page; s1: its entry. `entry` makes it the UART's page or `own`, with these rights. */
const entry = (frame: string, rights: number): string => `la t2, ${frame}; li t3, ${rights}; jal ra, set`;
const UART = 'uart', RWAD = 0xc7, RAD = 0xc3;
const say = (letter: string): string => `li a0, ${letter.charCodeAt(0)}; sb a0, 0(s0)`;
/** Three times, so that what was remembered of the first access is used. */
const thrice = (name: string, body: string): string => `li s2, 3; ${name}: ${body}; addi s2, s2, -1; bnez s2, ${name}`;
const GUEST = `
  la t0, trap; csrw stvec, t0
  li s0, 0x40000000
  la s1, lower; la t0, root; la t1, middle
  li t3, 0x200000ef; sd t3, 16(t0)
  srli t3, t1, 12; slli t3, t3, 10; ori t3, t3, 1; sd t3, 8(t0)
  srli t3, s1, 12; slli t3, t3, 10; ori t3, t3, 1; sd t3, 0(t1)
  li t3, 0x40000c7; sd t3, 0(s1)
  srli t3, t0, 12; li t4, 8; slli t4, t4, 60; or t3, t3, t4; csrw satp, t3; sfence.vma zero, zero
  ${thrice('device', `${say('d')}; lbu a1, 5(s0); lb a2, 5(s0); lb zero, 5(s0)
    andi a1, a1, 0x20; andi a2, a2, 0x20; or a0, a1, a2; addi a0, a0, 16; sb a0, 0(s0)`)}
  ${thrice('apart', 'li s7, 0; lw a1, 1(s0); addi a0, s7, 48; sb a0, 0(s0)')}
  ${entry('own', RWAD)}
  ${thrice('memory', 'lbu a1, 5(s0); addi a1, a1, 1; sb a1, 5(s0)')}
  lbu s3, 5(s0)
  ${entry(UART, RAD)}
  ${thrice('denied', `lbu a1, 5(s0); li s7, 0; ${say('x')}; add s4, s4, s7`)}
  sd zero, 0(s1); sfence.vma s0, zero
  ${thrice('nothing', 'li s7, 0; lbu a1, 5(s0); add s5, s5, s7')}
  ${entry(UART, RWAD)}
  addi a0, s3, 0; sb a0, 0(s0); addi a0, s4, 20; sb a0, 0(s0); addi a0, s5, 20; sb a0, 0(s0)
  li s2, 3; li a0, 101
  j edge
.align 12
edge:
  ${'c.nop\n'.repeat(2047)}
  sb a0, 0(s0)
  addi s2, s2, -1
  beqz s2, last
  j edge
last: li a6, 0; li a0, 0; li a1, 0; lui a7, 0x53525; addi a7, a7, 0x354; ecall
stay: j stay
set: srli t4, t2, 12; slli t4, t4, 10; la t5, uart; bne t2, t5, plain
  li t4, 0x4000000
plain: or t4, t4, t3; sd t4, 0(s1); sfence.vma s0, zero; jalr zero, 0(ra)
.align 3
trap: csrr s7, scause; csrr t6, sepc; addi t6, t6, 4; csrw sepc, t6; sret
.align 12
own: .word 0x40414243, 0x44454647
uart: .word 0
.align 12
root: .word 0
.align 12
middle: .word 0
.align 12
lower: .word 0
.align 12`;

it('a page that was a device is what the tables say, at each access, under each technique', async () => {
  const file = join(temporaryFolder('device-page'), 'guest');
  writeFileSync(file, assemble(GUEST, 0x8020_0000).bytes);
  const run = (...args: string[]) => tessera(['vm', '--kernel', file, '--memory', '16M', ...args]);
  const [assisted, ...others] = await Promise.all([run(), run('--virt', 'trap'), run('--virt', 'trap', '--look-ahead'),
    run('--virt', 'trap', '--shadow', 'traced'), run('--virt', 'patch'), run('--virt', 'trap', '--smp', '2')]);
  // 13 × 3 load faults and 15 × 3 store faults, each and 20; 0x46 is stored thrice with one more.
  expect([assisted.status, assisted.stdout]).toEqual([0, 'd0d0d0555IA;eee']);
  for (const { status, stdout } of others) expect([status, stdout]).toEqual([0, assisted.stdout]);
});
