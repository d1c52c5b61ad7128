/**
 * The whole system: board, kernel, roottask, and the loop that runs it in pieces, so that the host can send input and read output.
 *
 *   const system = bootScenario(scenario, { output: (channel, bytes) => … }, {});
 *   const result = await system.run();
 *
 * A run is a function of the scenario, the modules, the disks, the seed, and the input through the door.
 */
import { entryOf, placeBootInfo } from '../binding/index.ts';
import { createBoard, type Board } from '../machine/board/board.ts';
import { CpuError } from '../machine/cpu/model.ts';
import type { CpuModel } from '../machine/cpu/switch.ts';
import { tapped } from '../machine/net/capture.ts';
import type { HartApi, Machine, NetCard, RunResult } from '../machine/index.ts';
import { placeModules } from '../machine/loader/modules.ts';
import type { RecordWatch } from '../microkernel/abi/index.ts';
import { Kernel } from '../microkernel/index.ts';
import { rootTask, startOrder, type ComponentState } from '../roottask/root/main.ts';
import { bytesOfSize, sizeText, type Expectation, type Scenario } from '../roottask/scenario.ts';
import type { Capture, PayloadSink } from './capture/capture.ts';
import { ChannelEnd } from './channel.ts';
import { FilesDoor } from './folders/door.ts';
import { deviceList } from './devices.ts';
import { kernelMemoryFor, ramFor } from './ram.ts';
import type { Arrival, Channel, Host, Result, SystemOptions } from './host.ts';
import { Pace } from './pace.ts';
import { hostedModel, processorOf } from './processor.ts';
import { pause } from './pause.ts';
import { Tally } from './tally.ts';
import { Watch } from './watch.ts';

const MIB = 1 << 20, PAGE = 4096;
/** Cycles between two checks for outside input; fewer if a person waits for an echo. */
const PIECE = { batch: 20_000_000, paced: 4_000_000 } as const;

/** A system cannot be created from this; the message tells the user why. */
export class SystemError extends Error {}
/** There is no such processor, or the microkernel cannot run on it. */
export class ProcessorError extends SystemError {}

export class System {
  readonly scenario: Scenario;
  readonly machine: Machine;
  readonly kernel: Kernel;
  readonly tally: Tally;
  readonly components = new Map<string, ComponentState>();
  private readonly capture: Capture | undefined;
  private readonly board: Board;
  private readonly host: Host;
  private readonly options: SystemOptions;
  private readonly cpu: CpuModel;
  private readonly ends = new Map<Channel, ChannelEnd>();
  private readonly watches = new Map<Channel, Watch>();
  private readonly open: Set<Channel>;
  private verdict: { status: number; why: string } | undefined;
  private over: Result | undefined;
  private untilSeen = false;
  private wake: (() => void) | undefined;
  /** Wall clock (ms) since the system became idle; cycle at which input that arrived since then enters. */
  private idleSince: number | undefined;
  private idleEnd = 0;
  /** Input that waits for that cycle. */
  private late = 0;
  private readonly startedAt = performance.now();

  constructor(scenario: Scenario, host: Host, options: SystemOptions) {
    check(scenario);
    this.scenario = scenario;
    this.host = host;
    this.options = options;
    this.cpu = modelOf(scenario, options);
    this.open = new Set(host.door?.arrivals ? [] : host.inputs ?? []);
    this.addChannel('uart');
    for (let i = 0; i < (host.consoles ?? 0); i++) this.addChannel(`console${i}`);
    this.capture = options.trace && 'payload' in options.trace ? options.capture?.(options.trace as PayloadSink) : undefined;
    this.tally = new Tally(this.capture ?? options.trace);
    this.board = this.makeBoard();
    this.machine = this.board.machine;
    this.kernel = this.makeKernel();
    this.machine.harts[0]!.kick();
    for (const arrival of host.door?.arrivals ?? [])
      if (!arrival.channel.startsWith('files')) this.machine.events.at(arrival.cycle, () => this.letIn(arrival));
  }

  // ---- making it ----------------------------------------------------------------------------------------------------

