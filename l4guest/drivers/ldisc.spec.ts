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
  it('delivers whole lines, with echo', () => {
    const tty = terminal();
    tty.type('hel');
    expect(tty.read()).toBeUndefined();
    tty.type('lo\rnext');
    expect([tty.read(3), tty.read(), tty.read()]).toEqual(['hel', 'lo\n', undefined]);
    expect(tty.screen()).toBe('hello\r\nnext');
  });
  it('erases characters, words and lines; a UTF-8 character counts as one', () => {
    const tty = terminal();
    tty.type('ax\x7fb é\x7f\x17c d\x17\x15ok\n');
    expect(tty.read()).toBe('ok\n');
    tty.type('one two\x17three\n');
    expect(tty.read()).toBe('one three\n');
  });
  it('^D ends the line, or the file if the line is empty', () => {
    const tty = terminal();
    tty.type('ab\x04');
    expect(tty.read()).toBe('ab');
    tty.type('\x04');
    expect(tty.read()).toBe('');
    expect(tty.read()).toBeUndefined();
  });
  it('^C, ^\\ and ^Z send signals and drop the line', () => {
    const tty = terminal();
    tty.type('abc\x03\x1c\x1ax\n');
    expect(tty.signals).toEqual([2, 3, 20]);
    expect(tty.read()).toBe('x\n');
    expect(tty.screen()).toBe('abc^C^\\^Zx\r\n');
  });
  it('^V makes the next key an ordinary character', () => {
    const tty = terminal();
    tty.type('\x16\x03\n');
    expect([tty.read(), tty.signals]).toEqual(['\x03\n', []]);
  });
  it('raw mode delivers every key, and the line that was being edited', () => {
    const tty = terminal();
    tty.type('ab');
    tty.d.termios.l &= ~(L.ICANON | L.ECHO | L.ISIG);
    tty.d.modeChanged(true);
    tty.type('\x03\x7f');
    expect(tty.read()).toBe('ab\x03\x7f');
    expect(tty.signals).toEqual([]);
  });
  it('output turns newlines into carriage return and newline, unless that is switched off', () => {
    const tty = terminal(), bytes = new TextEncoder().encode('a\nb');
    expect(new TextDecoder().decode(tty.d.process(bytes))).toBe('a\r\nb');
    tty.d.termios.o &= ~Out.OPOST;
    expect(tty.d.process(bytes)).toBe(bytes);
  });
  it('^S stops output, ^Q resumes it', () => {
    const tty = terminal();
    tty.type('\x13');
    expect(tty.d.stopped).toBe(true);
    tty.type('\x11');
    expect(tty.d.stopped).toBe(false);
  });
});
