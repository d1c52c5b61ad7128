/** Software that only faults is stopped, with a report of its state: on the bare machine in M and S mode, and in a virtual machine. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { assemble } from '../hardware/isa/assemble.ts';
import { tessera } from './tessera.ts';
import { temporaryFolder } from './temporary.ts';

const folder = temporaryFolder('faults');
const file = (name: string, text: string, base: number): string => {
  writeFileSync(join(folder, name), assemble(text, base).bytes);
  return join(folder, name);
};
const S = 0x8020_0000, M = 0x8000_0000;
const noHandler = file('no-handler', 'csrw stvec, zero; li a0, 0x1234; .word 0', S),
  noHandlerM = file('no-handler-m', 'csrw mtvec, zero; li a0, 0x1234; .word 0', M);
/** A handler that runs, and faults at its stack. */
const noStack = file('no-stack',
  'la t0, handler; csrw stvec, t0; li sp, 16; li a0, 0x1234; jr zero; handler: csrw sscratch, t1; sd t0, 0(sp); sret', S);
/** A handler that returns does not count, however long it takes. */
const good = file('good',
  'la t0, handler; csrw stvec, t0; li s1, 150000; loop: .word 0; addi s1, s1, -1; bnez s1, loop; li a7, 8; ecall; handler: csrr t1, sepc; '
    + 'addi t1, t1, 4; csrw sepc, t1; sret',
  S);

describe('software that does nothing but fault', () => {
  it.each([
    [
      'in M mode', ['bare', noHandlerM],
      /E_FAULTS: hart 0 does nothing but fault in M mode: illegal instruction at pc 0x8000000\w+ .*a0 0x1234/s
    ],
    [
      'in S mode', ['bare', '--kernel', noHandler],
      /E_FAULTS: hart 0 does nothing but fault in S mode: illegal instruction at pc 0x8020000\w+ .*its trap handler at 0x0 .*a0 0x1234/s
    ],
    [
      'in S mode, in its handler', ['bare', '--kernel', noStack],
      /does nothing but fault in S mode: instruction access fault at pc 0x0 .*its trap handler at 0x802000\w+ faults.*a0 0x1234/s
    ],
    [
      'as a guest', ['vm', '--kernel', noHandler],
      /E_VM: vCPU 0 does nothing but fault: illegal instruction at pc 0x8020000\w+; its trap handler at 0x0 faults as well.*x10 0x1234/
    ],
    ['as a guest, in its handler', ['vm', '--kernel', noStack], /E_VM: vCPU 0 does nothing but fault: .* x10 0x1234/],
  ])('is ended %s, with a report', async (_, words, report) => {
    const run = await tessera(words, { timeout: 200_000 });
    expect(run.stderr).toMatch(report);
    expect(run.status).toBe(1);
  });
  it.each(['bare', 'vm'])('is not what handles its faults (%s)', async (command) => {
    expect(await tessera([command, '--kernel', good], { timeout: 200_000 })).toMatchObject({ status: 0, stderr: '' });
  });
});
