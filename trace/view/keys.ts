/** The action of each key: one table for all views, one for each view, which takes precedence. */
import { listHeight } from './list.ts';
import { findPath } from './pages.ts';
import { Prompt } from './prompt.ts';
import { follow, into, out, search, slowest } from './seek.ts';
import { exportSpan } from './span.ts';
import type { Mode, Viewer } from './viewer.ts';

type Act = (v: Viewer) => void;

/** `name` is the key's name (`up`, `return`, …) or the character typed; `text` what it types into a prompt. */
export function press(viewer: Viewer, name: string, text: string): void {
  viewer.message = '';
  if (viewer.prompt) {
    if (viewer.prompt.key(viewer, name, text)) viewer.prompt = undefined;
    return;
  }
  (ownKeys[viewer.mode][name] ?? everywhere[name])?.(viewer);
}

const toggle = (mode: Mode): Act => (v) => { v.mode = v.mode === mode ? 'list' : mode; v.diagramTop = v.pageTop = 0; };
const ask = (make: (v: Viewer) => Prompt): Act => (v) => { v.prompt = make(v); };
const page = (v: Viewer): number => Math.max(1, listHeight(v.body) - 1);

/** A manual move stops following the end of a recording. */
const step = (row: (v: Viewer) => number): Act => (v) => { v.following = false; v.move(row(v)); };

const everywhere: Record<string, Act> = {
  q: (v) => { if (v.mode === 'list') v.finished = true; else v.mode = 'list'; },
  'ctrl-c': (v) => { v.finished = true; },
  'ctrl-z': (v) => v.suspend(),
  '?': toggle('help'), h: toggle('help'), t: toggle('timeline'), d: toggle('diagram'),
  s: (v) => { v.mode = v.mode === 'stats' ? 'list' : 'stats'; if (v.mode === 'stats') v.stats.start(v); },
  o: (viewer) => {
    if (viewer.console) viewer.mode = viewer.mode === 'console' ? 'list' : 'console';
    else viewer.message = 'no system runs beside this viewer (tessera boot SCENARIO --view)';
  },
  escape: (viewer) => {
    if (viewer.mode === 'list') clear(viewer);
    viewer.mode = 'list';
  },
  f: ask((v) => new Prompt('filter', v.rows.filter?.text ?? '')),
  '/': ask(() => new Prompt('search')),
  ':': ask(() => new Prompt('go to')),
  a: (v) => { if (v.address) v.prompt = new Prompt('address'); else v.message = 'there is nothing here that walks page tables'; },
  '*': (v) => { if (v.lastSearch) search(v, v.lastSearch); else v.message = 'nothing was searched yet; / searches'; },
  up: step((v) => v.cursor - 1), k: step((v) => v.cursor - 1),
  down: step((v) => v.cursor + 1), j: step((v) => v.cursor + 1),
  pageup: step((v) => v.cursor - page(v)),
  pagedown: step((v) => v.cursor + page(v)),
  home: step(() => 0),
  g: debug,
  end: step((v) => v.rows.length - 1), G: step((v) => v.rows.length - 1),
  F: (viewer) => {
    viewer.following = !viewer.following && !viewer.trace.closed;
    if (viewer.following) viewer.move(viewer.rows.length - 1);
    viewer.message = viewer.following ? 'follows the recording; F stays here' : viewer.trace.closed ? 'this recording has ended'
      : 'stays here';
  },
  n: (v) => { if (v.lastSearch) search(v, v.lastSearch); else follow(v, true); },
  N: (v) => { if (v.lastSearch) search(v, v.lastSearch, false); else v.message = 'nothing was searched yet; / searches'; },
  p: (v) => follow(v, false),
  '.': (v) => follow(v, true),
  ',': (v) => follow(v, false),
  '>': into,
  '<': out,
  L: slowest,
  b: bookmark,
  '[': (v) => jump(v, [...v.bookmarks].filter((r) => r < v.record).sort((x, y) => y - x)[0]),
  ']': (v) => jump(v, [...v.bookmarks].filter((r) => r > v.record).sort((x, y) => x - y)[0]),
  ' ': (viewer) => {
    viewer.mark = viewer.mark >= 0 ? -1 : viewer.record;
    viewer.message = viewer.mark >= 0 ? 'span starts here; d draws it, e writes it as SVG' : 'no span';
  },
  e: exportSpan,
  return: toggle('record'),
  c: (v) => { if (v.mode === 'path') v.mode = 'list'; else if (findPath(v)) v.mode = 'path'; },
};

