import { expect, it } from 'vitest';
import { LabelledLines, type Speaker } from './lines.ts';

const bytes = (s: string): Uint8Array => new TextEncoder().encode(s);
const text = (b: Uint8Array): string => new TextDecoder().decode(b);
const speaker = (label: string): Speaker => ({ label, partial: [] });

it('puts a label before each whole line and keeps the unfinished one', () => {
  const lines = new LabelledLines(), first = speaker('a'), second = speaker('b');
  expect(text(lines.write(first, bytes('one\ntw')))).toBe('[a] one\n');
  expect(text(lines.write(second, bytes('x\r\n')))).toBe('[b] x\n');
  expect(text(lines.write(first, bytes('o\n')))).toBe('[a] two\n');
});
it('shows the speaker in focus at once, and again after somebody else spoke', () => {
  const lines = new LabelledLines(), first = speaker('a'), second = speaker('b');
  lines.setFocus(first);
  expect(text(lines.write(first, bytes('$ ')))).toBe('[a] $ ');
  expect(text(lines.write(first, bytes('l')))).toBe('l');
  expect(text(lines.write(second, bytes('tick\n')))).toBe('\n[b] tick\n[a] $ l');
  expect(text(lines.write(first, bytes('s\nfile\n')))).toBe('s\n[a] file\n');
});
it('shows what a speaker left unfinished when it goes', () => {
  const lines = new LabelledLines(), first = speaker('a');
  lines.write(first, bytes('half'));
  expect(text(lines.close(first))).toBe('[a] half\n');
});
