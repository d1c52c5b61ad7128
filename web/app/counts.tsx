/** Counts and latencies of the whole trace. */
import { useEffect, useState } from 'preact/hooks';
import { analysis, cyclesText, type Latency, type Stats } from '../../trace/index.ts';
import type { Session } from './session.ts';
import { thousands } from './shown.ts';

const SLICE_MS = 8;

export function Counts({ session }: { session: Session }) {
  const [stats, setStats] = useState<Stats | undefined>(undefined), length = session.trace?.length ?? 0,
    ended = session.phase.value === 'ended';
  useEffect(() => {
    const { trace } = session;
    if (!trace) return;
    const work = analysis(trace);
    let frame = 0;
    const go = (): void => {
      for (const end = performance.now() + SLICE_MS; performance.now() < end; ) {
        const step = work.next();
        if (step.done) return setStats(step.value);
      }
      frame = requestAnimationFrame(go);
    };
    go();
    return () => cancelAnimationFrame(frame);
  }, [session, ended, length >> 12]);
  if (!stats) return <div class="empty">Counting …</div>;
  const took = (l: Latency | undefined): string => (l ? cyclesText(l.median) : '');
  return (
    <div class="counts">
      <Table title="System calls" heads={['task', 'call', 'calls', 'kernel entries a call', 'space switches a call', 'median time']}
        rows={stats.syscalls.map((s) => [
          s.task, s.name, s.events, s.kernelEntriesPerCall.toFixed(1), s.spaceSwitchesPerCall.toFixed(1), took(s.latency)
        ])} />
      <Table title="Events and exits" heads={['task', 'cause', 'events', 'bytes of state', 'median time']}
        rows={stats.causes.map((c) => [c.task, c.cause, c.events, c.bytes, took(c.latency)])} />
      <Table title="Messages" heads={['from', 'to', 'messages', 'replies', 'words', 'median time']}
        rows={stats.pairs.map((p) => [p.from, p.to, p.messages, p.replies, p.words, took(p.latency)])} />
      <Table title="Tasks" heads={['task', 'threads', 'sent', 'events', 'replies', 'mapped', 'unmapped', 'scheduled']}
        rows={stats.tasks.map((t) => [t.task, t.threads, t.sent, t.events, t.replies, t.mapped, t.unmapped, t.scheduled])} />
      {session.ending.value && <section><h3>How the run ended</h3><pre>{session.ending.value.table}</pre></section>}
    </div>
  );
}

function Table({ title, heads, rows }: { title: string; heads: readonly string[]; rows: readonly (readonly (string | number)[])[] }) {
  if (rows.length === 0) return null;
  return (
    <section>
      <h3>{title}</h3>
      <div class="scroll-x"><table>
        <thead>
          <tr>{heads.map((h, i) => <th key={h} scope="col" class={typeof rows[0]![i] === 'number' ? 'number' : ''}>{h}</th>)}</tr>
        </thead>
        <tbody>
          {rows.map((row, n) =>
            <tr key={n}>
              {row.map((cell, i) =>
                <td key={i} class={typeof cell === 'number' || /^[\d.]+( |$)/.test(cell) ? 'number' : ''}>
                  {typeof cell === 'number' ? thousands(cell) : cell}
                </td>)}
            </tr>)}
        </tbody>
      </table></div>
    </section>
  );
}
