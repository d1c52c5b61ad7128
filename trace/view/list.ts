/** The message list and, below it, the selected record in words. Only the rows that are on the screen are decoded. */
import { cyclesText, details, ends, originOf, sentence } from '../decode.ts';
import { Kind } from '../../microkernel/abi/index.ts';
import { fit, wrap, type Line, type Look } from './text.ts';
import type { Viewer } from './viewer.ts';

export const DETAIL_LINES = 8;

const looks: Record<number, Look> = {
  [Kind.send]: { color: 'cyan' }, [Kind.call]: { color: 'cyan' }, [Kind.receive]: {}, [Kind.reply]: { color: 'green' },
  [Kind.resume]: { color: 'green' },
  [Kind.event]: { color: 'yellow' }, [Kind.map]: { color: 'magenta' }, [Kind.unmap]: { color: 'magenta' },
  [Kind.interrupt]: { color: 'red' }, [Kind.timeout]: { color: 'red' }, [Kind.destroy]: { color: 'red' },
};
export const lookOf = (kind: number): Look => looks[kind] ?? { dim: true };

export const listHeight = (height: number): number => Math.max(3, height - DETAIL_LINES - 2);

export function list(viewer: Viewer, width: number, height: number): Line[] {
  const shown = listHeight(height),
    lines: Line[] = [[{ text: fit(columns(width, 'record', 'time µs', 'kind', 'who', 'what', 'latency'), width), bold: true }]];
  for (let row = viewer.top; row < viewer.top + shown; row++) lines.push(row < viewer.rows.length ? rowLine(viewer, row, width) : []);
  if (viewer.rows.length === 0)
    lines[1] = [
      {
        text: viewer.rows.progress < 1 ? '  looking …'
          : viewer.trace.length === 0 ? '  no records in this file'
          : '  no record matches the filter (f changes it, f and Enter on nothing shows all)'
      }
    ];
  lines.push([{ text: '─'.repeat(width), dim: true }]);
  return [...lines, ...detailLines(viewer, viewer.record, width).slice(0, DETAIL_LINES)];
}

function rowLine(viewer: Viewer, row: number, width: number): Line {
  const index = viewer.rows.record(row), record = viewer.trace.at(index), selected = row === viewer.cursor;
  const mark = `${selected ? '>' : ' '}${viewer.bookmarks.has(index) ? '*' : viewer.inSpan(index) ? '|' : ' '}`;
  const latency = viewer.chains.latency(index);
  const { trace } = viewer, text = mark
    + columns(width, String(record.sequence), micros(record.time), record.kindName, ends(trace, record),
      sentence(record, originOf(trace, record)), Number.isNaN(latency) ? '' : cyclesText(latency), viewer.side).slice(2);
  return [{ text: fit(text, width), ...(selected ? { inverse: true } : lookOf(record.kind)) }];
}

/** The columns for actor and action use the rest of the terminal's width, and scroll horizontally together. Times are microseconds. */
function columns(width: number, sequence: string, time: string, kind: string, who: string, what: string, latency: string,
    side = 0): string {
  const narrow = width < 110, whoWidth = narrow ? 21 : Math.min(48, Math.floor(width * 0.25)), kindWidth = narrow ? 9 : 12;
  const room = width - (2 + 7 + 1 + 11 + 1 + kindWidth + 1 + 8),
    said = side === 0 ? `${fit(who, whoWidth)} ${what}` : `${who} ${what}`.slice(side);
  return `  ${sequence.padStart(7)} ${time.padStart(11)} ${fit(kind, kindWidth - 1)} ${fit(said, room)} ${latency.padStart(8)}`;
}

/** Microseconds, as exact as eleven columns allow. */
function micros(cycles: number): string {
  return [3, 1, 0].map((digits) => (cycles / 1000).toFixed(digits)).find((t, n) => t.length <= 11 || n === 2)!;
}

function detailLines({ trace, chains }: Viewer, index: number, width: number): Line[] {
  if (index < 0) return [];
  const record = trace.at(index), lines = details(trace, record), latency = record.cause === 0 ? chains.latency(index) : NaN;
  if (!Number.isNaN(latency) && !lines.some(([name]) => name === 'answered'))
    lines.splice(3, 0, ['answered', `after ${cyclesText(latency)}  (n goes there)`]);
  return lines.flatMap(([name, value]) => wrap(value, Math.max(20, width - 12)).map((text, n): Line => [
    { text: fit(n === 0 ? name : '', 10) + ' ', bold: true }, { text }
  ]));
}
