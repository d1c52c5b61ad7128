/** The page: chooses the screen and the run on it. Addresses name runs (link.ts). */
import { render } from 'preact';
import { useLayoutEffect, useState } from 'preact/hooks';
import { effect, signal } from '@preact/signals';
import type { Given, What } from '../protocol.ts';
import { scenarios } from './catalog.ts';
import type { LabInfo } from '../lab-protocol.ts';
import { Home } from './home.tsx';
import { Icon, Mark } from './icons.tsx';
import { packKeys, unpackKeys } from './keys.ts';
import { Lab } from './lab.tsx';
import { hashOf, labOf, placeOf, type Link } from './link.ts';
import { prepare, Session } from './session.ts';
import { dark, toggleTheme } from './theme.ts';
import { Workspace } from './workspace.tsx';

const session = signal<Session | undefined>(undefined), tour = signal<number | undefined>(undefined),
  images = signal<ReadonlyMap<string, string>>(new Map()), problem = signal(''), labs = signal<readonly LabInfo[]>([]),
  lab = signal<LabInfo | undefined>(undefined);
/** The address of the session on the screen; undefined for the user's own files, which no address can name. */
let shown: Link | undefined;
/** The address that is on the screen: the browser reports a new one twice (popstate, hashchange). */
let here = location.hash;

function open(next: Session | undefined): void {
  session.value?.close();
  problem.value = '';
  session.value = next;
  (globalThis as { tessera?: Session }).tessera = next;
}

/** Starts the run that an address names. */
async function whatOf({ what }: Link): Promise<What | undefined> {
  if (what === 'shell') return { kind: 'shell', program: 'sh', args: [], files: [] };
  if (what === 'minios') return { kind: 'vm', kernel: 'minios', append: 'ticks=300' };
  const entry = scenarios.find((s) => s.name === what);
  if (!entry) return undefined;
  const given: Given[] = [];
  for (const name of entry.images ?? []) {
    const path = images.value.get(name);
    if (path
        === undefined) { problem.value = `“${entry.title}” needs Debian’s images, which this page was made without.`; return undefined; }
    given.push({ name, bytes: new Uint8Array(await (await fetch(path)).arrayBuffer()) });
  }
  return { kind: 'scenario', name: what, images: given };
}

async function visit(place: Link | undefined): Promise<void> {
  shown = place;
  tour.value = place?.tour;
  if (!place) return open(undefined);
  const what = await whatOf(place);
  if (!what) {
    open(undefined);
    problem.value ||= `This page has nothing called “${place.what}”.`;
    return;
  }
  let replay: string | undefined;
  try {
    replay = place.keys === undefined ? undefined : await unpackKeys(place.keys);
  } catch { problem.value = 'What was typed cannot be read from this address.'; }
  const next = new Session(what, place.seed, what.kind === 'scenario' ? 'full' : 'paced', replay);
  next.view.value = place.view ?? 'list';
  if (place.filter) next.setFilter(place.filter);
  open(next);
  await next.over;
  if (session.value !== next || !next.trace || place.tour !== undefined) return;
  const record = place.at === undefined ? next.first(scenarios.find((s) => s.name === place.what)?.look) : next.trace.indexOf(place.at);
  if (record >= 0) next.select(record);
}

