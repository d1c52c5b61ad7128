/**
 * The records as a list, which creates only the visible lines. It scrolls, follows the end while the system runs, and works with the
 * keyboard.
 */
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { cyclesText, ends, originOf, sentence } from '../../trace/index.ts';
import { Icon } from './icons.tsx';
import { familyOf } from './kinds.ts';
import type { Session } from './session.ts';

const narrow = matchMedia('(max-width: 700px)');
const rowHeight = (): number => (narrow.matches ? 46 : 26);
/** Browsers limit the height of elements, so a longer list scrolls in proportion. */
const TALLEST = 8_000_000;

export function List({ session }: { session: Session }) {
  const box = useRef<HTMLDivElement>(null), [top, setTop] = useState(0), [height, setHeight] = useState(400);
  const { rows, trace } = session, length = (session.version.value, rows?.length ?? 0), each = rowHeight(),
    shown = Math.min(200, Math.ceil(height / each) + 1);
  const tall = Math.min(length * each, TALLEST), scaled = length * each > TALLEST, most = Math.max(0, length - Math.floor(height / each));
  const first = Math.max(0, Math.min(most, scaled ? Math.round((top / Math.max(1, tall - height)) * most) : Math.floor(top / each))),
    following = session.following.value, selected = session.selected.value;

  const show = (row: number): void => {
    const element = box.current;
    if (!element) return;
    if (scaled) { element.scrollTop = (Math.max(0, row - shown / 2) / most) * (tall - height); return; }
    const y = row * each;
    if (y < element.scrollTop) element.scrollTop = Math.max(0, y - each);
    else if (y + each > element.scrollTop + height) element.scrollTop = y + 2 * each - height;
  };
  useLayoutEffect(() => {
    const element = box.current!, watcher = new ResizeObserver(() => setHeight(element.clientHeight));
    watcher.observe(element);
    setHeight(element.clientHeight);
    return () => watcher.disconnect();
  }, []);
  useLayoutEffect(() => { if (following && length > 0) show(length - 1); }, [length, following]);
  useLayoutEffect(() => { if (!following && rows && selected >= 0) show(rows.rowOf(selected)); }, [selected, following, rows]);

  const move = (by: number): void => {
    if (rows && length > 0) session.select(rows.record(Math.max(0, Math.min(length - 1, (selected < 0 ? -1 : rows.rowOf(selected)) + by))));
  };
  const keys: Record<string, () => void> = {
    ArrowDown: () => move(1), ArrowUp: () => move(-1), PageDown: () => move(shown - 2), PageUp: () => move(2 - shown),
    Home: () => move(-length), End: () => move(length),
    n: () => chain(session, true), p: () => chain(session, false),
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey || !keys[event.key]) return;
    event.preventDefault();
    keys[event.key]!();
  };
  const visible = Array.from({ length: Math.max(0, Math.min(shown, length - first)) }, (_, i) => first + i);
  return (
    <div class="list" ref={box} role="listbox" tabIndex={0} aria-label={`Trace, ${length} records`}
      aria-activedescendant={selected >= 0 ? `r${selected}` : undefined} onKeyDown={onKeyDown}
      onScroll={(e) => setTop(e.currentTarget.scrollTop)}>
      <div class="tall" style={{ height: `${tall}px` }}>
        <div class="window" style={{ transform: `translateY(${scaled ? top : first * each}px)` }}>
          {trace && rows && visible.map((row) => <Row key={row % shown} session={session} row={row} length={length} />)}
        </div>
      </div>
      {length === 0
        && <div class="empty">
          {trace ? (rows && rows.progress < 1 ? 'Looking …' : 'No record matches the filter.') : 'Records appear here as the system runs.'}
        </div>}
    </div>
  );
}

/** Along the chain of the selected record: its effect, or its cause. */
export function chain(session: Session, forward: boolean): void {
  const { chains } = session, at = session.selected.value;
  if (!chains || at < 0) return;
  const found = forward ? chains.next(at) : chains.previous(at);
  if (found >= 0) session.select(found);
}

function Row({ session, row, length }: { session: Session; row: number; length: number }) {
  const { trace, rows, chains } = session, record = rows!.record(row), r = trace!.at(record).clone(), latency = chains!.latency(record),
    chosen = record === session.selected.value;
  return (
    <div class="row" id={`r${record}`} role="option" aria-selected={chosen} aria-posinset={row + 1} aria-setsize={length}
      data-family={familyOf(r.kind)} onClick={() => session.select(record)}>
      <span class="tile" title={r.kindName} />
      <span class="seq">{r.sequence}</span>
      <span class="time">{(r.time / 1000).toFixed(r.time < 1e8 ? 3 : 1)}</span>
      <span class="who">{ends(trace!, r)}</span>
      <span class="what">{sentence(r, originOf(trace!, r))}</span>
      <span class="latency">{Number.isNaN(latency) ? '' : cyclesText(latency)}</span>
    </div>
  );
}

export function FollowButton({ session }: { session: Session }) {
  const on = session.following.value;
  return <button class="quiet" aria-pressed={on} title="Keep to the newest record" onClick={() => { session.following.value = !on; }}>
    <Icon name="end" />
    Follow
  </button>;
}
