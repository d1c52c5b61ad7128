/** Time to the right, a lane per task: bars where it runs, ticks for its records, arrows between lanes where there is room for them. */
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { signal } from '@preact/signals';
import { cyclesText, ends, originOf, sentence } from '../../trace/index.ts';
import { Kind } from '../../microkernel/abi/index.ts';
import { arrowOf } from '../../trace/export/arrows.ts';
import { ran, ranked, type Deeds } from '../../trace/view/pyramid.ts';
import { colour, familyOf } from './kinds.ts';
import type { Session } from './session.ts';

const LABEL = 132, LANE = 26, HEAD = 26, STEP = 3, EXACT = 60_000, MOST_ARROWS = 160;

/** The visible part of time, in cycles. */
interface Window { from: number; to: number }
interface Lane { readonly name: string; readonly runs: Uint8Array; readonly kinds: Uint16Array }

const whole = (session: Session): Window => {
  const { trace } = session;
  return trace && trace.length > 0 ? { from: trace.at(0).time, to: trace.at(trace.length - 1).time + 1 } : { from: 0, to: 1 };
};

/** What each lane did in each column. */
function lanesOf(session: Session, { from, to }: Window, columns: number): Lane[] {
  const { trace, pyramid } = session, lanes = new Map<string, Lane>(), running = new Map<number, number>();
  if (!trace || !pyramid || trace.length === 0) return [];
  const lane = (thread: number): Lane => {
    const name = trace.taskOf(thread);
    let found = lanes.get(name);
    if (!found) lanes.set(name, (found = { name, runs: new Uint8Array(columns), kinds: new Uint16Array(columns) }));
    return found;
  };
  const first = trace.indexAtTime(from), exact = trace.indexAtTime(to) - first <= EXACT, each = (to - from) / columns;
  runningBefore(session, first, running);
  let at = exact ? first : pyramid.bucketAt(from);
  for (let column = 0; column < columns; column++) {
    const deeds: Deeds = new Map(), edge = from + (column + 1) * each, end = exact ? trace.indexAtTime(edge) : pyramid.bucketAt(edge);
    if (exact) pyramid.read(deeds, at, end); else pyramid.collect(deeds, at, end);
    at = end;
    for (const thread of running.values()) if (thread !== 0) lane(thread).runs[column] = 1;
    for (const [thread, deed] of deeds) {
      const l = lane(thread);
      l.kinds[column]! |= deed.kinds & 0x7fff;
      if (ran(deed)) l.runs[column] = 1;
      for (let hart = 0; hart < 32; hart++) if (deed.harts & (1 << hart)) running.set(hart, thread);
    }
    if (at >= (exact ? trace.length : pyramid.bucketAt(Infinity))) break;
  }
  const order = [...trace.names.values()].filter((n) => n.kind === 'task').map((n) => trace.taskOf(n.id)),
    place = (name: string): number => (order.indexOf(name) + order.length) % order.length;
  return [...lanes.values()].sort((a, b) => place(a.name) - place(b.name));
}

function runningBefore({ trace }: Session, index: number, running: Map<number, number>): void {
  for (let i = index - 1; i >= 0 && i > index - 3000; i--) {
    const r = trace!.at(i);
    if (r.kind === Kind.schedule && !running.has(r.hart)) running.set(r.hart, r.actor);
  }
}

const ticks = (span: number): number => {
  const rough = span / 6, power = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 5, 10].map((m) => m * power).find((m) => m >= rough)!;
};

