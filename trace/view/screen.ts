/** The whole screen as lines: title, the view, the prompt or message, key hints. */
import { diagram } from './diagram.ts';
import { help, hints } from './help.ts';
import { list } from './list.ts';
import { cut, fit, type Line } from './text.ts';
import { timeline } from './timeline.ts';
import type { Mode, Viewer } from './viewer.ts';

export const LEAST_WIDTH = 60;
export const LEAST_HEIGHT = 16;

const views: Record<Mode, (v: Viewer, width: number, height: number) => Line[]> = { list, timeline, diagram, stats, help };

/** `height` lines of at most `width` columns. */
export function screen(v: Viewer): Line[] {
  const { width, height } = v;
  if (width < LEAST_WIDTH || height < LEAST_HEIGHT) return [[{ text: fit(`terminal too small: ${width}×${height}, wanted ${LEAST_WIDTH}×${LEAST_HEIGHT} (q quits)`, width).trimEnd() }]];
  const body = views[v.mode](v, width, v.body).slice(0, v.body);
  while (body.length < v.body) body.push([]);
  return [title(v, width), ...body, bottom(v), [{ text: fit(v.prompt ? v.prompt.hint(v) : hints[v.mode]!, width), dim: !v.prompt?.error }]].map((l) => cut(l, width));
}

function title(v: Viewer, width: number): Line {
  const count = v.rows.filter ? `${number(v.rows.length)} of ${number(v.trace.length)} records` : `${number(v.trace.length)} records`;
  const busy = v.busy ? (v.rows.progress < 1 ? `  filtering ${Math.floor(v.rows.progress * 100)} %` : '  working …') : '';
  const marks = `${v.following ? '  following' : ''}${v.mark >= 0 ? '  span from ' + v.trace.at(v.mark).sequence : ''}${v.rows.filter ? `  filter: ${v.rows.filter.text}` : ''}${busy}`;
  return [{ text: fit(` ${v.title}  ${count}${marks}`, width), inverse: true }];
}

function bottom(v: Viewer): Line {
  if (v.prompt) return [{ text: `${v.prompt.kind}: ${v.prompt.text}`, bold: true }, { text: ' ', inverse: true }];
  return v.message ? [{ text: v.message, color: 'yellow' }] : [];
}

function stats(v: Viewer, _width: number, height: number): Line[] {
  if (!v.statsText) return [[{ text: 'counting …' }]];
  v.statsTop = Math.max(0, Math.min(v.statsTop, v.statsText.length - height));
  return v.statsText.slice(v.statsTop, v.statsTop + height).map((text) => [{ text, bold: text !== '' && !text.startsWith(' ') }]);
}

const number = (n: number): string => n.toLocaleString('en-US');
