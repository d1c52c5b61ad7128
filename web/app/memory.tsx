/** Memory: the RAM as a mosaic of its owners, the address space of one task, and the chain of grants of one piece. */
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { cyclesText } from '../../trace/index.ts';
import { bytesText, hex } from '../../trace/said.ts';
import type { Range, Snapshot, TaskMemory } from '../worker/memory.ts';
import { hue } from './kinds.ts';
import type { Session } from './session.ts';
import { dark } from './theme.ts';

const EVERY = 500;
const size = (n: number): string => (n >= 2 ** 20 ? `${Math.round(n / 2 ** 20 * 10) / 10} MiB` : bytesText(n));
const rights = (r: number): string => `${r & 1 ? 'r' : '-'}${r & 2 ? 'w' : '-'}${r & 4 ? 'x' : '-'}`;
const tint = (index: number): string => `hsl(${hue(index)} ${dark.value ? '45% 62%' : '52% 46%'})`;

export function Memory({ session }: { session: Session }) {
  const [task, setTask] = useState<number | undefined>(undefined), [range, setRange] = useState<Range | undefined>(undefined);
  useEffect(() => {
    const ask = (): void => session.send({ type: 'memory' });
    ask();
    const timer = setInterval(() => { if (session.phase.value === 'running') ask(); }, EVERY);
    return () => clearInterval(timer);
  }, [session]);
  const taken = session.snapshot.value;
  if (!taken) return <div class="empty">{session.phase.value === 'ended' ? 'The machine is off.' : 'Looking …'}</div>;
  const chosen = taken.tasks.find((t) => t.id === task) ?? taken.tasks.find((t) => t.name === 'linux') ?? taken.tasks.find((t) => t.guest)
    ?? taken.tasks[0];
  return (
    <div class="memory">
      <Mosaic taken={taken} chosen={chosen?.id} over={session.phase.value === 'ended'} />
      <div class="columns">
        <section aria-label="Tasks">
          <h3>Tasks</h3>
          <ul class="tasks">
            {taken.tasks.map((t, i) => (
              <li key={t.id}><button aria-pressed={t.id === chosen?.id} onClick={() => { setTask(t.id); setRange(undefined); }}>
                <span class="swatch" style={{ background: tint(i) }} /><span class="name">{t.name}{t.guest ? ' (guest memory)' : ''}</span>
                <span class="dim">{size(t.bytes)}</span>
              </button></li>
            ))}
          </ul>
          <p class="dim small">
            The kernel itself uses {size(taken.kernelBytes)} for objects, page tables and mapping nodes, each charged to who caused it.
          </p>
        </section>
        {chosen && <Space task={chosen} taken={taken} range={range} choose={setRange} />}
      </div>
    </div>
  );
}

const CELL = 9;
function Mosaic({ taken, chosen, over }: { taken: Snapshot; chosen: number | undefined; over: boolean }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const paint = (): void => {
    const element = canvas.current;
    if (!element) return;
    const width = element.parentElement!.clientWidth, columns = Math.max(8, Math.floor(width / CELL)),
      lines = Math.ceil(taken.tiles.length / columns), ratio = devicePixelRatio || 1, c = element.getContext('2d')!;
    element.width = columns * CELL * ratio;
    element.height = lines * CELL * ratio;
    element.style.width = `${columns * CELL}px`;
    element.style.height = `${lines * CELL}px`;
    c.scale(ratio, ratio);
    const empty = getComputedStyle(document.documentElement).getPropertyValue('--tile').trim();
    taken.tiles.forEach((owner, i) => {
      c.fillStyle = owner === 0 ? empty : tint(owner - 1);
      c.globalAlpha = owner === 0 || chosen === undefined || taken.tasks[owner - 1]?.id === chosen ? 1 : 0.42;
      c.fillRect((i % columns) * CELL, Math.floor(i / columns) * CELL, CELL - 1.5, CELL - 1.5);
    });
  };
  useLayoutEffect(() => {
    paint();
    const watcher = new ResizeObserver(paint);
    watcher.observe(canvas.current!.parentElement!);
    return () => watcher.disconnect();
  });
  return (
    <figure class="mosaic">
      <div>
        <canvas ref={canvas} role="img" aria-label={`RAM of ${size(taken.size)} by owner; the list of tasks says how much each has`} />
      </div>
      <figcaption class="dim small">
        {size(taken.size)} of RAM from {hex(taken.base)}
        ; a tile is {size(taken.tile)} and has the colour of the task that got it last. {over
          && `As it was after ${cyclesText(taken.cycles)}, when most tasks were there.`}
      </figcaption>
    </figure>
  );
}

interface SpaceProps { task: TaskMemory; taken: Snapshot; range: Range | undefined; choose(range: Range): void }
function Space({ task, taken, range, choose }: SpaceProps) {
  const name = (id: number): string => (id === 0 ? 'the kernel' : taken.tasks.find((t) => t.id === id)?.name ?? `task ${id}`),
    shown = range && task.ranges.find((r) => r.va === range.va) ? range : undefined;
  return (
    <section aria-label={`Address space of ${task.name}`}>
      <h3>{task.guest ? 'Guest-physical memory of' : 'Address space of'} {task.name}</h3>
      <div class="scroll-x">
        <table>
          <thead>
            <tr>
              <th scope="col">address</th>
              <th scope="col">size</th>
              <th scope="col">rights</th>
              <th scope="col">from</th>
              <th scope="col">RAM</th>
            </tr>
          </thead>
          <tbody>
            {task.ranges.map((r) => (
              <tr key={r.va} aria-selected={shown?.va === r.va} onClick={() => choose(r)}>
                <td><button class="cell" onClick={() => choose(r)}>{hex(r.va)}</button></td><td>{size(r.size)}</td>
                <td class="mono">{rights(r.rights)}</td><td>{name(r.from)}{r.given ? ', given on' : ''}</td>
                <td class="mono">{hex(r.pa)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {task.left > 0 && <p class="dim small">and {task.left} ranges more</p>}
      {shown && <Hands taken={taken} pa={shown.pa} name={name} />}
    </section>
  );
}

interface Hand { readonly id: number; readonly range: Range; readonly below: Hand[] }
/** The tasks that have this piece of RAM, each below its giver. */
function Hands({ taken, pa, name }: { taken: Snapshot; pa: number; name(id: number): string }) {
  const all: Hand[] = taken.tasks.flatMap((t) =>
    t.ranges.filter((r) => pa >= r.pa && pa < r.pa + r.size).map((range) => ({ id: t.id, range, below: [] })));
  const roots = all.filter((h) => {
    const above = all.find((o) => o !== h && o.id === h.range.from && o.range.given);
    above?.below.push(h);
    return !above;
  });
  const tree = (hands: Hand[]) =>
    <ul>
      {hands.map((h) =>
        <li key={`${h.id}-${h.range.va}`}>
          <strong>{name(h.id)}</strong> at <span class="mono">{hex(h.range.va + (pa - h.range.pa))}</span>
          , <span class="mono">{rights(h.range.rights)}</span>
          {h.below.length > 0 && tree(h.below)}
        </li>)}
    </ul>;
  return <section class="hands" aria-label="Mapping tree">
    <h3>From hand to hand: the page at {hex(pa)}</h3>
    {tree(roots)}
    <p class="dim small">Who takes it back takes it from everybody below, at once.</p>
  </section>;
}
