/** A run on the screen: consoles, the views of the trace, the selected record, and the machine's controls. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { completions, cyclesText } from '../../trace/index.ts';
import type { Speed } from '../protocol.ts';
import { Counts } from './counts.tsx';
import { Details } from './details.tsx';
import { Icon, type IconName } from './icons.tsx';
import { legend } from './kinds.ts';
import type { View } from './link.ts';
import { FollowButton, List } from './list.tsx';
import { Memory } from './memory.tsx';
import { Sequence } from './sequence.tsx';
import type { Session } from './session.ts';
import { thousands } from './shown.ts';
import { Consoles } from './terminal.tsx';
import { Timeline } from './timeline.tsx';
import { Tour } from './tour.tsx';

const tabs: readonly (readonly [View, string, IconName])[] = [
  ['list', 'List', 'list'], ['sequence', 'Sequence', 'sequence'], ['timeline', 'Timeline', 'timeline'], ['memory', 'Memory', 'memory'],
  ['counts', 'Counts', 'counts']
];
const speeds: readonly (readonly [string, Speed])[] = [
  ['Full speed', 'full'], ['Real time', 'paced'], ['Slow: 1 ms a second', 1e6], ['Slower: 50 µs a second', 5e4]
];

interface Props {
  session: Session;
  again(): void;
  share(): Promise<string>;
  tour: number | undefined;
  setTour(step: number | undefined): void
}

export function Workspace({ session, again, share, tour, setTour }: Props) {
  const [side, setSide] = useState<'console' | 'trace'>(session.what.kind === 'shell' ? 'console' : 'trace');
  return (
    <main id="main" tabIndex={-1} class="workspace" data-side={side} data-phase={session.phase.value}>
      <h1 class="sr">{session.title.value || 'Starting'}</h1>
      <Controls session={session} again={again} share={share} />
      {session.message.value && <p class="note" role="alert">{session.message.value}</p>}
      <div class="split">
        {session.phase.value !== 'recorded'
          && <div class="left">
            <Consoles session={session} key={session.startedAt} />
            <Host session={session} />
            <Ending session={session} />
          </div>}
        {session.phase.value !== 'recorded' && <Splitter />}
        <div class="right">
          <Trace session={session} />
          <Details session={session} />
        </div>
      </div>
      <nav class="bottom" aria-label="Panes">
        <button aria-pressed={side === 'console'} onClick={() => setSide('console')}><Icon name="console" />Console</button>
        {tabs.map(([view, title, icon]) =>
          <button key={view} aria-pressed={side === 'trace' && session.view.value === view}
            onClick={() => { setSide('trace'); session.view.value = view; }}>
            <Icon name={icon} />
            {title}
          </button>)}
      </nav>
      {tour !== undefined && <Tour session={session} step={tour} go={setTour} />}
    </main>
  );
}

function Controls({ session, again, share }: Omit<Props, 'tour' | 'setTour'>) {
  const { phase, progress, speed } = session, running = phase.value === 'running', paused = progress.value.state === 'paused',
    [copied, setCopied] = useState('');
  const onShare = async (): Promise<void> => {
    const link = await share();
    try { await navigator.clipboard.writeText(link); setCopied('Link copied'); } catch { setCopied(link); }
    setTimeout(() => setCopied(''), 4000);
  };
  return (
    <div class="controls" role="toolbar" aria-label="Machine">
      <div class="name"><strong>{session.title.value || '…'}</strong><span class="dim">{session.summary.value}</span></div>
      {phase.value !== 'recorded' && <div class="group">
        {paused
          ? <button disabled={!running} onClick={() => session.send({ type: 'resume' })}><Icon name="play" />Go on</button>
          : <button disabled={!running} onClick={() => session.send({ type: 'pause' })}><Icon name="pause" />Pause</button>}
        <button disabled={!running} onClick={() => session.send({ type: 'step' })} title="On to the next record">
          <Icon name="step" />
          Step
        </button>
        <button disabled={!running} onClick={() => session.send({ type: 'stop' })}><Icon name="stop" />Stop</button>
        <button onClick={again}><Icon name="again" />Again</button>
      </div>}
      {phase.value !== 'recorded' && <label class="select"><span class="sr">Speed</span>
        <select value={String(speed.value)}
          onChange={(e) => {
            const found = speeds.find(([, s]) => String(s) === e.currentTarget.value);
            if (found) session.setSpeed(found[1]);
          }}>
          {speeds.map(([title, s]) => <option key={title} value={String(s)}>{title}</option>)}
        </select>
      </label>}
      {phase.value !== 'recorded'
        && <button class="quiet" aria-label="Share: copy a link to this run" onClick={() => void onShare()}>
          <Icon name="share" />
          <span class="say-share">Share</span>
        </button>}
      <Status session={session} />
      <span class="sr" aria-live="polite">{copied}</span>
      {copied && <span class="toast" aria-hidden="true">{copied}</span>}
    </div>
  );
}

function Status({ session }: { session: Session }) {
  const { phase, progress, ending } = session, p = progress.value;
  const state = phase.value === 'ended' ? `ended with status ${ending.value?.status}`
    : phase.value === 'failed' ? 'failed'
    : phase.value === 'loading' ? 'starting'
    : phase.value === 'recorded' ? 'recorded'
    : p.state === 'waiting' ? 'waits for input'
    : p.state;
  return (
    <div class="status">
      <span class="state"
        data-state={phase.value === 'ended' ? (ending.value?.status === 0 ? 'good' : 'bad')
          : phase.value === 'failed' ? 'bad'
          : phase.value === 'loading' ? 'starting'
          : p.state}
        role="status">
        {state}
      </span>
      <span class="figure">{cyclesText(p.cycles)}</span>
      <span class="figure">{thousands(p.records)} records</span>
      <span class="figure wide">{thousands(p.instructions)} instructions</span>
    </div>
  );
}

/** The folder /host: dropped files appear in it at once, and the user can save the guest's files. */
function Host({ session }: { session: Session }) {
  if (session.what.kind !== 'shell') return null;
  const files = session.host.value ?? [], over = session.phase.value === 'ended';
  session.onFile = ({ name, bytes }) => save(name.split('/').at(-1)!, bytes);
  const put = async (list: Iterable<File>): Promise<void> => {
    for (const f of list) session.send({ type: 'put', file: { name: f.name, bytes: new Uint8Array(await f.arrayBuffer()) } });
  };
  return (
    <section class="hosted pane" aria-label="Files in /host" onDragOver={(e) => e.preventDefault()}
      onDrop={(e) => { e.preventDefault(); void put(e.dataTransfer?.files ?? []); }}>
      <strong>/host</strong>
      {files.map((f) =>
        <button key={f.path} class="quiet" title={`Download, ${f.size} bytes`} onClick={() => session.send({ type: 'take', path: f.path })}>
          <Icon name="down" />
          {f.path}
        </button>)}
      <span class="spring" />
      {!over
        && <label class="button quiet">
          <Icon name="file" />
          Drop files here, or choose
          <input class="sr" type="file" multiple onChange={(e) => void put(e.currentTarget.files ?? [])} />
        </label>}
    </section>
  );
}

