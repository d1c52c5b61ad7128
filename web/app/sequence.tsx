/**
 * A sequence diagram as a list: a lifeline per task, an arrow per message, event or answer. It shows the records around the selected one,
 * or the newest while the list follows the end.
 */
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { cyclesText, type RecordView } from '../../trace/index.ts';
import { Kind } from '../../microkernel/abi/index.ts';
import { arrowOf, type Arrow } from '../../trace/export/arrows.ts';
import { fold, type FoldedArrow } from '../../trace/export/fold.ts';
import { familyOf, type Family } from './kinds.ts';
import type { Session } from './session.ts';

const BEFORE = 40, AFTER = 120, REACH = 20_000, GUTTER = 84, LANE = 132;

interface Shown {
  readonly arrows: readonly (FoldedArrow & { readonly record: number; readonly family: Family })[];
  readonly lanes: readonly string[]
}

/** Arrows before and after a record, with repetitions folded. */
function around(session: Session): Shown {
  const { trace, rows } = session, kinds = new Map<number, number>();
  if (!trace || !rows || rows.length === 0) return { arrows: [], lanes: [] };
  const following = session.following.value, centre = following ? rows.length - 1 : rows.rowOf(Math.max(0, session.selected.value));
  const take = (from: number, step: number, most: number): Arrow[] => {
    const found: Arrow[] = [];
    for (let row = from; row >= 0 && row < rows.length && found.length < most && Math.abs(row - from) < REACH; row += step) {
      const r: RecordView = trace.at(rows.record(row)), arrow = arrowOf(trace, r);
      if (!arrow) continue;
      kinds.set(arrow.sequence, r.kind);
      found.push(arrow);
    }
    return found;
  };
  const before = take(centre - 1, -1, following ? 40 : BEFORE).reverse(), all = [...before, ...take(centre, 1, AFTER)];
  const arrows = fold(all).map((a) => ({ ...a, record: trace.indexOf(a.sequence), family: familyOf(kinds.get(a.sequence) ?? Kind.call) }));
  return { arrows, lanes: [...new Set(arrows.flatMap((a) => [a.from, a.to]))] };
}

export function Sequence({ session }: { session: Session }) {
  const box = useRef<HTMLDivElement>(null), [width, setWidth] = useState(800);
  const { arrows, lanes } = (session.version.value, around(session)), selected = session.selected.value,
    following = session.following.value;
  const lane = Math.max(LANE, Math.floor((width - GUTTER - 12) / Math.max(1, lanes.length))), chosen = session.record(selected),
    start = (following ? arrows[0]?.time : chosen?.time) ?? 0;
  useLayoutEffect(() => {
    const watcher = new ResizeObserver(() => setWidth(box.current?.clientWidth ?? 800));
    watcher.observe(box.current!);
    return () => watcher.disconnect();
  }, []);
  useLayoutEffect(() => {
    if (following) box.current!.scrollTop = box.current!.scrollHeight;
    else box.current!.querySelector('[aria-current="true"]')?.scrollIntoView({ block: 'center' });
  }, [selected, following, arrows.length]);
  const x = (task: string): number => GUTTER + lanes.indexOf(task) * lane + lane / 2;
  return (
    <div class="sequence" ref={box}>
      {arrows.length === 0 && <div class="empty">No messages here yet.</div>}
      {arrows.length > 0 && (
        <div class="paper" style={{ width: `${GUTTER + lanes.length * lane}px` }}>
          <div class="heads">
            {lanes.map((task) =>
              <div key={task} class="head" style={{ left: `${x(task)}px`, maxWidth: `${lane - 10}px` }} title={task}>{task}</div>)}
          </div>
          {lanes.map((task) => <div key={task} class="life" style={{ left: `${x(task)}px` }} />)}
          <ol>
            {arrows.map((a) =>
              <Step key={a.sequence} arrow={a} from={x(a.from)} to={x(a.to)} since={a.time - start} chosen={a.record === selected}
                choose={() => session.select(a.record)} />)}
          </ol>
        </div>
      )}
    </div>
  );
}

interface StepProps { arrow: Shown['arrows'][number]; from: number; to: number; since: number; chosen: boolean; choose(): void }
function Step({ arrow, from, to, since, chosen, choose }: StepProps) {
  const self = from === to, low = Math.min(from, to), span = Math.abs(to - from), { repeat } = arrow;
  return (
    <li aria-current={chosen} data-family={arrow.family}>
      <button onClick={choose}>
        <span class="since">{since < 0 ? '−' : '+'}{cyclesText(Math.abs(since))}</span>
        <span class={`arrow ${self ? 'self' : to > from ? 'forth' : 'back'} ${arrow.reply ? 'reply' : ''}`}
          style={{ left: `${low}px`, width: self ? '14px' : `${span}px` }}>
          <span class="sr">{arrow.from} to {arrow.to}: </span>
          <span class="text">{arrow.text}</span>
        </span>
      </button>
      {repeat && <span class="again">the last {repeat.of > 1 ? `${repeat.of} messages` : 'message'} {repeat.more} more times</span>}
    </li>
  );
}
