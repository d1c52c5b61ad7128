/**
 * From outcomes to classes, and Popek and Goldberg's theorem 1: a monitor can be built when every sensitive instruction is privileged. An
 * instruction is sensitive if it changes the machine's control state without a trap, or if its result depends on that state; it is
 * privileged if it traps in the guest's mode.
 */
import type { CpuModel } from '../cpu/switch.ts';
import { DEFAULT_ISA, isaOf } from '../board/isa.ts';
import { Machine } from '../machine.ts';
import { Bench, type Outcome } from './bench.ts';
import { samplesFor, type Sample } from './samples.ts';
import { MODES, World, type Mode, type State } from './world.ts';

/** One sample (an instruction, or a read or write of a CSR) in one mode. */
export interface Behaviour {
  /** `closed`: it traps only when the monitor has enabled every trap it can. */
  readonly traps: 'always' | 'closed' | 'never';
  /** State that it changes besides the program's registers and memory. */
  readonly changes: readonly string[];
  /**
   * State that its result depends on besides the program's registers and memory: `registers`, `guest registers`, `place`, `time`, `mode`.
   */
  readonly depends: readonly string[];
}
export type Class = 'privileged' | 'control-sensitive' | 'behaviour-sensitive' | 'innocuous' | 'always traps';
export interface Thing {
  readonly name: string;
  readonly kind: Sample['kind'];
  /** Its classes on the machine itself, for a supervisor and its programs; several can apply. */
  readonly classes: readonly Class[];
  readonly modes: Readonly<Partial<Record<Mode, Behaviour>>>;
  /** Without a trap it gives a guest's supervisor another result than the machine's supervisor. */
  readonly differs: boolean;
}
/** An instruction that violates the theorem's condition in one mode; `closed`: the monitor can make it trap. */
export interface Exception { readonly name: string; readonly mode: Mode; readonly why: string; readonly closed: boolean }
export interface Pair {
  readonly name: string;
  readonly holds: 'yes' | 'closed' | 'no';
  readonly sensitive: number;
  readonly privileged: number;
  readonly exceptions: readonly Exception[]
}
export interface Classification { readonly model: string; readonly things: readonly Thing[]; readonly pairs: readonly Pair[] }

const MIB = 2 ** 20;
/** Physical memory of the trials: after the kseg0 window where there is one. */
const BASE = 0x8000_0000, BEHIND_WINDOW = 0xa000_0000;

export function classify(model: CpuModel): Classification {
  const base = model.kseg0 ? BEHIND_WINDOW : BASE;
  const machine = new Machine({ memoryBytes: base - BASE + 16 * MIB, cpu: model, engine: 'interp' }), { h: hypervisor } = machine.features;
  const world = new World(machine, base), samples = samplesFor(world, isaOf(model, DEFAULT_ISA));
  world.load(samples.map((s) => s.word));
  const bench = new Bench(world), modes = MODES.filter((mode) => hypervisor || !mode.startsWith('V'));
  const names = [...new Set(samples.map((s) => s.name))], numbered = samples.map((sample, i) => ({ sample, at: world.codeAddress(i) }));
  const things = names.map((name) => thingOf(bench, numbered.filter(({ sample }) => sample.name === name), modes));
  const pairs = [inUser(things), ...(hypervisor ? [inGuest(things)] : [])];
  return { model: model.text, things, pairs };
}

interface Placed { readonly sample: Sample; readonly at: number }

function thingOf(bench: Bench, placed: readonly Placed[], modes: readonly Mode[]): Thing {
  const { name, kind } = placed[0]!.sample;
  const tried = placed.map(({ sample, at }) => new Trial(bench, sample, at, modes));
  const behaviours = Object.fromEntries(modes.map((mode) => [
    mode, merged(tried.map((t) => t.behaviour(mode)))
  ])) as Partial<Record<Mode, Behaviour>>;
  return { name, kind, modes: behaviours, classes: classesOf(behaviours.U!, behaviours.S!), differs: tried.some((t) => t.differs) };
}

/** All outcomes of one sample. */
class Trial {
  readonly #run: (mode: Mode, state: State) => Outcome;
  readonly #known = new Map<string, Outcome>();
  readonly #modes: readonly Mode[];

  /** Memory can move without the program noticing. */
  readonly #relocates: boolean;

  constructor(bench: Bench, sample: Sample, at: number, modes: readonly Mode[]) {
    this.#relocates = bench.world.translated;
    this.#modes = modes;
    this.#run = (mode, state) => bench.run(at, mode, state, sample.registers);
  }

