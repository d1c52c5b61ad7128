/**
 * The worker's entry: one run of a system. It loads only the parts that the run needs: a scenario without virtual machines needs no
 * monitor. The page chooses the run, which proceeds in pieces and reports to the page after each.
 */
import { guestBytes } from '../../library/guests.ts';
import { readyScenario, runScenario } from '../../library/scenario.ts';
import type { MemoryFolder } from '../../library/folder.ts';
import type { Run, RunOptions } from '../../library/run.ts';
import type { Files } from '../../system/files/archive.ts';
import type { Channel } from '../../system/host.ts';
import { SystemError } from '../../system/system.ts';
import type { ConsoleInfo, FromWorker, Speed, State, ToWorker, What } from '../protocol.ts';
import { snapshot, type Snapshot } from './memory.ts';
import { TraceOut } from './trace-out.ts';

declare const self: {
  postMessage(message: FromWorker, transfer?: ArrayBuffer[]): void; onmessage: ((event: { data: ToWorker }) => void) | null
};
const say = (message: FromWorker, ...transfer: Uint8Array[]): void =>
  self.postMessage(message, transfer.map((bytes) => bytes.buffer as ArrayBuffer));

/** Cycles of a piece at full speed: some tens of milliseconds, so that the page and the keyboard stay responsive. */
const PIECE = 5_000_000, FIRST_PIECE = 100_000, PACED = 2_000_000, FRAMES = 30, TICK = 100;
/** The contents of /bin for our small shell. */
const TOOLS = [
  'sh', 'cat', 'echo', 'env', 'grep', 'head', 'kill', 'ls', 'mkdir', 'ps', 'pwd', 'rm', 'seq', 'sleep', 'sort', 'tee', 'tr', 'true',
  'false', 'uname', 'wc', 'fib', 'getppid', 'pipetest', 'forktest'
];
const MOST_TRACE = 192 << 20;

class Machine {
  private run: Run<unknown> | undefined;
  private speed: Speed = 'full';
  private paused = false;
  /** Pieces grow, so a short run is visible from its beginning and a long one is not slowed down. */
  private grown = FIRST_PIECE;
  /** Memory at the moment with most tasks, shown after the run is over. */
  private fullest: Snapshot | undefined;
  private mostTasks = 0;
  private over = false;
  /** The folder that page and guest share. */
  private host: MemoryFolder | undefined;
  private hostChanged = false;
  /** Records at which a step ends. */
  private stepFrom = -1;
  private wake: (() => void) | undefined;
  private readonly trace = new TraceOut(MOST_TRACE, (bytes) => say({ type: 'trace', bytes }, bytes),
    () => say({ type: 'note', text: 'The trace is full: the system goes on, its records are not kept any more.' }));

  async start(what: What, seed: number, speed: Speed, replay: string | undefined): Promise<void> {
    this.speed = speed;
    const options: RunOptions = {
      seed, record: replay === undefined, replay, paced: speed === 'paced' && replay === undefined,
      trace: { payload: 'all', to: this.trace }, gate: () => this.gate(), piece: () => this.piece(),
    };
    const { run, title, summary, consoles, host } = await made(what, options);
    this.run = run;
    this.host = host;
    host?.on('changed', () => { this.hostChanged = true; });
    say({ type: 'started', title, summary, consoles });
    for (const { channel } of consoles)
      run.consoleOf(channel as Channel).on('data', (bytes) => {
        const copy = bytes.slice();
        say({ type: 'output', channel, bytes: copy }, copy);
      });
    run.on('progress', () => this.report());
    const clock = setInterval(() => this.report(), TICK);
    try {
      const result = await run as { status: number; why: string };
      this.over = true;
      this.report();
      this.memory();
      say({ type: 'ended', status: result.status, why: result.why, table: run.table() });
    } finally {
      clearInterval(clock);
    }
  }

  hear(message: ToWorker): void {
    const { run } = this;
    switch (message.type) {
      case 'input': run?.consoleOf(message.channel as Channel).write(message.bytes); break;
      case 'end': run?.consoleOf(message.channel as Channel).end(); break;
      case 'size': run?.consoleOf(message.channel as Channel).resize(message.columns, message.rows); break;
      case 'pause': this.paused = true; break;
      case 'resume': this.go(() => { this.paused = false; this.stepFrom = -1; }); break;
      case 'step': this.go(() => { this.paused = true; this.stepFrom = run?.system.tally.records ?? 0; }); break;
      case 'speed': this.go(() => { this.speed = message.speed; }); break;
      case 'stop': this.go(() => { this.paused = false; run?.stop(); }); break;
      case 'memory': this.memory(); break;
      case 'put':
        this.host?.put(message.file.name, message.file.bytes, 0o755);
        this.hostChanged = true;
        break;
      case 'take': {
        const bytes = this.host?.get(message.path);
        if (bytes) say({ type: 'file', file: { name: message.path, bytes } });
        break;
      }
      case 'recording': if (run) say({ type: 'recording', text: run.recording() }); break;
      case 'start': break;
    }
  }

