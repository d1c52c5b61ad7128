/** Lines of the screen: runs of text, each with one look. All drawing consists of them, so that a test can compare a screen as text. */
export interface Look { color?: 'red' | 'green' | 'yellow' | 'blue' | 'magenta' | 'cyan'; bold?: boolean; dim?: boolean; inverse?: boolean }
export interface Run extends Look { text: string }
export type Line = Run[];

export const line = (text: string, look: Look = {}): Line => [{ text, ...look }];
export const plain = (l: Line): string => l.map((run) => run.text).join('');

/** Cuts or pads to exactly `width` columns; what does not fit ends in an ellipsis. */
export function fit(text: string, width: number): string {
  const clean = text.replace(/[\x00-\x1f\x7f-\x9f]/g, '?');
  if (width <= 0) return '';
  return clean.length > width ? clean.slice(0, width - 1) + '…' : clean.padEnd(width);
}

/** Cuts a line of runs to `width` columns. */
export function cut(line: Line, width: number): Line {
  const out: Line = [];
  let left = width;
  for (const run of line) {
    if (left <= 0) break;
    const text = run.text.length > left ? run.text.slice(0, left - 1) + '…' : run.text;
    out.push({ ...run, text });
    left -= text.length;
  }
  return out;
}

/** Breaks text at blanks into lines of at most `width` columns; blanks at its beginning stay. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [], indent = /^ */.exec(text)![0];
  let current = '';
  for (const word of text.slice(indent.length).split(' ')) {
    if (current && current.length + 1 + word.length > width) { lines.push(current); current = ''; }
    current = current ? `${current} ${word}` : `${lines.length === 0 ? indent : ''}${word}`;
  }
  return [...lines, current];
}