  #outcome(mode: Mode, state: State): Outcome {
    const key = `${mode} ${state}`, known = this.#known.get(key) ?? this.#run(mode, state);
    this.#known.set(key, known);
    return known;
  }

  behaviour(mode: Mode): Behaviour {
    const open = this.#outcome(mode, 'open');
    if (open.trap !== undefined) return { traps: 'always', changes: [], depends: [] };
    return {
      traps: this.#outcome(mode, 'closed').trap === undefined ? 'never' : 'closed', changes: open.effects,
      depends: this.#depends(mode, open)
    };
  }

  #depends(mode: Mode, open: Outcome): string[] {
    if (this.#run(mode, 'open').result !== open.result) return ['time'];
    const other = (state: State): boolean => {
      const outcome = this.#outcome(mode, state);
      return outcome.trap !== open.trap || outcome.result !== open.result;
    };
    const twin: Mode = mode === 'S' ? 'U' : mode === 'U' ? 'S' : mode === 'VS' ? 'VU' : 'VS',
      there = this.#modes.includes(twin) ? this.#outcome(twin, 'open') : undefined;
    return [
      ...(other('host') ? ['registers'] : []), ...(other('guest') ? ['guest registers'] : []),
      ...(this.#relocates && other('elsewhere') ? ['place'] : []),
      ...(there && there.trap === undefined && there.result !== open.result ? ['mode'] : []),
    ];
  }

  get differs(): boolean {
    if (!this.#modes.includes('VS')) return false;
    const [native, guest] = [this.#outcome('S', 'open'), this.#outcome('VS', 'open')];
    return native.trap === undefined && guest.trap === undefined && native.result !== guest.result
      && this.#run('S', 'open').result === native.result;
  }
}

function merged(list: readonly Behaviour[]): Behaviour {
  const free = list.filter((b) => b.traps !== 'always'),
    all = (key: 'changes' | 'depends'): string[] => [...new Set(list.flatMap((b) => b[key]))];
  return {
    traps: free.length === 0 ? 'always' : free.every((b) => b.traps === 'closed') ? 'closed' : 'never', changes: all('changes'),
    depends: all('depends')
  };
}

/** On the machine itself: the supervisor in S mode, its programs in U mode. */
function classesOf(user: Behaviour, supervisor: Behaviour): Class[] {
  if (supervisor.traps === 'always') return ['always traps'];
  const found: Class[] = [];
  if (user.traps === 'always') found.push('privileged');
  if (supervisor.changes.length > 0) found.push('control-sensitive');
  if (supervisor.depends.length > 0) found.push('behaviour-sensitive');
  return found.length > 0 ? found : ['innocuous'];
}

const isSensitive = (t: Thing): boolean => t.classes.includes('control-sensitive') || t.classes.includes('behaviour-sensitive');

/** A guest's supervisor in U mode: what is sensitive in S mode has to trap in U mode. */
function inUser(things: readonly Thing[]): Pair {
  const sensitive = things.filter(isSensitive), exceptions = sensitive.flatMap((thing) => {
    const { U: behaviour, S: kernelMode } = thing.modes;
    return behaviour!.traps === 'always'
      ? []
      : [{
        name: thing.name, mode: 'U' as const, why: why(kernelMode!.changes, kernelMode!.depends), closed: behaviour!.traps === 'closed',
      }];
  });
  return pair('guest supervisor in U', things.filter((t) => t.classes.includes('privileged')).length, sensitive.length, exceptions);
}

/** The guest's own state: its copies of registers, its mode, its translations. */
const own = (effect: string): boolean => /^vs|^mode$|^TLB of a guest$/.test(effect);
const ownSource = (source: string): boolean => source === 'guest registers' || source === 'mode';

/** A guest in VS and VU: an instruction that changes or depends on the machine's own state has to trap there. */
function inGuest(things: readonly Thing[]): Pair {
  const exceptions = things.flatMap((thing) => (['VS', 'VU'] as const).flatMap((mode) => {
    const { traps, changes, depends } = thing.modes[mode]!, changed = changes.filter((c) => !own(c)),
      used = depends.filter((d) => !ownSource(d));
    return changed.length + used.length === 0 ? [] : [{ name: thing.name, mode, why: why(changed, used), closed: traps === 'closed' }];
  }));
  const sensitive = things.filter(isSensitive),
    trapping = things.filter((t) => t.classes[0] !== 'always traps' && t.modes.VS!.traps === 'always');
  return pair('guest in VS', trapping.length, sensitive.length, exceptions);
}

function pair(name: string, privileged: number, sensitive: number, exceptions: readonly Exception[]): Pair {
  return {
    name, holds: exceptions.length === 0 ? 'yes' : exceptions.every((e) => e.closed) ? 'closed' : 'no', privileged, sensitive, exceptions
  };
}

const why = (changes: readonly string[], depends: readonly string[]): string =>
  [
    ...(changes.length > 0 ? [`changes ${changes.join(', ')}`] : []), ...(depends.length > 0 ? [`depends on ${depends.join(', ')}`] : [])
  ].join(
    '; ');
