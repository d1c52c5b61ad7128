/** The mouse, where the terminal has one: a click selects, the wheel scrolls. Reports are those of xterm's SGR mode (1006). */
import { listHeight } from './list.ts';
import { press } from './keys.ts';
import { recordAt } from './timeline.ts';
import { diagramRows } from './diagram.ts';
import type { Viewer } from './viewer.ts';

/** `x` and `y` count from 0 at the upper left. */
export interface Click { what: 'press' | 'wheelUp' | 'wheelDown'; x: number; y: number }

/** The terminal's words for: report buttons and the wheel, in SGR form; and no more. */
export const MOUSE_ON = '\x1b[?1000h\x1b[?1006h';
export const MOUSE_OFF = '\x1b[?1006l\x1b[?1000l';

const REPORT = /\x1b?\[<(\d+);(\d+);(\d+)([Mm])/g;

/** All reports in a piece of input; undefined when it is something else. */
export function clicks(input: string): Click[] | undefined {
  if (!/^\x1b?\[<\d/.test(input)) return undefined;
  const found: Click[] = [];
  for (const [, button, x, y, end] of input.matchAll(REPORT)) {
    const what = button === '64' ? 'wheelUp' : button === '65' ? 'wheelDown' : button === '0' && end === 'M' ? 'press' : undefined;
    if (what) found.push({ what, x: Number(x) - 1, y: Number(y) - 1 });
  }
  return found;
}

export function click(viewer: Viewer, { what, x, y }: Click): void {
  if (viewer.prompt) return;
  if (what !== 'press') {
    for (let n = 0; n < 3; n++) press(viewer, what === 'wheelUp' ? 'up' : 'down', '');
    return;
  }
  viewer.message = '';
  const row = y - 2;
  if (viewer.mode === 'list' && row >= 0 && row < listHeight(viewer.body)
      && viewer.top + row < viewer.rows.length) { viewer.following = false; viewer.move(viewer.top + row); }
  else if (viewer.mode === 'timeline') { const record = recordAt(viewer, x, viewer.width); if (record >= 0) viewer.goTo(record); }
  else if (viewer.mode === 'diagram') {
    const found = diagramRows(viewer).rows[viewer.diagramTop + row];
    if (row >= 0 && found) { viewer.mode = 'list'; viewer.goTo(found.record); }
  }
}
