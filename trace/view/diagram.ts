/** The sequence diagram of a span: a lifeline per task, an arrow per message, event or answer. */
import { cyclesText } from '../decode.ts';
import { arrowOf, type Arrow } from '../export/arrows.ts';
import { fold, type FoldedArrow } from '../export/fold.ts';
import { RecordView } from '../record.ts';
import { messagesOf } from './span.ts';
import { fit, type Line } from './text.ts';
import type { Viewer } from './viewer.ts';

const LEFT = 19;
/** Arrows that a diagram shows at most. */
const LIMIT = 400;

/** A line of the diagram: an arrow, or a note about omitted ones. */
export type DiagramRow = { arrow: FoldedArrow; record: number } | { note: string; record: number };

/** The drawn messages of the span between mark and cursor, or after the selected record; `part` of it has been searched. */
export function diagramRows(viewer: Viewer): { rows: DiagramRow[]; messages: number; part: number } {
  const found = messagesOf(viewer), view = new RecordView(),
    drawn: Arrow[] = found.records.slice(0, LIMIT).map((i) => arrowOf(viewer.trace, viewer.trace.at(i, view))!);
  const rows = fold(drawn).flatMap((arrow): DiagramRow[] => {
    const record = viewer.trace.indexOf(arrow.sequence), { repeat } = arrow;
    return repeat
      ? [
        { arrow, record },
        {
          note: `… the last ${repeat.of > 1 ? `${repeat.of} messages` : 'message'} ${repeat.more} more times, until +`
            + `${cyclesText(repeat.until - drawn[0]!.time)}`,
          record
        }
      ]
      : [{ arrow, record }];
  });
  return { rows, messages: drawn.length, part: found.part };
}

export function diagram(viewer: Viewer, width: number, height: number): Line[] {
  const { rows: all, messages, part } = diagramRows(viewer), arrows = all.flatMap((r) => ('arrow' in r ? [r.arrow] : [])),
    everybody = [...new Set(arrows.flatMap((a) => [a.from, a.to]))];
  if (arrows.length === 0)
    return [
      [
        {
          text: part < 1
            ? `looking for messages … ${Math.floor(part * 100)} %`
            : 'no messages in this span; mark its start with space in the list, go to its end, press d'
        }
      ]
    ];
  const room = Math.max(1, Math.floor((width - LEFT) / 13)), tasks = everybody.slice(0, room),
    lane = Math.floor((width - LEFT) / tasks.length);
  const x = (task: string): number => Math.floor(lane / 2) + tasks.indexOf(task) * lane,
    shown = all.filter((r) => !('arrow' in r) || (tasks.includes(r.arrow.from) && tasks.includes(r.arrow.to)));
  const start = arrows[0]!.time, rows = height - 2;
  viewer.diagramTop = Math.max(0, Math.min(viewer.diagramTop, shown.length - rows));
  const lines: Line[] = [
    [{ text: fit('  record   after', LEFT), bold: true }, { text: tasks.map((t) => centre(t, lane)).join(''), bold: true }]
  ];
  for (const row of shown.slice(viewer.diagramTop, viewer.diagramTop + rows)) {
    if (!('arrow' in row)) { lines.push([{ text: `${' '.repeat(LEFT)}${row.note}`, dim: true }]); continue; }
    const arrow = row.arrow, left = `${String(arrow.sequence).padStart(8)} ${('+' + cyclesText(arrow.time - start)).padStart(9)} `;
    lines.push([
      { text: left, dim: true }, { text: arrowText(arrow, tasks.map(x), x(arrow.from), x(arrow.to), width - LEFT),
        color: arrow.reply ? 'green' : 'cyan' }
    ]);
  }
  while (lines.length < height - 1) lines.push([]);
  const left = everybody.length - tasks.length;
  lines.push([
    {
      text: `${messages} messages`
        + `${messages === LIMIT ? ' (the first of them)' : ''}${left > 0 ? `; ${left} task${left > 1 ? 's' : ''} do not fit` : ''}; e `
        + `writes this span as SVG`,
      dim: true
    }
  ]);
  return lines;
}

function centre(text: string, width: number): string {
  const short = text.length > width - 2 ? text.slice(0, width - 3) + '…' : text, left = Math.floor((width - short.length) / 2);
  return (' '.repeat(Math.max(0, left)) + short).padEnd(width);
}

/** Lifelines with one arrow across them; its text is inside the arrow, or after it where it does not fit. */
function arrowText(arrow: Arrow, lines: number[], from: number, to: number, width: number): string {
  const cells = Array.from({ length: width }, () => ' '),
    put = (at: number, text: string): void => { [...text].forEach((c, n) => { if (at + n < width) cells[at + n] = c; }); };
  for (const at of lines) cells[at] = '│';
  const low = Math.min(from, to), high = Math.max(from, to), inside = high - low - 5;
  if (from === to) put(from, `├╴${arrow.text}`);
  else {
    put(low + 1, (arrow.reply ? '╌' : '─').repeat(high - low - 1));
    cells[to > from ? to - 1 : to + 1] = to > from ? '▶' : '◀';
    if (arrow.text.length <= inside) put(low + 2 + Math.floor((inside - arrow.text.length) / 2), ` ${arrow.text} `);
    else
      put(high + 1 + arrow.text.length + 1 <= width ? high + 1 : low + 2,
        high + 1 + arrow.text.length + 1 <= width ? ` ${arrow.text}` : ` ${arrow.text.slice(0, Math.max(0, inside - 1))}… `);
  }
  return cells.join('').trimEnd();
}
