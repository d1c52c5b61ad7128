import { describe, expect, it } from 'vitest';
import { LineDiscipline } from './ldisc.ts';
import { L, Out } from './termios.ts';

function terminal(): {
  d: LineDiscipline; type: (s: string) => void; read: (n?: number) => string | undefined; screen: () => string; signals: number[]
} {
  let screen = '';
  const signals: number[] = [],
    lineDiscipline = new LineDiscipline((b) => { screen += new TextDecoder().decode(b); }, (s) => signals.push(s));
  return {
    d: lineDiscipline, signals, type: (s) => lineDiscipline.input(new TextEncoder().encode(s)),
    read: (n = 100) => { const b = lineDiscipline.take(n); return b && new TextDecoder().decode(b); }, screen: () => screen
  };
}

describe('line discipline', () => {
  it('gives whole lines, with echo', () => {
    const t = terminal();
    t.type('hel');
    expect(t.read()).toBeUndefined();
    t.type('lo\rnext');
    expect([t.read(3), t.read(), t.read()]).toEqual(['hel', 'lo\n', undefined]);
    expect(t.screen()).toBe('hello\r\nnext');
  });
  it('erases characters, words and lines; UTF-8 characters as one', () => {
    const t = terminal();
    t.type('ax\x7fb é\x7f\x17c d\x17\x15ok\n');
    expect(t.read()).toBe('ok\n');
    t.type('one two\x17three\n');
    expect(t.read()).toBe('one three\n');
  });
  it('^D ends the line, or the file where the line is empty', () => {
    const t = terminal();
    t.type('ab\x04');
    expect(t.read()).toBe('ab');
    t.type('\x04');
    expect(t.read()).toBe('');
    expect(t.read()).toBeUndefined();
  });
  it('^C, ^\\ and ^Z are signals that drop the line', () => {
    const t = terminal();
    t.type('abc\x03\x1c\x1ax\n');
    expect(t.signals).toEqual([2, 3, 20]);
    expect(t.read()).toBe('x\n');
    expect(t.screen()).toBe('abc^C^\\^Zx\r\n');
  });
  it('^V takes the next key as it is', () => {
    const t = terminal();
    t.type('\x16\x03\n');
    expect([t.read(), t.signals]).toEqual(['\x03\n', []]);
  });
  it('raw mode gives every key, and what was being edited', () => {
    const t = terminal();
    t.type('ab');
    t.d.termios.l &= ~(L.ICANON | L.ECHO | L.ISIG);
    t.d.modeChanged(true);
    t.type('\x03\x7f');
    expect(t.read()).toBe('ab\x03\x7f');
    expect(t.signals).toEqual([]);
  });
  it('output turns newlines into carriage return and newline, unless told', () => {
    const t = terminal(), bytes = new TextEncoder().encode('a\nb');
    expect(new TextDecoder().decode(t.d.process(bytes))).toBe('a\r\nb');
    t.d.termios.o &= ~Out.OPOST;
    expect(t.d.process(bytes)).toBe(bytes);
  });
  it('^S stops output, ^Q lets it go', () => {
    const t = terminal();
    t.type('\x13');
    expect(t.d.stopped).toBe(true);
    t.type('\x11');
    expect(t.d.stopped).toBe(false);
  });
});
