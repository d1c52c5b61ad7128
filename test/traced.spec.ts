/** A store to a traced table takes away what its entry stood for, and nothing else: the page stays a table. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { assemble } from '../hardware/isa/assemble.ts';
import { tessera } from './tessera.ts';
import { temporaryFolder } from './temporary.ts';

/** Sv39: 1 GiB where it runs; sixteen pages at 1 GiB, read, and read again after each of four stores to other entries of their table. */
const GUEST = `
  la s0, root; la s1, middle; la s2, leaves
  li t0, 0x200000cf; sd t0, 16(s0)
  srli t0, s1, 2; ori t0, t0, 1; sd t0, 8(s0)
  srli t0, s2, 2; ori t0, t0, 1; sd t0, 0(s1)
  li t1, 16; mv t2, s2; li t0, 0x200000cf
fill: sd t0, 0(t2)
  addi t2, t2, 8; addi t1, t1, -1
  bnez t1, fill
  srli t0, s0, 12; li t1, 8; slli t1, t1, 60; or t0, t0, t1
  csrw satp, t0
  sfence.vma
  li s3, 4
again: li t1, 16; li t2, 0x40000000; lui t3, 1
touch: lw t4, 0(t2)
  add t2, t2, t3; addi t1, t1, -1
  bnez t1, touch
  slli t5, s3, 3; add t5, t5, s2
  sd zero, 800(t5)
  addi s3, s3, -1
  bnez s3, again
  li a6, 0; li a0, 0; li a1, 0
  lui a7, 0x53525; addi a7, a7, 0x354
  ecall
stay: j stay
.align 12
root: .zero 4096
middle: .zero 4096
leaves: .zero 4096
`;

it('sixteen pages are filled once, whatever else is stored to their table', async () => {
  const kernel = join(temporaryFolder('traced'), 'guest');
  writeFileSync(kernel, assemble(GUEST, 0x8020_0000).bytes);
  const { status, stderr } = await tessera(['vm', '--virt', 'trap', '--shadow', 'traced', '--kernel', kernel, '--memory', '16M',
    '--stats']);
  expect(status).toBe(0);
  const { hidden } = (JSON.parse(stderr) as { shadow: { vm: { hidden: number } } }).shadow.vm;
  expect(hidden).toBeGreaterThanOrEqual(16);
  expect(hidden).toBeLessThan(32);
});
