import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const css = readFileSync(new URL('./theme.css', import.meta.url), 'utf8');
const theme = (selector: string): Record<string, string> =>
  Object.fromEntries([
    ...css.slice(css.indexOf(`${selector} {`)).split('}')[0]!.matchAll(/--([\w-]+): (#[\da-f]{6})/g)
  ].map((m) => [m[1]!, m[2]!]));

/** @spec WCAG 2.2, relative luminance */
function luminance(colour: string): number {
  const [red, green, blue] = [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16) / 255).map((c) =>
    (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red! + 0.7152 * green! + 0.0722 * blue!;
}
const contrast = (first: string, second: string): number => {
  const [low, high] = [luminance(first), luminance(second)].sort((x, y) => x - y);
  return (high! + 0.05) / (low! + 0.05);
};

describe.each([['light', ':root'], ['dark', ":root[data-theme='dark']"]])('the %s theme', (_name, selector) => {
  const colours = theme(selector);
  const words = ['text', 'dim', 'good', 'bad', 'accent', 'k-message', 'k-answer', 'k-event', 'k-memory', 'k-object'];
  it.each(words.flatMap((word) => ['pane', 'raised'].map((ground) =>
    [word, ground] as const)))('has words in %s on %s that are read easily (4.5)',
    (word, ground) => {
    expect(contrast(colours[word]!, colours[ground]!)).toBeGreaterThanOrEqual(4.5);
  });
  it.each(['text', 'dim'])('has words in %s on the ground and on what is chosen that are read easily', (word) => {
    for (const ground of ['ground', 'accent-soft']) expect(contrast(colours[word]!, colours[ground]!), ground).toBeGreaterThanOrEqual(4.5);
  });
  it('has words on buttons that are read easily, and tiles that are seen (3)', () => {
    expect(contrast(colours['accent-text']!, colours['accent']!)).toBeGreaterThanOrEqual(4.5);
    for (const family of ['message', 'answer', 'event', 'memory', 'interrupt', 'object'])
      expect(contrast(colours[`k-${family}`]!, colours['pane']!), family).toBeGreaterThanOrEqual(3);
  });
});
