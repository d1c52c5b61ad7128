/** `boot --caps` and `boot --maps`: the initial capabilities of components, and the memory layout of a component's tasks. */
import { differences, heldBy, manifestOf, type Held } from '../system/capabilities.ts';
import { mapsOf, tasksOf, type Range } from '../system/maps.ts';
import { sizeText } from '../roottask/scenario.ts';
import type { ComponentState, Scenario } from '../index.ts';
import type { Booted } from '../system/host.ts';
import { visible } from '../trace/visible.ts';
import { CliError } from './errors.ts';

/** Cycles between two samples of the maps. */
export const LOOK_EVERY = 1_000_000;
/** Tasks and ranges shown. */
const MOST_TASKS = 12, MOST_RANGES = 40;

export class Looks {
  private readonly scenario: Scenario;
  private readonly caps: string | true | undefined;
  private readonly maps: string | undefined;
  private readonly held = new Map<string, Held[]>();
  /** The last layout of each task, by number. */
  private readonly layouts = new Map<number, { readonly name: string; readonly ranges: readonly Range[] }>();

  /** `caps`: of this component, or of all; `maps`: of this component. Throws CliError for an unknown one. */
  constructor(scenario: Scenario, caps: string | true | undefined, maps: string | undefined) {
    this.scenario = scenario;
    this.caps = caps;
    this.maps = maps;
    for (const [option, name] of [['--caps', caps], ['--maps', maps]] as const) {
      if (typeof name !== 'string' || scenario.components[name]) continue;
      throw new CliError('E_OPTION',
        `option ${option}: there is no component '${name}'`, `there are ${Object.keys(scenario.components).join(', ')}`);
    }
  }
  get asksMaps(): boolean { return this.maps !== undefined; }

  component({ kernel, tally }: Booted, { name, state }: ComponentState): void {
    const task = tally.taskNamed(name), isWanted = this.caps === true || this.caps === name;
    if (!isWanted || state !== 'running' || this.held.has(name) || task === undefined) return;
    this.held.set(name, heldBy(kernel, task, (t) => (t === 1 ? 'roottask' : tally.nameOf(t))));
  }
  look({ kernel, tally }: Booted): void {
    const own = this.maps === undefined ? undefined : tally.taskNamed(this.maps);
    if (own === undefined) return;
    for (const task of tasksOf(kernel, own)) this.layouts.set(task.id, { name: tally.nameOf(task.id), ranges: mapsOf(task) });
  }

  /** Everything as text, and whether all components have what the scenario lists. */
  text(): { text: string; same: boolean } {
    const caps = [...this.held].map(([name, held]) => this.table(name, held));
    const maps = [...this.layouts.values()].slice(0, MOST_TASKS).map(({ name, ranges }) => layout(name, ranges));
    return { text: [...caps.map((c) => c.text), ...maps].join('\n'), same: caps.every((c) => c.same) };
  }
  private table(name: string, held: readonly Held[]): { text: string; same: boolean } {
    const manifest = manifestOf(this.scenario, name), wrong = differences(held, manifest);
    const lines = held.map((h) => `  ${String(h.selector).padStart(4)}  ${h.kind.padEnd(13)} ${(manifest.find((m) =>
      m.selector === h.selector)?.name ?? '').padEnd(18)} `
      + `${h.rights.padEnd(16)} ${visible(h.leads)}`.trimEnd());
    const verdict = wrong.length === 0 ? 'as the scenario lists' : wrong.join('; ');
    return { text: `${name} held ${held.length} capabilities when it began, ${verdict}\n${lines.join('\n')}\n`, same: wrong.length === 0 };
  }
}

function layout(name: string, ranges: readonly Range[]): string {
  const hex = (n: number): string => `0x${n.toString(16).padStart(10, '0')}`;
  const lines = ranges.slice(0,
    MOST_RANGES).map((r) => `  ${hex(r.from)} … ${hex(r.to)}  ${r.rights}  ${sizeText(r.to - r.from)}${r.pinned ? '  the kernel\'s' : ''}`);
  const more = ranges.length > MOST_RANGES ? [`  … and ${ranges.length - MOST_RANGES} more`] : [];
  return `memory of ${visible(name)}\n${[...lines, ...more].join('\n')}\n`;
}