  private addChannel(channel: Channel): void {
    const watch = new Watch();
    const endings = Object.values(this.scenario.endings ?? {}).flatMap((ending) => ending.expect ?? []);
    for (const expectation of [...(this.scenario.expect ?? []), ...endings, ...this.texts()]) watch.add(expectation);
    this.watches.set(channel, watch);
    this.ends.set(channel, new ChannelEnd(() => this.flush(channel)));
  }
  private texts(): Expectation[] {
    const texts = (this.scenario.actions ?? []).flatMap(a => a.afterText ?? []);
    return [...texts, ...(this.options.until === undefined ? [] : [this.options.until])].map(text => ({ text }));
  }
  private makeBoard(): Board {
    const { options, host, scenario } = this;
    const memoryBytes = options.memoryBytes ?? (scenario.ram === undefined ? ramFor(scenario, host.modules ?? [])
      : bytesOfSize(scenario.ram));
    const supervisor = { trap: (hart: HartApi) => this.kernel.trap(hart), wake: (hart: HartApi) => this.kernel.wake(hart) };
    const consoles = [...this.ends].filter(([c]) => c !== 'uart').map(([, end]) => end);
    try {
      return createBoard({
        memoryBytes, harts: options.harts ?? scenario.harts ?? 1, cpu: this.cpu, isa: options.isa, engine: options.engine,
          seed: options.seed, startMs: options.startMs,
        supervisor, console: this.ends.get('uart')!, virtioConsoles: consoles, disks: host.disks, nets: this.watched(host.nets),
          files: this.folders(),
      });
    } catch (error) {
      if (error instanceof RangeError)
        throw new SystemError(`a board with ${sizeText(memoryBytes)} of memory cannot be made: ${error.message}`);
      throw error;
    }
  }
  /** The network cards; if payload is captured, their frames are captured too. */
  private watched(nets: readonly NetCard[] | undefined): readonly NetCard[] | undefined {
    const { capture } = this;
    return capture ? nets?.map((card, n) => ({ ...card, connect: tapped(card.connect, (c) => capture.frame(n, c)) })) : nets;
  }
  /** Answers of folders pass the door, like all outside input. */
  private folders() {
    const { host } = this, { door } = host;
    const clock = {
      now: () => this.machine.events.now,
      at: (cycle: number, act: () => void) => { this.machine.events.at(cycle, act); },
      soon: (act: () => void) => { this.machine.input(act); this.wake?.(); },
    };
    return host.folders?.map(({ tag, port }, n) => {
      const files = new FilesDoor(`files${n}`, port, clock, (a) => door?.passed?.(a), door?.arrivals);
      return { tag: new TextEncoder().encode(tag), request: (message: Uint8Array, reply: (bytes: Uint8Array) => void) =>
        files.request(message, reply) };
    });
  }
  private makeKernel(): Kernel {
    const { host, scenario, board, options } = this, modules = host.modules ?? [], kernelMemory = kernelMemoryFor(scenario);
    const { memory } = board.machine, { base, size } = memory, fixed = kernelMemory + modules.reduce((n, m) => n + m.bytes.length, 0);
    if (size - fixed < 8 * MIB)
      throw new SystemError(`${sizeText(size)} of memory are too little: kernel memory and boot modules take ${sizeText(fixed)} of it`);
    const end = base + size, top = Math.floor((end - kernelMemory) / PAGE) * PAGE, placed = placeModules(memory, top, modules);
    const devices = deviceList(board), free = (placed[0]?.base ?? top) - base, info = placeBootInfo(memory, top, {
      memory: [{ base, size: free }], modules: placed, devices, harts: board.machine.harts.length, seed: options.seed ?? 0,
      options: JSON.stringify({ scenario: scenario.name, processor: processorOf(this.cpu, this.options.isa) }),
    });
    return new Kernel({
      machine: board.machine, devices, modules: placed, info, kernelMemory: end - top - info.size,
      trace: this.tally, watch: watchOf(this.capture, options.watch), log: host.kernelLog,
      guestState: scenario.guestState,
      root: entryOf(rootTask(scenario, {
        changed: state => { this.components.set(state.name, state); this.host.component?.(this, state); },
        trouble: (component, text) => host.trouble?.(component, text),
        finished: (status, why) => { this.verdict = { status, why }; },
        appeared: text => [...this.watches.values()].some(w => w.has({ text })),
      })),
    });
  }

  // ---- what the host does -------------------------------------------------------------------------------------------