/** A debugger takes the run over at the selected record; the first time it is asked which run. */
function debug(viewer: Viewer): void {
  if (!viewer.debug || viewer.record < 0)
    viewer.message = viewer.debug ? 'no record is selected' : 'no debugger is beside this viewer (tessera trace view)';
  else if (viewer.command === '') viewer.prompt = new Prompt('command');
  else viewer.debug(viewer.command, viewer.record);
}

/** Escape in the list undoes the latest of these: running work, a search, a span, the filter, the horizontal scroll. */
function clear(viewer: Viewer): void {
  const job = ['search', 'slowest', 'export'].find((name) => viewer.jobs.has(name));
  if (job !== undefined) {
    viewer.jobs.stop(job);
    viewer.message = `${job === 'slowest' ? 'the search for the slowest' : `the ${job}`} was ended`;
  }
  else if (viewer.lastSearch) { viewer.lastSearch = ''; viewer.message = 'the search is forgotten: n goes along the chain'; }
  else if (viewer.mark >= 0) { viewer.mark = -1; viewer.message = 'no span'; }
  else if (viewer.rows.filter) { viewer.applyFilter(''); viewer.message = 'the filter is gone'; }
  else viewer.side = 0;
}

/** Keys that scroll a view whose first line is `top`. */
function scroller(get: (viewer: Viewer) => number, set: (v: Viewer, top: number) => void): Record<string, Act> {
  const by = (n: (v: Viewer) => number): Act => (v) => set(v, Math.max(0, get(v) + n(v)));
  const first: Act = (v) => set(v, 0), last: Act = (v) => set(v, 1e6);
  return {
    up: by(() => -1), k: by(() => -1), down: by(() => 1), j: by(() => 1), pageup: by((v) => 2 - v.body), pagedown: by((v) => v.body - 2),
    home: first, end: last, G: last
  };
}
const SIDE = 12;
const zoom = (by: number): Act => (v) => { v.shown = undefined; v.zoom = Math.max(0, Math.min(60, v.zoom + by)); };

/** The timeline shows only the span; zooming starts from there. */
const zoomToSpan: Act = (viewer) => {
  if (viewer.mark < 0 || viewer.record < 0) { viewer.message = 'no span: space begins one, z shows from there to here'; return; }
  const [first, last] = viewer.times, [from, to] = viewer.span().map((i) => viewer.trace.at(i).time) as [number, number];
  viewer.shown = { from, to: Math.max(from + 1, to) };
  viewer.zoom = Math.max(0, Math.floor(Math.log2((last - first + 1) / (viewer.shown.to - from))));
};

const ownKeys: Record<Mode, Record<string, Act>> = {
  list: { right: (v) => { v.side += SIDE; }, left: (v) => { v.side = Math.max(0, v.side - SIDE); } },
  help: {},
  stats: {
    ...scroller((v) => v.stats.top, (v, top) => { v.stats.top = top; }),
    tab: (v) => v.stats.turn(1), right: (v) => v.stats.turn(1), left: (v) => v.stats.turn(-1),
  },
  console: scroller((v) => v.consoleTop, (v, top) => { v.consoleTop = top; }),
  diagram: scroller((v) => v.diagramTop, (v, top) => { v.diagramTop = top; }),
  record: scroller((v) => v.pageTop, (v, top) => { v.pageTop = top; }),
  path: scroller((v) => v.pageTop, (v, top) => { v.pageTop = top; }),
  address: scroller((v) => v.pageTop, (v, top) => { v.pageTop = top; }),
  timeline: {
    '+': zoom(1), '=': zoom(1), '-': zoom(-1), '0': (v) => { v.zoom = 0; v.shown = undefined; }, z: zoomToSpan,
    left: (v) => v.move(v.cursor - 1), right: (v) => v.move(v.cursor + 1),
    up: (v) => { v.laneTop = Math.max(0, v.laneTop - 1); }, down: (v) => { v.laneTop++; },
    T: (v) => { v.byThread = !v.byThread; v.laneTop = 0; },
  },
};

function bookmark(viewer: Viewer): void {
  if (viewer.record < 0) return;
  if (!viewer.bookmarks.delete(viewer.record)) viewer.bookmarks.add(viewer.record);
  viewer.message = `${viewer.bookmarks.size} bookmark${viewer.bookmarks.size === 1 ? '' : 's'}; [ and ] go to them`;
}

function jump(viewer: Viewer, record: number | undefined): void {
  if (record === undefined) viewer.message = viewer.bookmarks.size ? 'no bookmark further on' : 'no bookmarks yet; b sets one';
  else viewer.goTo(record);
}