export function Timeline({ session }: { session: Session }) {
  const canvas = useRef<HTMLCanvasElement>(null),
    state = useRef({
      window: undefined as Window | undefined, lanes: [] as Lane[],
      drag: undefined as { x: number; window: Window; moved: boolean } | undefined
    });
  const span = useRef(signal('')).current;
  const draw = (): void => { if (canvas.current) span.value = paint(canvas.current, session, state.current); };
  const zoom = (factor: number, at = 0.5): void => {
    const all = whole(session), { from, to } = state.current.window ?? all, centre = from + (to - from) * at,
      size = Math.max(20, Math.min(all.to - all.from, (to - from) * factor));
    const start = Math.max(all.from, Math.min(all.to - size, centre - size * at));
    state.current.window = size >= (all.to - all.from) * 0.999 ? undefined : { from: start, to: start + size };
    draw();
  };
  const pan = (by: number): void => {
    const all = whole(session), { from, to } = state.current.window ?? all, size = to - from,
      start = Math.max(all.from, Math.min(all.to - size, from + by * size));
    if (state.current.window) state.current.window = { from: start, to: start + size };
    draw();
  };
  useEffect(() => {
    const version = session.version.subscribe(() => draw()),
      chosen = session.selected.subscribe(() => { reveal(session, state.current); draw(); }), watcher = new ResizeObserver(draw);
    watcher.observe(canvas.current!.parentElement!);
    const theme = new MutationObserver(draw);
    theme.observe(document.documentElement, { attributes: true, attributeFilter: ['data-theme'] });
    return () => { version(); chosen(); watcher.disconnect(); theme.disconnect(); };
  }, []);
  useLayoutEffect(() => {
    const element = canvas.current!, wheel = (e: WheelEvent): void => {
      if (!e.ctrlKey && Math.abs(e.deltaX) < Math.abs(e.deltaY) && e.shiftKey) return;
      e.preventDefault();
      if (Math.abs(e.deltaX) > Math.abs(e.deltaY)) pan(e.deltaX / 800);
      else zoom(1.0015 ** e.deltaY, Math.max(0, Math.min(1, (e.offsetX - LABEL) / (element.clientWidth - LABEL))));
    };
    element.addEventListener('wheel', wheel, { passive: false });
    return () => element.removeEventListener('wheel', wheel);
  }, []);
  const down = (e: PointerEvent): void => {
    state.current.drag = { x: e.offsetX, window: state.current.window ?? whole(session), moved: false };
    canvas.current!.setPointerCapture(e.pointerId);
  };
  const move = (e: PointerEvent): void => {
    const { drag } = state.current, across = canvas.current!.clientWidth - LABEL;
    if (!drag || Math.abs(e.offsetX - drag.x) < 4 && !drag.moved) return;
    drag.moved = true;
    const all = whole(session), size = drag.window.to - drag.window.from,
      start = Math.max(all.from, Math.min(all.to - size, drag.window.from - ((e.offsetX - drag.x) / across) * size));
    if (state.current.window) state.current.window = { from: start, to: start + size };
    draw();
  };
  const up = (e: PointerEvent): void => {
    const { drag } = state.current, { trace } = session;
    state.current.drag = undefined;
    if (!drag || drag.moved || !trace) return;
    const record = nearest(session, state.current, canvas.current!, e.offsetX, e.offsetY);
    if (record >= 0) session.select(record);
  };
  const keys: Record<string, () => void> = {
    '+': () => zoom(0.5), '=': () => zoom(0.5), '-': () => zoom(2), ArrowLeft: () => pan(-0.2), ArrowRight: () => pan(0.2),
    '0': () => { state.current.window = undefined; draw(); }
  };
  const onKeyDown = (e: KeyboardEvent): void => { if (keys[e.key]) { e.preventDefault(); keys[e.key]!(); } };
  return (
    <div class="timeline" role="group" aria-label="Timeline: plus and minus zoom, arrows pan, 0 shows all" tabIndex={0}
      onKeyDown={onKeyDown}>
      <div class="tools">
        <span class="dim">{span}</span>
        <span class="spring" />
        <button class="quiet" onClick={() => zoom(2)}>Zoom out</button>
        <button class="quiet" onClick={() => zoom(0.5)}>Zoom in</button>
        <button class="quiet" onClick={() => { state.current.window = undefined; draw(); }}>All</button>
      </div>
      <div class="surface">
        <canvas ref={canvas} role="img" aria-label="Which task runs when, and what it does" onPointerDown={down} onPointerMove={move}
          onPointerUp={up} />
      </div>
    </div>
  );
}

/** Moves the window so that the selected record is in it. */
function reveal(session: Session, state: { window: Window | undefined }): void {
  const { window } = state, r = session.record(session.selected.value);
  if (!window || !r || (r.time >= window.from && r.time < window.to)) return;
  const size = window.to - window.from;
  state.window = { from: r.time - size / 2, to: r.time + size / 2 };
}

/** The record of the lane under the pointer that is nearest in time. */
function nearest(session: Session, { window, lanes }: { window: Window | undefined; lanes: Lane[] }, canvas: HTMLCanvasElement, x: number,
    y: number): number {
  const { trace } = session, { from, to } = window ?? whole(session),
    time = from + ((x - LABEL) / (canvas.clientWidth - LABEL)) * (to - from), lane = lanes[Math.floor((y - HEAD) / LANE)];
  if (!trace || !lane || x < LABEL) return -1;
  const centre = trace.indexAtTime(time), reach = 4000;
  let best = -1, distance = Infinity;
  for (let i = Math.max(0, centre - reach); i < Math.min(trace.length, centre + reach); i++) {
    const r = trace.at(i), away = Math.abs(r.time - time) + (familyOf(r.kind) === 'quiet' ? (to - from) / 50 : 0);
    if (away < distance && trace.taskOf(r.actor) === lane.name) { best = i; distance = away; }
  }
  return best;
}