  /** Bytes from outside. Ignored during a replay. */
  input(channel: Channel, data: Uint8Array): void { this.arrive({ cycle: 0, channel, kind: 'bytes', data }); }
  /** Ends the input of this channel. */
  endInput(channel: Channel): void {
    this.open.delete(channel);
    this.arrive({ cycle: 0, channel, kind: 'end' });
  }
  /** The terminal has this size. */
  resize(channel: Channel, columns: number, rows: number): void { this.arrive({ cycle: 0, channel, kind: 'size', columns, rows }); }
  /** Ends the run at the next opportunity: Ctrl-C. */
  stop(): void {
    this.over ??= { status: 130, ending: 'stopped', why: 'stopped', missing: [] };
    this.machine.stop({ kind: 'stopped' });
    this.wake?.();
  }
  /** Adds the guests' current page tables to a recording that somebody reads while it grows. */
  snapshot(): void { this.capture?.finish(); }
  /** Names of the capture that no task has had. */
  get unmetPayload(): readonly string[] { return this.capture?.unmet ?? []; }
  /** The system is idle: only outside input can continue it. */
  get idle(): boolean { return this.idleSince !== undefined; }
  get wallSeconds(): number { return (performance.now() - this.startedAt) / 1000; }

  private arrive(arrival: Arrival): void {
    if (this.host.door?.arrivals) return;
    this.passIdleTime();
    const { now } = this.machine.events, cycle = this.idleEnd;
    // (while earlier input waits for that cycle, later input waits behind it)
    if (cycle > now || this.late > 0) {
      this.late++;
      this.machine.events.at(cycle, () => { this.late--; this.letIn({ ...arrival, cycle }); });
    } else this.machine.input(() => this.letIn({ ...arrival, cycle: this.machine.events.now }));
    this.wake?.();
  }
  /** Idle time on the wall clock passes in virtual time too, so input that arrives now enters that much later. */
  private passIdleTime(): void {
    if (this.idleSince === undefined || !this.options.paced) return;
    this.idleEnd = this.machine.events.now + Math.floor((performance.now() - this.idleSince) * 1e6);
    this.idleSince = undefined;
  }
  private letIn(arrival: Arrival): void {
    this.host.door?.passed?.(arrival);
    if (arrival.channel.startsWith('net')) {
      if (arrival.kind === 'bytes') this.host.netInput?.(Number(arrival.channel.slice('net'.length)), arrival.data);
      return;
    }
    const end = this.ends.get(arrival.channel), console = this.board.consoles[Number(arrival.channel.slice('console'.length))];
    if (arrival.kind === 'bytes') end?.send(arrival.data);
    else if (arrival.channel !== 'uart')
      console?.resize(arrival.kind === 'size' ? arrival.columns : 0, arrival.kind === 'size' ? arrival.rows : 0);
  }

  /** Passes output on, and checks it for awaited texts. */
  private flush(channel: Channel): void {
    const end = this.ends.get(channel)!;
    if (end.pending === 0) return;
    const bytes = end.drain(), watch = this.watches.get(channel)!;
    this.host.output(channel, bytes);
    if (watch.look(bytes) && this.options.until !== undefined && watch.has({ text: this.options.until })) {
      this.untilSeen = true;
      this.machine.stop({ kind: 'stopped' });
    }
  }

  // ---- running ------------------------------------------------------------------------------------------------------

  /** Runs for at most this many cycles. Returns a result when the run is over, 'idle' when only outside input can continue it. */
  runFor(cycles: number): Result | 'idle' | 'running' {
    if (this.over) {
      this.capture?.finish();
      this.kernel.trace.flush();
      return this.over;
    }
    const { maxInstructions } = this.options, left = maxInstructions === undefined ? undefined
      : Math.max(0, maxInstructions - this.machine.instructions);
    let reason: RunResult;
    try {
      reason = this.machine.run({ maxCycles: cycles, maxInstructions: left });
    } finally {
      for (const channel of this.ends.keys()) this.flush(channel);
    }
    const ended = this.ended(reason);
    if (ended === 'idle' || ended === 'running') return this.over ?? ended;
    this.capture?.finish();
    this.kernel.trace.flush();
    return (this.over = ended);
  }

