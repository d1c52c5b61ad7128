/** What each key does: one table for all views, one for each view; the view's own wins. */
import { FilterError, Filter, filtered } from '../filter.ts';
import { svg } from '../export/svg.ts';
import { listHeight } from './list.ts';
import { Prompt } from './prompt.ts';
import type { Mode, Viewer } from './viewer.ts';

type Act = (v: Viewer) => void;

/** `name` is the key's name (`up`, `return`, …) or the character typed; `text` what it types into a prompt. */
export function press(v: Viewer, name: string, text: string): void {
  v.message = '';
  if (v.prompt) {
    if (v.prompt.key(v, name, text)) v.prompt = undefined;
    return;
  }
  (ownKeys[v.mode][name] ?? everywhere[name])?.(v);
}

const toggle = (mode: Mode): Act => (v) => { v.mode = v.mode === mode ? 'list' : mode; v.diagramTop = 0; };
const ask = (make: (v: Viewer) => Prompt): Act => (v) => { v.prompt = make(v); };
const page = (v: Viewer): number => Math.max(1, listHeight(v.body) - 1);

const everywhere: Record<string, Act> = {
  q: (v) => { v.finished = true; },
  'ctrl-c': (v) => { v.finished = true; },
  '?': toggle('help'), h: toggle('help'), t: toggle('timeline'), d: toggle('diagram'),
  s: (v) => { if (v.mode === 'stats') v.mode = 'list'; else v.showStats(); },
  escape: (v) => { v.mode = 'list'; },
  f: ask((v) => new Prompt('filter', v.rows.filter?.text ?? '')),
  '/': ask(() => new Prompt('search')),
  ':': ask(() => new Prompt('go to')),
  '*': (v) => { if (v.lastSearch) v.search(v.lastSearch); else v.message = 'nothing was searched yet; / searches'; },
  up: (v) => v.move(v.cursor - 1), k: (v) => v.move(v.cursor - 1),
  down: (v) => v.move(v.cursor + 1), j: (v) => v.move(v.cursor + 1),
  pageup: (v) => v.move(v.cursor - page(v)),
  pagedown: (v) => v.move(v.cursor + page(v)),
  home: (v) => v.move(0), g: (v) => v.move(0),
  end: (v) => v.move(v.rows.length - 1), G: (v) => v.move(v.rows.length - 1),
  F: (v) => {
    v.following = !v.following && !v.trace.closed;
    if (v.following) v.move(v.rows.length - 1);
    v.message = v.following ? 'follows the recording; F stays here' : v.trace.closed ? 'this recording has ended' : 'stays here';
  },
  n: (v) => v.follow(true),
  p: (v) => v.follow(false),
  b: bookmark,
  '[': (v) => jump(v, [...v.bookmarks].filter((r) => r < v.record).sort((x, y) => y - x)[0]),
  ']': (v) => jump(v, [...v.bookmarks].filter((r) => r > v.record).sort((x, y) => x - y)[0]),
  ' ': (v) => { v.mark = v.mark >= 0 ? -1 : v.record; v.message = v.mark >= 0 ? 'span starts here; d draws it, e writes it as SVG' : 'no span'; },
  e: exportSpan,
};

const scroller = (field: 'diagramTop' | 'statsTop'): Record<string, Act> => {
  const by = (n: (v: Viewer) => number): Act => (v) => { v[field] = Math.max(0, v[field] + n(v)); };
  return { up: by(() => -1), k: by(() => -1), down: by(() => 1), j: by(() => 1), pageup: by((v) => 2 - v.body), pagedown: by((v) => v.body - 2), home: (v) => { v[field] = 0; }, g: (v) => { v[field] = 0; }, end: (v) => { v[field] = 1e6; }, G: (v) => { v[field] = 1e6; } };
};
const zoom = (by: number): Act => (v) => { v.zoom = Math.max(0, Math.min(60, v.zoom + by)); };

const ownKeys: Record<Mode, Record<string, Act>> = {
  list: {},
  help: {},
  stats: scroller('statsTop'),
  diagram: scroller('diagramTop'),
  timeline: {
    '+': zoom(1), '=': zoom(1), '-': zoom(-1), '0': (v) => { v.zoom = 0; },
    left: (v) => v.move(v.cursor - 1), right: (v) => v.move(v.cursor + 1),
    up: (v) => { v.laneTop = Math.max(0, v.laneTop - 1); }, down: (v) => { v.laneTop++; },
    T: (v) => { v.byThread = !v.byThread; v.laneTop = 0; },
  },
};

function bookmark(v: Viewer): void {
  if (v.record < 0) return;
  if (!v.bookmarks.delete(v.record)) v.bookmarks.add(v.record);
  v.message = `${v.bookmarks.size} bookmark${v.bookmarks.size === 1 ? '' : 's'}; [ and ] go to them`;
}

function jump(v: Viewer, record: number | undefined): void {
  if (record === undefined) v.message = v.bookmarks.size ? 'no bookmark further on' : 'no bookmarks yet; b sets one';
  else v.goTo(record);
}

function exportSpan(v: Viewer): void {
  if (v.record < 0) { v.message = 'there is nothing to write'; return; }
  const [from, to] = v.span().map((i) => v.trace.at(i).sequence), name = `trace-${from}-${to}.svg`;
  try {
    v.save(name, svg(filtered(v.trace, new Filter(`seq:${from}..${to} ${v.rows.filter?.text ?? ''}`, v.trace))));
    v.message = `wrote ${name}`;
  } catch (error) {
    if (error instanceof FilterError) throw error;
    v.message = `${name} could not be written: ${(error as Error).message}`;
  }
}
