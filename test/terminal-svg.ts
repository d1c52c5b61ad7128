/** A terminal's screen, with its colours, as an SVG picture for documents. */
const WIDTH = 8.4, HEIGHT = 17, MARGIN = 10, FOREGROUND = '#d8dee9', BACKGROUND = '#1b2028';
const colours: Record<number, string> = {
  30: '#4c566a', 31: '#ef6b73', 32: '#9ece6a', 33: '#e0af68', 34: '#7aa2f7', 35: '#c79bf2', 36: '#6fd0e0', 37: FOREGROUND
};

interface Look { bold: boolean; dim: boolean; inverse: boolean; colour: string }
const PLAIN: Look = { bold: false, dim: false, inverse: false, colour: FOREGROUND };
interface Piece { at: number; text: string; look: Look }

/** `screen`: lines with SGR escapes, as `tmux capture-pane -e` gives them. */
export function terminalSvg(screen: string, columns: number, rows: number): string {
  const width = Math.ceil(columns * WIDTH + 2 * MARGIN), height = rows * HEIGHT + 2 * MARGIN, out = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="DejaVu Sans `
      + `Mono, Menlo, Consolas, monospace" font-size="14">`,
    `<rect width="${width}" height="${height}" rx="6" fill="${BACKGROUND}"/>`,
  ];
  let look = PLAIN;
  screen.split('\n').slice(0, rows).forEach((line, row) => {
    const read = pieces(line, look);
    look = read.look;
    for (const piece of read.pieces) out.push(...draw(piece, row));
  });
  return [...out, '</svg>', ''].join('\n');
}

function pieces(line: string, start: Look): { pieces: Piece[]; look: Look } {
  const found: Piece[] = [];
  let look = start, at = 0;
  for (const part of line.split(/(\x1b\[[0-9;]*m|\x1b\(B|[\x0e\x0f])/)) {
    const codes = /^\x1b\[([0-9;]*)m$/.exec(part)?.[1];
    if (codes !== undefined) look = codes.split(';').reduce(change, look);
    else if (part && !/^[\x0e\x0f\x1b]/.test(part)) { found.push({ at, text: part, look }); at += part.length; }
  }
  return { pieces: found, look };
}

function change(look: Look, code: string): Look {
  const n = Number(code || 0);
  switch (n) {
    case 0: return PLAIN;
    case 1: return { ...look, bold: true };
    case 2: return { ...look, dim: true };
    case 7: return { ...look, inverse: true };
    case 22: return { ...look, bold: false, dim: false };
    case 27: return { ...look, inverse: false };
    case 39: return { ...look, colour: FOREGROUND };
    default: return colours[n] ? { ...look, colour: colours[n] } : look;
  }
}

function* draw({ at, text, look }: Piece, row: number): Generator<string> {
  const x = MARGIN + at * WIDTH, y = MARGIN + row * HEIGHT, ink = look.inverse ? BACKGROUND : look.colour;
  if (look.inverse)
    yield `<rect x="${x.toFixed(1)}" y="${y}" width="${(text.length * WIDTH).toFixed(1)}" height="${HEIGHT}" fill="${look.colour}"`
      + `${look.dim ? ' opacity="0.6"' : ''}/>`;
  // One text element a word keeps columns true whatever font the reader has.
  for (const word of text.matchAll(/\S+(?: \S+)*/g))
    yield `<text x="${(x + word.index * WIDTH).toFixed(1)}" y="${y + 13}" textLength="${(word[0].length * WIDTH).toFixed(1)}" fill="${ink}"`
      + `${look.bold ? ' font-weight="bold"' : ''}${look.dim && !look.inverse ? ' opacity="0.6"' : ''}>${escape(word[0])}</text>`;
}

const escape = (text: string): string => text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
