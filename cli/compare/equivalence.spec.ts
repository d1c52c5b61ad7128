import { expect, it } from 'vitest';
import { differences } from './equivalence.ts';

it('numbers, times and order do not matter; words do', () => {
  const native = '[    0.1] Memory: 100K at 0xffff8000\n[    0.2] isa: rv64gch\nready\n',
    other = '[    0.7] isa: rv64gc\n[    0.9] Memory: 99K at 0xffff9000\nready\n\n';
  expect(differences(native, other)).toEqual({ more: ['isa: rv#gc'], less: ['isa: rv#gch'] });
  expect(differences(native, native)).toEqual({ more: [], less: [] });
});
it('a line that is said once too often is one that differs',
  () => { expect(differences('a\nb\n', 'a\na\nb\n')).toEqual({ more: ['a'], less: [] }); });
