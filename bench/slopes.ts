/** Cycles against bytes: the lines that the program `slopes` prints, and their picture. */

/** By operation: bytes and cycles, ascending. */
export type Points = Readonly<Record<string, readonly (readonly [bytes: number, cycles: number])[]>>;

export function linesOf(said: string): Points {
  const out: Record<string, [number, number][]> = {};
  for (const line of said.trim().split('\n')) {
    const [op, bytes, cycles] = line.trim().split(' ');
    (out[op!] ??= []).push([Number(bytes), Number(cycles)]);
  }
  return out;
}
/** The lesser of two measurements of the same. */
export const least = (first: Points, second: Points): Points =>
  Object.fromEntries(Object.entries(first).map(([op, points]) => [
    op, points.map(([bytes, cycles], i) => [bytes, Math.min(cycles, second[op]![i]![1])] as const)
  ]));
/** Cycles for a byte more, between two sizes. */
export function slope(points: readonly (readonly [number, number])[], from: number, to: number): number {
  const at = (bytes: number): number => points.find(([b]) => b === bytes)![1];
  return (at(to) - at(from)) / (to - from);
}

const TITLES: readonly (readonly [op: string, title: string])[] = [
  ['read', 'read'], ['write', 'write'], ['copy', 'copy a file'], ['pipe', 'through a pipe'], ['zero', 'touch fresh memory'],
  ['fork', 'fork, exit, wait'], ['unmap', 'munmap'],
];
const COLOURS = ['#222222', '#2a78b8', '#c8553d'], DASHES = ['', '5 3', ''], WIDTH = 250, HEIGHT = 190, LEFT = 44, BOTTOM = 30, TOP = 24,
  COLUMNS = 4;
const WORDS = (n: number): string => (n >= 1e9 ? `${n / 1e9}G` : n >= 1e6 ? `${n / 1e6}M` : n >= 1e3 ? `${n / 1e3}k` : String(n));
const SIZES: readonly (readonly [number, string])[] = [
  [4096, '4K'], [65_536, '64K'], [1 << 20, '1M'], [16 << 20, '16M'], [100 << 20, '100M']
];

/** Both axes are logarithmic: work per byte is a rising straight line, a fixed cost a flat one. */
function panel(x0: number, y0: number, op: string, title: string, systems: readonly (readonly [string, Points])[]): string {
  const all = systems.flatMap(([, points]) => points[op]!), bytes = all.map(([b]) => b), cycles = all.map(([, c]) => c);
  const low = 10 ** Math.floor(Math.log10(Math.min(...cycles))), high = 10 ** Math.ceil(Math.log10(Math.max(...cycles))),
    first = Math.min(...bytes), last = Math.max(...bytes);
  const x = (b: number): number => x0 + LEFT + (Math.log(b / first) / Math.log(last / first)) * (WIDTH - LEFT - 14);
  const y = (c: number): number => y0 + HEIGHT - BOTTOM - (Math.log(c / low) / Math.log(high / low)) * (HEIGHT - BOTTOM - TOP);
  const out = [`<text x="${x0 + LEFT}" y="${y0 + 14}" font-weight="bold">${title}</text>`];
  for (let cost = low; cost <= high * 1.01; cost *= 10) {
    const at = y(cost).toFixed(1);
    out.push(`<path d="M${x0 + LEFT} ${at}H${x0 + WIDTH - 14}" stroke="#dddddd"/>`
      + `<text x="${x0 + LEFT - 5}" y="${(y(cost) + 3.5).toFixed(1)}" text-anchor="end">${WORDS(cost)}</text>`);
  }
  for (const [size, name] of SIZES)
    if (size >= first && size <= last)
      out.push(`<text x="${x(size).toFixed(1)}" y="${y0 + HEIGHT - BOTTOM + 14}" text-anchor="middle">${name}</text>`);
  for (const [i, [, points]] of systems.entries()) {
    const line = points[op]!.map(([b, c]) => `${x(b).toFixed(1)} ${y(c).toFixed(1)}`).join('L');
    out.push(
      `<path d="M${line}" fill="none" stroke="${COLOURS[i]}" stroke-width="1.8"${DASHES[i] ? ` stroke-dasharray="${DASHES[i]}"` : ''}/>`);
  }
  return out.join('\n');
}
/** The picture: a panel for each operation, a line for each system. */
export function chart(systems: readonly (readonly [name: string, points: Points])[]): string {
  const rows = Math.ceil((TITLES.length + 1) / COLUMNS), width = COLUMNS * WIDTH, height = rows * HEIGHT;
  const panels = TITLES.map(([op, title], i) => panel((i % COLUMNS) * WIDTH, Math.floor(i / COLUMNS) * HEIGHT, op, title, systems));
  const x = ((TITLES.length) % COLUMNS) * WIDTH + LEFT, y = (rows - 1) * HEIGHT + TOP + 10;
  const legend = systems.map(([name], i) =>
    `<path d="M${x} ${y + i * 20}h26" stroke="${COLOURS[i]}" stroke-width="1.8"`
      + `${DASHES[i] ? ` stroke-dasharray="${DASHES[i]}"` : ''}/><text x="${x + 32}" y="${y + 4 + i * 20}">${name}</text>`);
  const note = `<text x="${x}" y="${y + 72}">cycles (upwards)</text><text x="${x}" y="${y + 86}">against bytes</text>`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="10" `
    + `fill="#222222">\n<rect width="${width}" height="${height}" fill="#ffffff"/>\n${[...panels, ...legend, note].join('\n')}\n</svg>\n`;
}