/** The address of the present view. */
async function share(): Promise<string> {
  const s = session.value;
  if (!s || !shown) return location.href.replace(/#.*/, '');
  const typed = s.what.kind === 'shell' && s.phase.value !== 'failed' ? await s.recording() : undefined,
    keys = typed && typed.split('\n').length > 3 ? await packKeys(typed) : undefined;
  const at = s.following.value ? undefined : s.record(s.selected.value)?.sequence;
  here = hashOf({
    what: shown.what, seed: s.seed, at, view: s.view.value === 'list' ? undefined : s.view.value, filter: s.filter.value || undefined, keys
  });
  history.replaceState(null, '', here);
  return location.href;
}

function again(): void {
  const s = session.value;
  if (!s) return;
  const next = new Session(s.what, s.seed, s.speed.value);
  next.view.value = s.view.value;
  open(next);
}
/** The address of the user's own files, which it cannot name. */
function goToOwn(): void {
  here = '#/own';
  history.pushState(null, '', here);
}
function start(what: What): void {
  shown = undefined;
  goToOwn();
  tour.value = undefined;
  open(new Session(what, 1, 'paced'));
}

/** A recorded trace: of a lab's world, or a file. `record`: its sequence number. */
function openTrace(name: string, bytes: Uint8Array, record?: number): void {
  try {
    const traced = Session.ofTrace(name, bytes);
    shown = undefined;
    tour.value = undefined;
    if (location.hash !== '#/own') goToOwn();
    open(traced);
    if (record !== undefined) traced.select(Math.max(0, traced.trace?.indexOf(record) ?? 0));
  } catch (error) {
    problem.value = `${name}: ${(error as Error).message}`;
  }
}

/** Shows the run that the address names, once the page knows which labs and images it has. */
function route(): void {
  const name = labOf(location.hash);
  lab.value = labs.value.find((l) => l.name === name);
  if (name === undefined) return void visit(placeOf(location.hash));
  void visit(undefined);
  if (!lab.value) problem.value = `This page has no lab “${name}”.`;
}

function App() {
  const [, setHash] = useState(location.hash);
  // Before anybody can click: an effect that waits for the first frame misses a click that comes earlier.
  useLayoutEffect(() => {
    const moved = (): void => {
      if (location.hash === here) return;
      here = location.hash;
      setHash(here);
      if (here !== '#/own') void ready.then(route);
    };
    addEventListener('hashchange', moved);
    addEventListener('popstate', moved);
    return () => { removeEventListener('hashchange', moved); removeEventListener('popstate', moved); };
  }, []);
  const s = session.value;
  return (
    <>
      <a class="skip" href="#main" onClick={(e) => { e.preventDefault(); document.querySelector<HTMLElement>('#main')?.focus(); }}>
        Skip to content
      </a>
      <header class="top">
        <a class="brand" href="#/"><Mark />Tessera</a>
        {s && lab.value && <a class="button quiet" href={`#/lab/${lab.value.name}`}><Icon name="left" />Back to the lab</a>}
        {(s || lab.value) && <a class="button quiet" href="#/"><Icon name="left" />{lab.value ? 'First screen' : 'All scenarios'}</a>}
        <span class="spring" />
        <button class="quiet" onClick={toggleTheme} aria-pressed={dark.value} title="Light or dark">
          <Icon name="sun" />
          <span class="label">{dark.value ? 'Dark' : 'Light'}</span>
        </button>
      </header>
      {problem.value && <p class="note" role="alert">{problem.value}</p>}
      {s ? <Workspace session={s} again={again} share={share} tour={tour.value} setTour={(step) => { tour.value = step; }} />
        : lab.value ? <Lab key={lab.value.name} info={lab.value} open={openTrace} />
        : <Home images={images.value} labs={labs.value} start={start} openTrace={openTrace} />}
    </>
  );
}

/** Labs that this page has. */
async function lookForLabs(): Promise<void> {
  try {
    labs.value = (await (await fetch('labs/index.json')).json()) as LabInfo[];
  } catch { /* a page without labs */ }
}

/** Debian's files, if the page was built with them. */
async function lookForImages(): Promise<void> {
  try {
    const answer = await fetch('images/index.json');
    if (answer.ok)
      images.value = new Map(Object.entries((await answer.json()) as Record<string,
        string>).map(([name, file]) => [name, `images/${file}`]));
  } catch { /* a page without images */ }
}

effect(() => {
  document.title = lab.value && !session.value ? `${lab.value.title} · Tessera`
    : session.value?.title.value ? `${session.value.title.value} · Tessera`
    : 'Tessera';
});
render(<App />, document.getElementById('app')!);
const ready = Promise.all([lookForImages(), lookForLabs()]);
if (location.hash.length > 2) void ready.then(route);
else {
  // Loads the machine's code before the first click.
  setTimeout(prepare, 50);
}
if ('serviceWorker' in navigator && location.protocol !== 'file:') void navigator.serviceWorker.register('sw.js').catch(() => undefined);
