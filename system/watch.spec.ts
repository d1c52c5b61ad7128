import { expect, it } from 'vitest';
import { Watch } from './watch.ts';

const bytes = (s: string): Uint8Array => new TextEncoder().encode(s);

it('sees a text that arrives in pieces, once', () => {
  const w = new Watch();
  w.add({ text: 'READY' });
  expect(w.look(bytes('xxREA'))).toBe(false);
  expect(w.look(bytes('DY'))).toBe(true);
  expect(w.look(bytes('READY'))).toBe(false);
  expect(w.has({ text: 'READY' })).toBe(true);
});
it('asks for the label of the line when an expectation names a component', () => {
  const w = new Watch(), e = { text: 'done', from: 'b' };
  w.add(e);
  w.look(bytes('[a] done\n[b] not yet\n'));
  expect(w.has(e)).toBe(false);
  w.look(bytes('[b] al'));
  w.look(bytes('l done\n'));
  expect(w.has(e)).toBe(true);
});