  private go(change: () => void): void {
    change();
    this.wake?.();
  }
  /** Before each piece: slow motion waits for the next frame, a pause for the user. */
  private async gate(): Promise<void> {
    if (this.stepFrom >= 0 && (this.run?.system.tally.records ?? 0) > this.stepFrom) this.stepFrom = -1;
    if (typeof this.speed === 'number' && !this.paused) await new Promise((resolve) => setTimeout(resolve, 1000 / FRAMES));
    while (this.paused && this.stepFrom < 0) {
      this.report();
      await new Promise<void>((resolve) => { this.wake = resolve; });
    }
  }
  private piece(): number {
    if (this.stepFrom >= 0) return 50;
    return typeof this.speed === 'number' ? Math.ceil(this.speed / FRAMES)
      : this.speed === 'paced' ? PACED
      : (this.grown = Math.min(PIECE, this.grown * 1.5));
  }

  private report(): void {
    const { run } = this;
    if (!run) return;
    const { system } = run, state: State = this.paused && this.stepFrom < 0 ? 'paused' : system.idle ? 'waiting' : 'running';
    system.kernel.trace.flush();
    this.trace.send();
    if (this.hostChanged && this.host) {
      this.hostChanged = false;
      say({ type: 'host', files: [...this.host.files()].map(([path, bytes]) => ({ path, size: bytes.length })) });
    }
    if (system.kernel.tasks.size > this.mostTasks && !this.over) {
      this.mostTasks = system.kernel.tasks.size;
      this.fullest = this.look();
    }
    say({
      type: 'progress',
      progress: { cycles: system.machine.events.now, instructions: system.machine.instructions, records: system.tally.records, state }
    });
  }
  private look(): Snapshot {
    const { system } = this.run!, { base, size } = system.machine.memory, names = new Map(system.tally.rows().map((r) => [r.task, r.name]));
    return snapshot(system.kernel, { base, size }, (id) => names.get(id) ?? `task ${id}`, system.machine.events.now);
  }
  /**
   * For a machine that is off: memory at the moment with most tasks. The page gets it at the end, because it may not have asked in time.
   */
  private memory(): void {
    if (this.run) say({ type: 'memory', snapshot: (this.over ? this.fullest : undefined) ?? this.look() });
  }
}

interface Made { run: Run<unknown>; title: string; summary: string; consoles: ConsoleInfo[]; host?: MemoryFolder }

async function made(what: What, options: RunOptions): Promise<Made> {
  if (what.kind === 'scenario') {
    const images = Object.fromEntries((what.images ?? []).map(({ name, bytes }) => [name, bytes])),
      ready = await readyScenario(what.name, images);
    return {
      run: runScenario({ ...ready, ...options }), title: what.name, summary: ready.scenario.summary,
      consoles: [{ channel: 'uart', label: 'console', input: true }]
    };
  }
  if (what.kind === 'vm') {
    const { bootVm } = await import('../../library/vm.ts'),
      kernel = what.kernel === 'minios' ? await guestBytes('guests/bin/minios.bin') : what.kernel;
    const run = bootVm({
      ...options, kernel, initrd: what.initrd, append: what.append, memory: what.kernel === 'minios' ? '32M' : '256M',
      networks: what.kernel === 'minios' ? [] : ['gateway'], stdin: 'open'
    });
    return {
      run, title: 'virtual machine', summary: what.append,
      consoles: [{ channel: 'console0', label: 'machine', input: true }, { channel: 'uart', label: 'log', input: false }]
    };
  }
  const [{ runProgram }, { MemoryFolder }] = await Promise.all([import('../../library/program.ts'), import('../../library/folder.ts')]),
    host = new MemoryFolder();
  for (const { name, bytes } of what.files) host.put(name.replaceAll('/', '_'), bytes, 0o755);
  const run = runProgram({
    ...options, program: what.program, args: what.args, rootfs: what.rootfs, files: what.rootfs ? {} : await tools(),
    folders: { '/host': host },
    cwd: what.files.length ? '/host' : '/', tty: true, stdin: 'open', memory: '192M',
  });
  return {
    run, host, title: what.program, summary: what.args.join(' '),
    consoles: [
      { channel: 'console0', label: 'terminal', input: true }, { channel: 'console1', label: 'errors', input: false, into: 'console0' },
      { channel: 'uart', label: 'log', input: false }
    ]
  };
}

async function tools(): Promise<Files> {
  const programs = await Promise.all(TOOLS.map(async (name) => [`/bin/${name}`, await guestBytes(`guests/bin/linux/${name}`)] as const));
  return {
    ...Object.fromEntries(programs), '/etc/motd': 'Files that you drop lie in /host, and what you put there can be downloaded.\n',
    '/root': { folder: true }
  };
}
const machine = new Machine();
self.onmessage = ({ data }) => {
  if (data.type !== 'start') return machine.hear(data);
  machine.start(data.what, data.seed, data.speed, data.replay).catch((error: unknown) => {
    const compile = String(error).includes('CompileError') || String(error).includes('unsafe-eval');
    const message = error instanceof SystemError ? error.message
      : compile ? "this page's security policy does not allow WebAssembly: its script-src needs 'wasm-unsafe-eval'"
      : String((error as Error)?.stack ?? error);
    say({ type: 'failed', message });
  });
};
