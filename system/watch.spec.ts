import { expect, it } from 'vitest';
import { Watch } from './watch.ts';

const bytes = (s: string): Uint8Array => new TextEncoder().encode(s);

it('sees a text that arrives in pieces, once', () => {
  const watch = new Watch();
  watch.add({ text: 'READY' });
  expect(watch.look(bytes('xxREA'))).toBe(false);
  expect(watch.look(bytes('DY'))).toBe(true);
  expect(watch.look(bytes('READY'))).toBe(false);
  expect(watch.has({ text: 'READY' })).toBe(true);
});
it('asks for the label of the line when an expectation names a component', () => {
  const watch = new Watch(), expectation = { text: 'done', from: 'b' };
  watch.add(expectation);
  watch.look(bytes('[a] done\n[b] not yet\n'));
  expect(watch.has(expectation)).toBe(false);
  watch.look(bytes('[b] al'));
  watch.look(bytes('l done\n'));
  expect(watch.has(expectation)).toBe(true);
});
