/**
 * A sequence diagram as SVG for documents: a lifeline per task, time downward, one line per message; repetitions are folded. It stops
 * after `limit` arrows and says so.
 */
import { cyclesText } from '../decode.ts';
import type { TraceSource } from '../reader.ts';
import { arrowOf, type Arrow } from './arrows.ts';
import { visible } from '../visible.ts';
import { fold, type FoldedArrow } from './fold.ts';

const LEFT = 120, LANE = 190, ROW = 28, TOP = 56;

export function* svg(trace: TraceSource, limit = 500): Generator<string> {
  const arrows: Arrow[] = [];
  let more = false;
  for (const record of trace.records()) {
    const arrow = arrowOf(trace, record);
    if (!arrow) continue;
    if (arrows.length === limit) { more = true; break; }
    arrows.push(arrow);
  }
  yield* drawn(arrows, more);
}

/** The diagram of these arrows. `more`: it says that there are further ones. */
export function* drawn(arrows: readonly Arrow[], more: boolean): Generator<string> {
  const rows: (FoldedArrow | string)[] = fold(arrows).flatMap((arrow) =>
    (arrow.repeat
      ? [
        arrow,
        `… the last ${arrow.repeat.of > 1 ? `${arrow.repeat.of} messages` : 'message'} ${arrow.repeat.more} more times, until +`
          + `${cyclesText(arrow.repeat.until - arrows[0]!.time)}`
      ]
      : [arrow]));
  const tasks = [...new Set(arrows.flatMap((a) => [a.from, a.to]))];
  const x = (task: string): number => LEFT + LANE / 2 + tasks.indexOf(task) * LANE;
  const width = LEFT + Math.max(1, tasks.length) * LANE, height = TOP + (rows.length + 2) * ROW;
  yield `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" `
    + `font-family="sans-serif" font-size="12">\n`;
  yield '<defs><marker id="head" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto-start-reverse"><path '
    + 'd="M0 0L8 4L0 8z"/></marker></defs>\n';
  yield `<rect width="${width}" height="${height}" fill="white"/>\n`;
  for (const task of tasks) yield lifeline(task, x(task), height);
  for (const [n, row] of rows.entries())
    yield typeof row === 'string' ? note(row, TOP + (n + 1) * ROW)
      : message(row, TOP + (n + 1) * ROW, x(row.from), x(row.to), arrows[0]!.time);
  if (arrows.length === 0) yield `<text x="20" y="30">no messages</text>\n`;
  if (more) yield `<text x="${LEFT}" y="${height - 8}" fill="#666">… and more (the first ${arrows.length} messages are shown)</text>\n`;
  yield '</svg>\n';
}

function lifeline(task: string, x: number, height: number): string {
  return `<rect x="${x - 80}" y="12" width="160" height="28" rx="4" fill="#eef3fa" stroke="#345"/><text x="${x}" y="31" `
    + `text-anchor="middle" font-weight="bold">${escape(clip(task, 22))}</text>`
    + `<line x1="${x}" y1="40" x2="${x}" y2="${height - ROW}" stroke="#9ab" stroke-dasharray="3 3"/>\n`;
}

const note = (text: string, y: number): string => `<text x="8" y="${y - 2}" fill="#666" font-style="italic">${escape(text)}</text>\n`;

function message(arrow: Arrow, y: number, from: number, to: number, start: number): string {
  const stroke = `stroke="black" fill="none" marker-end="url(#head)"${arrow.reply ? ' stroke-dasharray="5 3"' : ''}`;
  const line = from === to
    ? `<path d="M${from} ${y - 8}h34v12h-32" ${stroke}/>`
    : `<line x1="${from}" y1="${y}" x2="${to}" y2="${y}" ${stroke}/>`;
  const [at, anchor] = from === to ? [from + 40, 'start'] : [(from + to) / 2, 'middle'];
  return `<g><title>record ${arrow.sequence}</title><text x="8" y="${y + 4}" fill="#666">+${cyclesText(arrow.time - start)}</text>${line}`
    + `<text x="${at}" y="${y - 5}" text-anchor="${anchor}">${escape(clip(arrow.text, 40))}</text></g>\n`;
}

const clip = (text: string, length: number): string => (text.length > length ? text.slice(0, length - 1) + '…' : text);
const escape = (text: string): string => visible(text).replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
