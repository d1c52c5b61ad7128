import { expect, it } from 'vitest';
import { LabelledLines, type Speaker } from './lines.ts';

const bytes = (s: string): Uint8Array => new TextEncoder().encode(s);
const text = (b: Uint8Array): string => new TextDecoder().decode(b);
const speaker = (label: string): Speaker => ({ label, partial: [] });

it('puts a label before each whole line and keeps the unfinished one', () => {
  const lines = new LabelledLines(), a = speaker('a'), b = speaker('b');
  expect(text(lines.write(a, bytes('one\ntw')))).toBe('[a] one\n');
  expect(text(lines.write(b, bytes('x\r\n')))).toBe('[b] x\n');
  expect(text(lines.write(a, bytes('o\n')))).toBe('[a] two\n');
});
it('shows the speaker in focus at once, and again after somebody else spoke', () => {
  const lines = new LabelledLines(), a = speaker('a'), b = speaker('b');
  lines.setFocus(a);
  expect(text(lines.write(a, bytes('$ ')))).toBe('[a] $ ');
  expect(text(lines.write(a, bytes('l')))).toBe('l');
  expect(text(lines.write(b, bytes('tick\n')))).toBe('\n[b] tick\n[a] $ l');
  expect(text(lines.write(a, bytes('s\nfile\n')))).toBe('s\n[a] file\n');
});
it('shows what a speaker left unfinished when it goes', () => {
  const lines = new LabelledLines(), a = speaker('a');
  lines.write(a, bytes('half'));
  expect(text(lines.close(a))).toBe('[a] half\n');
});
