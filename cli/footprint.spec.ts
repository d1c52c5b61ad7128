import { existsSync } from 'node:fs';
import { expect, it } from 'vitest';
import { Machine } from '../machine/index.ts';
import { footprint, parseMappings } from './footprint.ts';

it('reads mappings with and without a file', () => {
  const text = '00400000-00401000 r--p 00000000 fe:00 12   /usr/bin/a b\nSize: 4 kB\nRss:                4 kB\nPss: 4 kB\nVmFlags: rd\n'
    + '7fff0000-7fff3000 rw-p 00000000 00:00 0 \nSize: 12 kB\nRss:                8 kB\nVmFlags: rd wr\n';
  expect(parseMappings(text)).toEqual([
    { start: 0x40_0000, end: 0x40_1000, resident: 4096, path: '/usr/bin/a b' },
    { start: 0x7fff_0000, end: 0x7fff_3000, resident: 8192, path: '' },
  ]);
});

it.skipIf(!existsSync('/proc/self/pagemap'))('tells what the guest has touched from what the engine takes', () => {
  const machine = new Machine({ memoryBytes: (97 << 20) + 4096 });
  const before = footprint(machine)!;
  expect(before.guest).toBe(0);
  machine.memory.fill(machine.memory.base, 40 << 20, 1);
  const { resident, guest, overhead, tlbs, records, javascript, program, rest } = footprint(machine)!;
  expect(guest - before.guest).toBe(40 << 20);
  expect(resident).toBe(guest + overhead);
  expect(overhead).toBe(tlbs + records + javascript + program + rest);
});
