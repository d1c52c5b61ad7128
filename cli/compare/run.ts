/** One guest under one technique: time and exits of each phase. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MemoryDisk } from '../../library/disk.ts';
import { TRACE_RECORD, type TraceSink } from '../../microkernel/abi/index.ts';
import { HPM_EVENT } from '../../machine/hart/hpm.ts';
import type { Machine } from '../../machine/machine.ts';
import type { Scenario } from '../../roottask/scenario.ts';
import { machineComponent, machineWorld } from '../../scenarios/machine-world.ts';
import { boardMemory } from '../../system/ram.ts';
import { RAM_BASE } from '../../vmm/ram.ts';
import { bootScenario } from '../../system/system.ts';
import { RecordView } from '../../trace/record.ts';
import { runBare } from '../bare.ts';
import { CliError } from '../errors.ts';
import { CostCounter, type Costs, type Modes } from './costs.ts';
import type { Moment } from './digests.ts';
import { ExitCounter, noExits, type ExitCounts } from './exits.ts';
import { watchHosted, watchNative, type Markers } from './markers.ts';
import type { Sameness } from './same.ts';
import { DISK_BYTES, SETTLE, marker, type Phase } from './workload.ts';
import { removeFolder, temporaryFolder } from '../temporary.ts';

/** A way to run the guest. `native`: directly on the machine, under the built-in firmware. */
export interface Way {
  readonly name: string;
  readonly virt: 'native' | 'hardware' | 'trap' | 'patch' | 'pre';
  readonly shadow?: 'sync' | 'traced';
  readonly lookAhead?: boolean;
}
export const WAYS: readonly Way[] = [
  { name: 'native', virt: 'native' }, { name: 'hardware', virt: 'hardware' },
  { name: 'hardware, ahead', virt: 'hardware', lookAhead: true },
  { name: 'trap', virt: 'trap', shadow: 'sync' },
    { name: 'trap, traced', virt: 'trap', shadow: 'traced' }, { name: 'trap, ahead', virt: 'trap', shadow: 'sync', lookAhead: true },
  { name: 'patch', virt: 'patch' }, { name: 'pre', virt: 'pre' },
];

/** `initrd`: with the workload; without one the guest runs as it does, from its start to its end. */
export interface Input { readonly kernel: Uint8Array; readonly kernelPath: string; readonly initrd: Uint8Array | undefined;
  readonly append: string;
  /** The list of `tessera afterburn` for the kernel, if it names its functions. */ readonly sites: string | undefined;
  readonly memory: number; readonly cpu: string | undefined; readonly phases: readonly Phase[];
  /** Where the guest sets markers; the extensions that it has, natively as well. */
  readonly markers: Markers; readonly isa: string | undefined;
  /** Cycles of a time slice: another guest computes on the same hart. */ readonly slice?: number;
  /** The guest's registers are saved and loaded at each exit. */ readonly copied?: boolean }
/**
 * `nsEach`: by the guest's own clock, one operation; of `boot`, the whole. `cpuSeconds`: of the host. `instructions`: of the machine,
 * where it is known.
 */
export interface PhaseResult { readonly name: string; readonly n: number; readonly nsEach: number; readonly cpuSeconds: number;
  readonly instructions: number | undefined; readonly modes: Modes | undefined; readonly exits: ExitCounts }
/** `said`: the guest's console output. */
export interface WayResult { readonly way: string; readonly phases: readonly PhaseResult[]; readonly said: string;
  readonly costs: Costs;
  /** How often it got the hart. */ readonly turns?: number;
  /** Against the native one. */ readonly same?: Sameness }
/** … and what it saw at its markers. */
export interface Run { readonly result: WayResult; readonly moments: readonly Moment[] }

/** A moment at which a phase begins. */
interface Now { readonly cycle: number; readonly instructions: number | undefined; readonly modes: Modes | undefined }
interface Mark extends Now { readonly phase: string; readonly cpu: number }
const cpuNow = (): number => { const { user, system } = process.cpuUsage(); return (user + system) / 1e6; };

