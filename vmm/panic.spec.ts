import { describe, expect, it } from 'vitest';
import { PanicWatch } from './panic.ts';

const heard = (text: string): string[] => {
  const said: string[] = [], watch: PanicWatch = new PanicWatch(() => said.push(watch.take()!));
  watch.bytes(new TextEncoder().encode(text));
  return said;
};

describe('a panic on a console', () => {
  it.each([
    ['[    2.1] Kernel panic - not syncing: VFS: Unable to mount root fs\r\n', 'Kernel panic - not syncing: VFS: Unable to mount root fs'],
    ['panic: acquire\n', 'panic: acquire'],
    ['minios: panic: as asked\n', 'minios: panic: as asked'],
    ['panic: vm_fault: fault on nofault entry\n', 'panic: vm_fault: fault on nofault entry'],
  ])('is heard in %j', (text, words) => { expect(heard(text)[0]).toContain(words); });

  it.each([
    'nothing to see\n', 'the panic is over\n', 'panic_timeout=5\n', 'Command line: panic=-1\n', 'don’t panic:\n',
  ])('is not heard in %j', (text) => { expect(heard(text)).toEqual([]); });

  it('programs under Linux may say the word', () => {
    expect(heard('[    0.000000] Linux version 6.12.0 (x)\ngoroutine 1\npanic: runtime error: index out of range\n')).toEqual([]);
  });
  it('a line is told once, and one that has not ended when it is asked for', () => {
    let times = 0;
    const watch = new PanicWatch(() => { times++; });
    watch.bytes(new TextEncoder().encode('panic: first\npanic: second\npanic: third'));
    expect([times, watch.take(), watch.take(), watch.take(true), watch.take(true)]).toEqual([1, 'panic: first', undefined, 'panic: third',
      undefined]);
  });
  it('lines of any length take bounded room', () => {
    expect(heard(`panic: ${'x'.repeat(100_000)}\n`)[0]!.length).toBe(240);
  });
});