function Ending({ session }: { session: Session }) {
  const ending = session.ending.value;
  if (!ending || ending.why === '') return null;
  return (
    <section class="ending pane" aria-label="How it ended">
      {ending.why && <p>{ending.why}</p>}
    </section>
  );
}

export function save(name: string, bytes: Uint8Array): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([bytes as Uint8Array<ArrayBuffer>]));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

function Trace({ session }: { session: Session }) {
  const view = session.view.value, filters = view === 'list' || view === 'sequence';
  return (
    <section class="trace pane" aria-label="Trace">
      <div class="bar">
        <div class="tabs" role="tablist" aria-label="Views of the trace"
          onKeyDown={(e) => {
            const by = e.key === 'ArrowRight' ? 1 : e.key === 'ArrowLeft' ? -1 : 0;
            if (by) session.view.value = tabs[(tabs.findIndex(([v]) => v === view) + by + tabs.length) % tabs.length]![0];
          }}>
          {tabs.map(([v, title]) =>
            <button key={v} role="tab" class="tab" aria-selected={v === view} tabIndex={v === view ? 0 : -1}
              onClick={() => { session.view.value = v; }}>
              {title}
            </button>)}
        </div>
        <span class="spring" />
        {filters && <FilterBox session={session} />}
        {filters && <FollowButton session={session} />}
      </div>
      <div class="body" role="tabpanel" aria-label={tabs.find(([v]) => v === view)![1]}>
        {view === 'list' && <List session={session} />}
        {view === 'sequence' && <Sequence session={session} />}
        {view === 'timeline' && <Timeline session={session} />}
        {view === 'memory' && <Memory session={session} />}
        {view === 'counts' && <Counts session={session} />}
      </div>
      {view !== 'memory' && view !== 'counts'
        && <div class="legend">
          {legend.map(([family, says]) => <span key={family}><i class="tile" data-family={family} />{says}</span>)}
        </div>}
    </section>
  );
}

function FilterBox({ session }: { session: Session }) {
  const error = session.filterError.value, [choices, setChoices] = useState<readonly string[]>([]), timer = useRef(0);
  const onInput = (text: string): void => {
    setChoices(session.trace && text ? completions(text, session.trace).slice(0, 12) : []);
    clearTimeout(timer.current);
    timer.current = window.setTimeout(() => session.setFilter(text), 150);
  };
  useEffect(() => {
    const onKey = (e: KeyboardEvent): void => {
      const at = document.activeElement;
      if (e.key !== '/' || at instanceof HTMLInputElement || at instanceof HTMLTextAreaElement) return;
      e.preventDefault();
      document.querySelector<HTMLInputElement>('.filter input')?.focus();
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, []);
  return (
    <label class="filter">
      <span class="sr">Filter</span>
      <input type="search" value={session.filter.value} list="completions" placeholder="Filter:  nr:openat   task:linux   latency>5us"
        aria-invalid={error !== ''} aria-describedby="filter-error" spellcheck={false} autocomplete="off"
        onInput={(e) => onInput(e.currentTarget.value)} />
      <datalist id="completions">{choices.map((c) => <option key={c} value={c} />)}</datalist>
      <span id="filter-error" class="error" role="alert">{error}</span>
    </label>
  );
}

/** The divider between console and trace: drag it, or use the arrow keys. */
function Splitter() {
  const [at, setAt] = useState(38), set = (value: number): void => {
    const part = Math.max(20, Math.min(70, value));
    document.documentElement.style.setProperty('--left', `${part}%`);
    setAt(part);
  };
  const onPointerMove = (e: PointerEvent): void => {
    if ((e.currentTarget as Element).hasPointerCapture(e.pointerId)) set((100 * e.clientX) / innerWidth);
  };
  return (
    <div class="splitter" role="separator" aria-orientation="vertical" aria-label="Width of the console" aria-valuenow={Math.round(at)}
      aria-valuemin={20} aria-valuemax={70} tabIndex={0}
      onPointerDown={(e) => e.currentTarget.setPointerCapture(e.pointerId)} onPointerMove={onPointerMove}
      onKeyDown={(e) => { if (e.key === 'ArrowLeft') set(at - 2); if (e.key === 'ArrowRight') set(at + 2); }} />
  );
}