/** Reads markers and programs' figures from the console. */
class Reader {
  text = '';
  readonly marks: Mark[] = [];
  readonly #expected: string[];
  readonly #now: () => Now;
  constructor(phases: readonly string[], now: () => Now) {
    this.#now = now;
    this.#expected = [...phases, 'end'];
    this.#mark();
  }
  /** The guest has ended. Without a workload this ends the only phase. */
  ended(known: Partial<Now> = {}): void {
    if (this.#expected.length !== 1 || this.marks.length !== 1) return;
    this.#mark();
    Object.assign(this.marks[1]!, known);
  }
  #mark(): void { this.marks.push({ phase: this.#expected.shift()!, cpu: cpuNow(), ...this.#now() }); }
  more(text: string): void {
    this.text += text;
    while (this.#expected.length > 0 && this.text.includes(marker(this.#expected[0]!))) this.#mark();
  }
  get done(): boolean { return this.#expected.length === 0; }
}

/** The phases of a guest by name: those of the workload, or one for the whole run. */
const namesOf = ({ initrd, phases }: Input): string[] => (initrd ? ['boot', SETTLE.name, ...phases.map((p) => p.name)] : ['boot']);

export async function runWay(way: Way, input: Input): Promise<Run> {
  const counts: ExitCounts[] = [], { reader, moments, costs, turns } = way.virt === 'native' ? await native(input)
    : await hosted(way, input, counts);
  if (!reader.done) throw new CliError('E_GUEST',
    `under ${way.name} the guest did not come to the end of its work: ${lastLine(reader.text)}`);
  const phases = namesOf(input).flatMap((name, i) =>
    (name === SETTLE.name ? [] : result(name, i, reader, input.phases, counts[i] ?? noExits())));
  return { result: { way: way.name, phases, said: reader.text, costs, ...(turns !== undefined && { turns }) }, moments };
}
const lastLine = (text: string): string => JSON.stringify(text.trimEnd().split('\n').at(-1) ?? '');

function result(name: string, i: number, { marks, text }: Reader, phases: readonly Phase[], exits: ExitCounts): PhaseResult {
  const from = marks[i]!, to = marks[i + 1]!, phase = phases.find((p) => p.name === name);
  const instructions = from.instructions === undefined || to.instructions === undefined ? undefined : to.instructions - from.instructions;
  const modes = from.modes && to.modes && { u: to.modes.u - from.modes.u, vs: to.modes.vs - from.modes.vs,
    vu: to.modes.vu - from.modes.vu };
  return { name, n: phase?.n ?? 1, nsEach: phase ? said(text, phase) : readyAt(text) ?? to.cycle - from.cycle,
    cpuSeconds: to.cpu - from.cpu, instructions, modes, exits };
}
/** Parses a program's line: 'getppid: 20000 calls, 317 ns each'. */
function said(text: string, { name, command, says }: Phase): number {
  const all = says?.all.exec(text)?.[1];
  if (says && all !== undefined) return Number(all) * says.unit;
  const program = command.split(' ')[0]!.split('/').at(-1)!,
    [, n, unit] = new RegExp(`${program}: \\d+ [a-z ]+, (\\d+) (ns|us) each`).exec(text) ?? [];
  if (n === undefined) throw new CliError('E_GUEST', `the guest's ${name} did not say how long it took: ${lastLine(text)}`);
  return Number(n) * (unit === 'us' ? 1000 : 1);
}
/** The kernel's own clock when it ran init, in ns. */
function readyAt(text: string): number | undefined {
  const [, seconds] = /\[ *(\d+\.\d+)\] Run \/init as init process/.exec(text) ?? [];
  return seconds === undefined ? undefined : Math.round(Number(seconds) * 1e9);
}

interface Watched { readonly reader: Reader; readonly moments: readonly Moment[]; readonly costs: Costs;
  readonly turns?: number }
/** States of a component that has come to its end. */
const ENDED: ReadonlySet<string> = new Set(['exited', 'crashed', 'killed']);
/** `j .`, and a machine that does nothing else. */
const SPIN = Uint8Array.of(0x6f, 0, 0, 0);
const rival = (slice: number) => machineComponent({ kernel: 'rival', memory: 8 << 20, more: { raw: true, slice } }, {});


async function hosted(way: Way, input: Input, counts: ExitCounts[]): Promise<Watched> {
  const { append, memory, cpu, initrd } = input, modules = [{ name: 'kernel', bytes: input.kernel },
    ...(initrd ? [{ name: 'initrd', bytes: initrd }] : []),
    ...(way.virt === 'pre' ? [{ name: 'sites', bytes: new TextEncoder().encode(input.sites) }] : [])];
  const more = { seed: 1, virt: way.virt, rebootIsExit: true, ...(way.shadow && { shadow: way.shadow }),
    ...(way.virt === 'pre' && { sites: 'sites' }),
    ...(way.lookAhead && { lookAhead: true }), ...(input.slice && { slice: input.slice }) };
  if (input.slice) modules.push({ name: 'rival', bytes: SPIN });
  const world = (bytes: number): Scenario => {
    const alone: Scenario = { ...machineWorld({ kernel: 'kernel', initrd: initrd && 'initrd', append, memory: bytes, disks: 1, more }),
      ...(input.copied && { guestState: 'copied' }) };
    return input.slice ? { ...alone, components: { ...alone.components, rival: rival(input.slice) } } : alone;
  };
  const counter = new ExitCounter(), whole = new CostCounter(), decoder = new TextDecoder();
  const phaseAt = (time: number): number => {
    let i = reader.marks.length - 1;
    while (i > 0 && reader.marks[i]!.cycle > time) i--;
    return i;
  };
  const system = bootScenario(world(memory), {
    modules, consoles: 1, disks: [new MemoryDisk(DISK_BYTES)], pause: () => Promise.resolve(),
    output: (channel, bytes) => {
      if (channel === 'console0') reader.more(decoder.decode(bytes, { stream: true }));
    },
    // The other guest has no end.
    component: (_, { name, state }) => { if (input.slice && name === 'vm' && ENDED.has(state)) system.stop(); },
  }, { memoryBytes: boardMemory(memory, modules, world), seed: 1, ...(cpu !== undefined && { cpu }), trace: sinkFor((record) => {
    const i = phaseAt(record.time);
    counter.see(record, counts[i] ??= noExits());
    whole.see(record);
  }, (kind, id, parent, text) => { counter.name(kind, id, text); whole.name(kind, id, parent, text); }) });
  const { machine } = system, modes = countByMode(machine),
    reader = new Reader(namesOf(input), () => ({ cycle: machine.events.now, instructions: machine.instructions, modes: modes() }));
  const moments = watchHosted(machine, system.kernel, { base: RAM_BASE, size: memory }, input.markers);
  await system.run();
  reader.ended();
  return { reader, moments, costs: whole.result(modes(), entriesOf(machine.tlb)), turns: whole.turns };
}

/** Sets a counter of each hart to count instructions only in U, VS or VU mode. */
function countByMode({ harts }: Machine): () => Modes {
  const { MINH, SINH, UINH, VSINH, VUINH } = HPM_EVENT, INSTRUCTIONS = 2, all = MINH | SINH | UINH | VSINH | VUINH;
  for (const { hpm } of harts) [UINH, VSINH, VUINH].forEach((mode, i) => { hpm.setEvent(i, INSTRUCTIONS, all & ~mode); });
  const sum = (i: number): number => harts.reduce((n, h) => n + Number(h.hpm.value(i)), 0);
  return () => ({ u: sum(0), vs: sum(1), vu: sum(2) });
}

/** Records one by one, without a recorder. */
function sinkFor(see: (record: RecordView) => void, name: TraceSink['name']): TraceSink {
  const view = new RecordView();
  return {
    name,
    drain: (bytes, first) => { for (let at = 0, n = first; at < bytes.length; at += TRACE_RECORD, n++) see(view.at(bytes, at, n)); },
  };
}

const entriesOf = ({ entries, stageEntries }: Machine['tlb']): number => entries + stageEntries;

async function native(input: Input): Promise<Watched> {
  const folder = temporaryFolder('compare'), disk = join(folder, 'disk'), stats = join(folder, 'stats');
  const initrd = input.initrd && join(folder, 'initrd');
  writeFileSync(disk, new Uint8Array(DISK_BYTES));
  if (initrd !== undefined) writeFileSync(initrd, input.initrd!);
  const reader = new Reader(namesOf(input), () => ({ cycle: 0, instructions: undefined, modes: undefined })), decoder = new TextDecoder();
  let moments: readonly Moment[] = [];
  try {
    await runBare({ kernel: input.kernelPath, initrd, append: input.append, memory: input.memory, cpu: input.cpu, isa: input.isa, stats,
      disks: [{ path: disk, readOnly: false }], observe: (machine) => { moments = watchNative(machine, input.markers); } }, {
      interactive: false, write: (bytes) => { reader.more(decoder.decode(bytes, { stream: true })); return true; }, error: () => {},
        listen: (receive) => { receive(undefined); return () => {}; },
    });
    const { cycles, instructions, tlb } = JSON.parse(readFileSync(stats, 'utf8')) as { cycles: number; instructions: number;
      tlb: Machine['tlb'] };
    reader.ended({ cycle: cycles, instructions });
    return { reader, moments, costs: { sources: undefined, instructions, entries: entriesOf(tlb), modes: undefined } };
  } finally {
    removeFolder(folder);
  }
}
