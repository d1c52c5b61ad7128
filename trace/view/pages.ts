/** Two pages of text: all about the selected record (its chain, its payload byte by byte), and the critical path of the span. */
import { cyclesText, details, ends, originOf, sentence } from '../decode.ts';
import { criticalPath, pathReport } from '../path.ts';
import { Part, wordsOfPart, type PayloadPart } from '../payload.ts';
import { RecordView } from '../record.ts';
import { fit, wrap, type Line } from './text.ts';
import type { Viewer } from './viewer.ts';

/** Records of a chain that are listed, and of a span whose critical path is searched, so that a key answers quickly. */
const CHAIN = 200, LONGEST_PATH = 100_000;
const partNames = new Map<number, string>(Object.entries(Part).map(([name, n]) => [n, name]));

/** The lines that are on the screen of a text that is longer. */
function scrolled(viewer: Viewer, lines: Line[], height: number): Line[] {
  viewer.pageTop = Math.max(0, Math.min(viewer.pageTop, lines.length - height));
  return lines.slice(viewer.pageTop, viewer.pageTop + height);
}

export function recordPage(viewer: Viewer, width: number, height: number): Line[] {
  if (viewer.record < 0) return [[{ text: 'no record is selected' }]];
  const { trace } = viewer, record = trace.at(viewer.record),
    named = (name: string, value: string): Line[] =>
      wrap(value, Math.max(20, width - 12)).map((text, n): Line => [{ text: fit(n === 0 ? name : '', 10) + ' ', bold: true }, { text }]);
  const lines: Line[] = [
    [{ text: `Record ${record.sequence}`, bold: true }], ...details(trace, record).flatMap(([name, value]) => named(name, value)), [],
    [{ text: 'Its chain', bold: true }], ...chain(viewer, width)
  ];
  const parts = trace.payload(record.sequence);
  if (parts.length > 0)
    lines.push([], [{ text: 'Payload', bold: true }],
      ...parts.flatMap((part) => [
        ...named(partNames.get(part.part)
          ?? `part ${part.part}`, `${part.index > 0 ? `argument ${part.index}, ` : ''}${part.bytes.length} bytes`),
        ...dump(part)
      ]));
  return scrolled(viewer, lines, height);
}

/** The records of the chain that the selected one belongs to. */
function chain(viewer: Viewer, width: number): Line[] {
  const { trace, chains } = viewer, view = new RecordView(), { cause } = trace.at(viewer.record, view),
    opener = cause === 0 ? viewer.record : trace.indexOf(cause), lines: Line[] = [];
  if (opener < 0) return [[{ text: `it begins with record ${cause}, which is not in this file` }]];
  const start = trace.at(opener, view).time;
  for (let at = opener; at >= 0 && lines.length < CHAIN; at = chains.next(at)) {
    const record = trace.at(at), after = `+${cyclesText(record.time - start)}`;
    lines.push([
      {
        text: fit(`${at === viewer.record ? '>' : ' '} ${String(record.sequence).padStart(8)} ${after.padStart(9)}  `
          + `${ends(trace, record)}: ${sentence(record, originOf(trace, record))}`,
          width).trimEnd(),
        inverse: at === viewer.record
      }
    ]);
  }
  return lines;
}

/** Words as numbers; everything else as bytes with their characters. */
function dump(part: PayloadPart): Line[] {
  if (part.part === Part.words || part.part === Part.result || part.part === Part.items)
    return wordsOfPart(part).map((w, n) => [
      { text: `            ${String(n).padStart(3)}  0x${w.toString(16).padStart(16, '0')}  ${BigInt.asIntN(64, w)}` }
    ]);
  const lines: Line[] = [];
  for (let at = 0; at < part.bytes.length; at += 16) {
    const row = [...part.bytes.subarray(at, at + 16)], shown = row.map((b) => (b >= 32 && b < 127 ? String.fromCharCode(b) : '.')).join('');
    lines.push([
      {
        text: `            ${at.toString(16).padStart(4, '0')}  ${row.map((b) => b.toString(16).padStart(2, '0')).join(' ').padEnd(48)} `
          + `${shown}`
      }
    ]);
  }
  return lines;
}

/** Searches the causes from the first to the last record of the span; false with a message when that is impossible. */
export function findPath(viewer: Viewer): boolean {
  if (viewer.record < 0) return false;
  const [from, to] = viewer.span();
  if (to - from > LONGEST_PATH) {
    viewer.message = `a span of ${(to - from).toLocaleString('en-US')} records is too long for its critical path; `
      + `${LONGEST_PATH.toLocaleString('en-US')} is the most`;
    return false;
  }
  viewer.path = pathReport(viewer.trace, criticalPath(viewer.trace, from, to)).trimEnd().split('\n');
  viewer.pageTop = 0;
  return true;
}

export const pathPage = (viewer: Viewer, width: number, height: number): Line[] =>
  scrolled(viewer,
    [[{ text: 'What led to the end of the span', bold: true }], ...viewer.path.map((text): Line => [{ text: fit(text, width).trimEnd() }])],
    height);
/** The walk of the requested address. */
export const addressPage = (v: Viewer, width: number, height: number): Line[] =>
  scrolled(v, v.walked.map((text): Line => [{ text: fit(text, width).trimEnd(), bold: !text.startsWith(' ') }]), height);
