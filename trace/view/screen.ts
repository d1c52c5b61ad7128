/** The whole screen as lines: title, the view, the prompt or message, key hints. */
import { diagram } from './diagram.ts';
import { help, hints } from './help.ts';
import { list } from './list.ts';
import { addressPage, pathPage, recordPage } from './pages.ts';
import { cut, fit, type Line } from './text.ts';
import { timeline } from './timeline.ts';
import type { Mode, Viewer } from './viewer.ts';

export const LEAST_WIDTH = 60;
export const LEAST_HEIGHT = 16;

const views: Record<Mode, (v: Viewer, width: number, height: number) =>
  Line[]> = { list, timeline, diagram, stats: (v, _width, height) => v.stats.lines(v, height), help, console: consoleLines,
  record: recordPage, path: pathPage, address: addressPage };

/** `height` lines of at most `width` columns. */
export function screen(viewer: Viewer): Line[] {
  const { width, height } = viewer;
  if (width < LEAST_WIDTH || height < LEAST_HEIGHT)
    return [[{ text: fit(`terminal too small: ${width}×${height}, wanted ${LEAST_WIDTH}×${LEAST_HEIGHT} (q quits)`, width).trimEnd() }]];
  const body = views[viewer.mode](viewer, width, viewer.body).slice(0, viewer.body);
  while (body.length < viewer.body) body.push([]);
  return [
    title(viewer, width), ...body, bottom(viewer), [{ text: fit(viewer.prompt ? viewer.prompt.hint(viewer) : hints[viewer.mode]!, width),
      dim: !viewer.prompt?.error }]
  ].map((l) =>
    cut(l, width));
}

function title(viewer: Viewer, width: number): Line {
  const count = viewer.rows.filter ? `${number(viewer.rows.length)} of ${number(viewer.trace.length)} records`
    : `${number(viewer.trace.length)} records`;
  const marks = [
    !viewer.trace.closed && 'not closed', viewer.following && 'following', viewer.mark >= 0
      && `span from ${viewer.trace.at(viewer.mark).sequence}`,
    viewer.rows.filter && `filter: ${viewer.rows.filter.text}`, viewer.work
  ].map((mark) => (mark ? `  ${mark}` : '')).join('');
  return [{ text: fit(` ${viewer.title}  ${count}${marks}`, width), inverse: true }];
}

function bottom(viewer: Viewer): Line {
  if (viewer.prompt) {
    const { kind, text, at } = viewer.prompt, room = viewer.width - kind.length - 4, from = Math.max(0, at - room);
    return [
      { text: `${kind}: ${text.slice(from, at)}`, bold: true }, { text: text[at] ?? ' ', inverse: true },
      { text: text.slice(at + 1), bold: true }
    ];
  }
  return viewer.message ? [{ text: viewer.message, color: 'yellow' }] : [];
}

/** What the system beside the viewer has printed; its end, until somebody scrolls. */
function consoleLines(viewer: Viewer, _width: number, height: number): Line[] {
  const text = viewer.console ?? [], most = Math.max(0, text.length - height);
  viewer.consoleTop = Math.min(viewer.consoleTop, most);
  return text.slice(viewer.consoleTop, viewer.consoleTop + height).map((t) => [{ text: t.replace(/[\x00-\x1f\x7f-\x9f]/g, '') }]);
}

const number = (n: number): string => n.toLocaleString('en-US');