/** Draws, and returns the drawn part of time. */
function paint(canvas: HTMLCanvasElement, session: Session, state: { window: Window | undefined; lanes: Lane[] }): string {
  const box = canvas.parentElement!, ratio = devicePixelRatio || 1, width = box.clientWidth, window = state.window ?? whole(session),
    { from, to } = window;
  const across = Math.max(10, width - LABEL), lanes = (state.lanes = lanesOf(session, window, Math.floor(across / STEP))),
    height = Math.max(box.clientHeight, HEAD + lanes.length * LANE + 8);
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const c = canvas.getContext('2d')!, x = (time: number): number => LABEL + ((time - from) / (to - from)) * across;
  c.scale(ratio, ratio);
  c.font = '12px system-ui, sans-serif';
  c.textBaseline = 'middle';
  const colours = { text: colour('text'), dim: colour('dim'), line: colour('line'), run: colour('run'), accent: colour('accent') };
  scale(c, window, x, height, colours);
  lanes.forEach((lane, n) => {
    const y = HEAD + n * LANE;
    c.strokeStyle = colours.line;
    c.beginPath(); c.moveTo(0, y + LANE - 0.5); c.lineTo(width, y + LANE - 0.5); c.stroke();
    c.fillStyle = colours.text;
    c.fillText(fitted(c, lane.name, LABEL - 16), 8, y + LANE / 2);
    bars(c, lane, y, colours.run);
  });
  if (session.trace) arrows(c, session, window, lanes, x);
  const r = session.record(session.selected.value);
  if (r && r.time >= from && r.time <= to) {
    c.fillStyle = colours.accent;
    c.fillRect(Math.round(x(r.time)) - 1, HEAD - 6, 2, lanes.length * LANE + 6);
    const origin = originOf(session.trace!, r);
    canvas.setAttribute('aria-label', `Timeline of ${lanes.length} tasks. Selected: ${ends(session.trace!, r)}: ${sentence(r, origin)}`);
  }
  return `${cyclesText(to - from)} from ${cyclesText(from)}`;
}

/** A time with enough digits to distinguish it from its neighbours. */
function tickText(t: number, step: number): string {
  const [unit, name] = t < 1e3 ? [1, 'ns'] : t < 1e6 ? [1e3, 'µs'] : t < 1e9 ? [1e6, 'ms'] : [1e9, 's'];
  return t === 0 ? '0' : `${(t / unit).toFixed(Math.max(0, Math.ceil(Math.log10(unit / step))))} ${name}`;
}

function scale(c: CanvasRenderingContext2D, { from, to }: Window, x: (t: number) => number, height: number,
    { dim, line }: { dim: string; line: string }): void {
  const step = ticks((to - from) * Math.max(1, 560 / (x(to) - x(from))));
  for (let t = Math.ceil(from / step) * step; t < to; t += step) {
    c.strokeStyle = line;
    c.beginPath(); c.moveTo(Math.round(x(t)) + 0.5, HEAD - 4); c.lineTo(Math.round(x(t)) + 0.5, height); c.stroke();
    c.fillStyle = dim;
    c.fillText(tickText(t, step), x(t) + 4, 12);
  }
}

function bars(c: CanvasRenderingContext2D, lane: Lane, y: number, run: string): void {
  c.fillStyle = run;
  for (let n = 0, begun = -1; n <= lane.runs.length; n++) {
    if (lane.runs[n]) { if (begun < 0) begun = n; continue; }
    if (begun >= 0) c.fillRect(LABEL + begun * STEP, y + 7, (n - begun) * STEP, LANE - 14);
    begun = -1;
  }
  for (let n = 0; n < lane.kinds.length; n++) {
    const mask = lane.kinds[n]!;
    if (mask === 0) continue;
    c.fillStyle = colour(`k-${familyOf(ranked[31 - Math.clz32(mask & -mask)]!)}`);
    c.fillRect(LABEL + n * STEP, y + 4, STEP - 1, LANE - 8);
  }
}

/** Messages between lanes, when they are few enough to distinguish. */
function arrows(c: CanvasRenderingContext2D, { trace }: Session, { from, to }: Window, lanes: Lane[], x: (t: number) => number): void {
  const first = trace!.indexAtTime(from), last = trace!.indexAtTime(to),
    y = new Map(lanes.map((l, n) => [l.name, HEAD + n * LANE + LANE / 2]));
  if (last - first > 1500) return;
  const found = [];
  for (let i = first; i < last; i++) {
    const r = trace!.at(i), arrow = arrowOf(trace!, r);
    if (arrow && arrow.from !== arrow.to) found.push({ ...arrow, family: familyOf(r.kind) });
  }
  if (found.length > MOST_ARROWS) return;
  for (const a of found) {
    const at = x(a.time), start = y.get(a.from), end = y.get(a.to);
    if (start === undefined || end === undefined) continue;
    c.strokeStyle = c.fillStyle = colour(`k-${a.family}`);
    c.lineWidth = 1.5;
    const way = Math.sign(end - start), tip = end - way * 8;
    c.beginPath(); c.moveTo(at, start + way * 8); c.lineTo(at, tip); c.stroke();
    c.beginPath(); c.moveTo(at, tip + way * 4); c.lineTo(at - 4, tip - way * 3); c.lineTo(at + 4, tip - way * 3); c.fill();
    c.lineWidth = 1;
  }
}

function fitted(c: CanvasRenderingContext2D, text: string, width: number): string {
  if (c.measureText(text).width <= width) return text;
  let n = text.length;
  while (n > 1 && c.measureText(`${text.slice(0, n)}…`).width > width) n--;
  return `${text.slice(0, n)}…`;
}
