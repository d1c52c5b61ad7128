/** The selected record in words, and the ways from it to others. */
import { details } from '../../trace/index.ts';
import { Icon } from './icons.tsx';
import { familyOf } from './kinds.ts';
import { chain } from './list.tsx';
import type { Session } from './session.ts';

export function Details({ session }: { session: Session }) {
  const at = session.selected.value, r = (session.version.value, session.record(at)), { trace, chains } = session;
  if (!r || !trace || !chains)
    return <aside class="details pane" aria-label="Record"><div class="empty small">Choose a record to read it in full.</div></aside>;
  const [[, what], ...rest] = details(trace, r) as [[string, string], ...[string, string][]], next = chains.next(at),
    before = chains.previous(at);
  return (
    <aside class="details pane" aria-label={`Record ${r.sequence}`}>
      <div class="bar">
        <span class="tile" data-family={familyOf(r.kind)} /><strong class="title">Record {r.sequence}</strong>
        <span class="spring" />
        <button class="quiet" disabled={before < 0} onClick={() => chain(session, false)} title="What led to it (p)">
          <Icon name="left" />
          Cause
        </button>
        <button class="quiet" disabled={next < 0} onClick={() => chain(session, true)} title="What it led to (n)">
          Then
          <Icon name="right" />
        </button>
      </div>
      <div class="scroll">
        <p class="say">{what}</p>
        <dl>{rest.map(([name, value], i) => <div key={i}><dt>{name}</dt><dd>{value}</dd></div>)}</dl>
      </div>
    </aside>
  );
}
