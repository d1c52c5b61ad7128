/** A device's interrupt goes to a guest on its own line: the guest claims and completes it, and nothing leaves it. @spec priv 21.2.4 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { assemble } from '../hardware/isa/assemble.ts';
import { temporaryFolder } from './temporary.ts';
import { tessera } from './tessera.ts';

const RAM = 0x8000_0000;
/** Source 10 is the serial port, which wants more characters; context 2 is line 1 of the only hart. A trap out of the guest prints X. */
const PROGRAM = `
  la t0, left; csrw mtvec, t0; li t0, 0x1f; csrw pmpcfg0, t0; li t0, -1; csrw pmpaddr0, t0
  li s0, 0x10000000; li s1, 0xc000000; li t0, 1; sw t0, 40(s1)
  li t1, 0xc002100; li t0, 0x400; sw t0, 0(t1); li s2, 0xc202000
  li t0, 0x1222; csrs mideleg, t0; li t0, 0x444; csrw hideleg, t0; csrw mie, t0
  li t0, 0x1000; csrs hstatus, t0; la t0, taken; csrw vstvec, t0; csrwi vsstatus, 2
  li t0, 0x1000; csrc mstatus, t0; li t0, 0x8000000800; csrs mstatus, t0; la t0, guest; csrw mepc, t0; mret
guest:
  li s3, 0; li t0, 2; sb t0, 1(s0); li s5, 3
wait:
  bltu s3, s5, wait
  li t0, 0x100000; li t1, 0x5555; sw t1, 0(t0)
stay: j stay
.align 2
taken:
  csrr t0, scause; andi t0, t0, 15; addi t0, t0, 48; sb t0, 0(s0)
  lw s4, 4(s2); addi t0, s4, 48; sb t0, 0(s0); addi s3, s3, 1; sltiu t0, s3, 3; slli t0, t0, 1; sb t0, 1(s0); sw s4, 4(s2); sret
.align 2
left:
  li t0, 88; sb t0, 0(s0); li t0, 0x100000; li t1, 0x13333; sw t1, 0(t0)
  j left`;

it.each(['interp', 'jit'])('three interrupts of a serial port reach the guest on line 1 (%s)', async (engine) => {
  const file = join(temporaryFolder('lines'), 'guest');
  writeFileSync(file, assemble(PROGRAM, RAM).bytes);
  const { status, stdout } = await tessera(['bare', '--engine', engine, '--cpu', 'base,geilen=1', file], { timeout: 10_000 });
  expect([status, stdout]).toEqual([0, '9:9:9:']);
});

it('the hypervisor suite holds on a hart with three lines', async () => {
  const { status, stdout } = await tessera(['bare', '--cpu', 'base,geilen=3', 'guests/bin/hypervisor.elf'], { timeout: 60_000 });
  expect([status, stdout.match(/^not ok.*/gm), /# \d+ passed, 0 failed/.test(stdout)]).toEqual([0, null, true]);
});