  /** Runs to the end. */
  async run(): Promise<Result> {
    const usual = this.options.paced ? PIECE.paced : PIECE.batch, pace = new Pace(this.machine.events.now);
    for (;;) {
      if (this.host.gate) await this.host.gate();
      const outcome = this.runFor(Math.max(this.host.piece?.() ?? usual, this.idleEnd - this.machine.events.now));
      if (typeof outcome === 'object') return outcome;
      if (outcome === 'idle') await this.rouse();
      else await this.rest(this.options.paced ? pace.lead(this.machine.events.now) : 0);
      this.wake = undefined;
    }
  }
  /** Resolves when input arrives. */
  private async rouse(): Promise<void> {
    this.idleSince = performance.now();
    await new Promise<void>(resolve => { this.wake = resolve; });
    this.idleSince = undefined;
  }
  private rest(milliseconds: number): Promise<void> {
    if (milliseconds < 1) return this.host.pause?.() ?? pause();
    return new Promise(resolve => {
      const timer = setTimeout(resolve, Math.min(milliseconds, 100));
      this.wake = () => { clearTimeout(timer); resolve(); };
    });
  }

  private ended(reason: RunResult): Result | 'idle' | 'running' {
    if (this.untilSeen) return { status: 0, ending: 'until', why: '', missing: [] };
    switch (reason.kind) {
      case 'poweroff': case 'reset': return this.finished(reason.code);
      case 'stopped': return this.over ?? 'running';
      case 'instructions': return { status: 124, ending: 'limit',
        why: `the limit of ${this.options.maxInstructions} instructions is reached`, missing: this.missing() };
      case 'onlyFaults': return { status: 1, ending: 'crashed', why: `hart ${reason.hart} does nothing but fault`,
        missing: this.missing() };
      case 'deadlock':
        if (this.open.size > 0) return 'idle';
        return { status: 1, ending: 'deadlock', why: `every component waits, and nothing can come any more (${this.waiting()})`,
          missing: this.missing() };
      default: return this.outOfBudget() ?? 'running';
    }
  }
  private finished(code: number): Result {
    const { status, why } = this.verdict ?? { status: code || 1, why: 'the machine was switched off before the scenario was over' },
      missing = this.missing();
    const sentence = why || (missing.length ? `did not appear: ${missing.join(', ')}` : this.options.until === undefined ? ''
      : `'${this.options.until}' did not appear`);
    return { status: status || (sentence ? 1 : 0), ending: 'finished', why: sentence, missing };
  }
  private outOfBudget(): Result | undefined {
    const { budget } = this.scenario;
    if (budget === undefined || this.machine.events.now < budget) return undefined;
    return { status: 1, ending: 'budget', why: `not over after ${budget} cycles (${this.waiting()})`, missing: this.missing() };
  }
  /** Whether this text, which the scenario or one of its endings expects, has appeared. */
  hasAppeared(e: Expectation): boolean { return [...this.watches.values()].some(w => w.has(e)); }
  private missing(): string[] {
    return (this.scenario.expect ?? []).filter(e => !this.hasAppeared(e)).map(e => (e.from ? `'${e.text}' from ${e.from}` : `'${e.text}'`));
  }
  private waiting(): string {
    const alive = [...this.components.values()].filter(c => c.state === 'running' && !c.server).map(c => c.name);
    return alive.length ? `still there: ${alive.join(', ')}` : 'no component is left';
  }
}

/** Reports mistakes that would stop roottask at once before anything is created. */
function modelOf(scenario: Scenario, options: SystemOptions): CpuModel {
  try {
    return hostedModel(options.cpu ?? scenario.cpu);
  } catch (error) {
    if (error instanceof CpuError) throw new ProcessorError(`processor ${error.message}`);
    throw error;
  }
}

function check(scenario: Scenario): void {
  try {
    startOrder(scenario);
    for (const component of Object.values(scenario.components)) for (const size of [component.memory, component.kernelMemory,
      scenario.ram]) if (size !== undefined) bytesOfSize(size);
  } catch (error) {
    throw new SystemError(`scenario '${scenario.name}': ${(error as Error).message}`);
  }
}

/** Creates a system from a scenario. Throws SystemError for mistakes that the user can correct. */
export function bootScenario(scenario: Scenario, host: Host, options: SystemOptions = {}): System {
  return new System(scenario, host, options);
}

/** A watcher that calls both; each sees every record. */
function watchOf(capture: Capture | undefined, other: RecordWatch | undefined): Capture['watch'] | undefined {
  if (other === undefined) return capture?.watch;
  return (kernel) => {
    const first = capture?.watch(kernel);
    return (...record) => { first?.(...record); other(...record); };
  };
}
