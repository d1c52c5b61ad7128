/**
 * A whole Unix directly on a machine: divides memory, creates the kernel, starts the first program, and runs the machine until that program
 * ends.
 *
 *   RAM:  archive of the root file system │ frames of processes │ frames of page tables
 */
import type { HartApi } from '../../../machine/api.ts';
import { Machine } from '../../../machine/machine.ts';
import { Window } from '../../../microkernel/abi/window.ts';
import type { Rates } from '../../kernel/work.ts';
import { openSpecial } from '../../drivers/devices.ts';
import { InputPort, type OutputPort } from '../../drivers/ports.ts';
import { loadTar } from '../../fs/tar.ts';
import { mountDefaults } from '../../kernel/boot.ts';
import { ExecError, exitCode, startInit } from '../../kernel/init.ts';
import { Kernel } from '../../kernel/kernel.ts';
import { Runner } from '../../kernel/run.ts';
import { WaitQueue } from '../../kernel/wait.ts';
import type { Steps } from '../arch.ts';
import { NativeArch } from './native.ts';
import { TableFrames } from './tables.ts';

const PAGE = 4096, MIB = 1 << 20, EPOCH = 1_767_225_600, PIECE_CYCLES = 20_000_000;
const CSR = { sstatus: 0x100, sie: 0x104, scounteren: 0x106, senvcfg: 0x10a } as const;
/** Frames of processes per frame of tables. */
const TABLE_SHARE = 32;

export interface NativeOptions {
  /** A tar archive. */
  readonly root: Uint8Array;
  readonly argv: readonly string[];
  readonly env?: readonly string[];
  readonly cwd?: string;
  /** Bytes for processes and page tables (default 64 MiB). */
  readonly memory?: number;
  readonly engine?: 'auto' | 'interp' | 'jit';
  readonly seed?: number;
  /** Cost of work (default: the table). */
  readonly rates?: Rates;
  readonly input?: Uint8Array;
  /** Receivers of standard output and standard error. */
  output(bytes: Uint8Array): void;
  error(bytes: Uint8Array): void;
  log?(line: string): void;
  /** Free frames at the end. */
  finished?(free: number): void;
}

export interface NativeResult {
  /** The program's, or 128 + signal. */
  readonly status: number;
  readonly instructions: number;
  readonly cycles: number;
}

/** Output that is accepted at once. */
class DirectPort implements OutputPort {
  readonly wq = new WaitQueue();
  readonly #take: (bytes: Uint8Array) => void;
  constructor(take: (bytes: Uint8Array) => void) { this.#take = take; }
  room(): number { return PAGE * 16; }
  put(bytes: Uint8Array): void { this.#take(bytes); }
}

const pagesOf = (bytes: number): number => Math.ceil(bytes / PAGE);

/**
 * Enables interrupts, floating point, counters and cache-block instructions for user mode; the first event is a timer interrupt.
 * @spec priv 12.1
 */
function ready(hart: HartApi): void {
  hart.setCsr(CSR.sie, 0x222n);
  hart.setCsr(CSR.sstatus, hart.csr(CSR.sstatus) | 0x6000n);
  hart.setCsr(CSR.scounteren, 7n);
  hart.setCsr(CSR.senvcfg, 0x80n);
  hart.setTimer(0);
}

/** Runs a program to its end. Throws ExecError when it cannot be started. */
export function runNative(nativeOptions: NativeOptions): NativeResult {
  const memory = nativeOptions.memory ?? 64 * MIB, romPages = pagesOf(nativeOptions.root.length),
    tablePages = Math.max(64, Math.floor(memory / PAGE / TABLE_SHARE)), poolPages = pagesOf(memory) - tablePages;
  const machine = new Machine({ memoryBytes: (romPages + poolPages + tablePages) * PAGE + MIB,
    ...(nativeOptions.engine ? { engine: nativeOptions.engine } : {}) });
  const hart = machine.harts[0]!, ram = machine.memory, rom = ram.base + MIB, pool = rom + romPages * PAGE;
  ram.write(rom, nativeOptions.root);
  const region = {
    pool: { pfn: pool / PAGE, pages: poolPages, bytes: new Window(ram.writable(pool, poolPages * PAGE)) },
    tables: new TableFrames(ram, pool + poolPages * PAGE, tablePages),
  };
  const arch = new NativeArch(hart, ram, region, nativeOptions.log ?? (() => {}));
  machine.supervisor = arch.supervisor;
  const k = new Kernel(arch, { epoch: EPOCH, seed: nativeOptions.seed ?? 1, openSpecial,
    ...(nativeOptions.rates ? { rates: nativeOptions.rates } : {}) });
  return drive(machine, k, arch, nativeOptions, new Window(ram.view(rom, nativeOptions.root.length), false), rom / PAGE);
}

function drive(machine: Machine, k: Kernel, arch: NativeArch, nativeOptions: NativeOptions, rom: Window, pfn: number): NativeResult {
  k.frames.addRom(pfn, rom);
  const problem = loadTar(k.root, { bytes: rom, pfn });
  if (typeof problem === 'string') throw new ExecError(`root file system ${problem}`, 126);
  mountDefaults(k);
  let status = 0, ended = false;
  const runner = new Runner(k, (entry) => arch.begin(k, entry)), input = new InputPort();
  k.onEnd = (s) => { status = s; runner.ended = true; };
  const steps = main(k, runner, nativeOptions, input);
  arch.proceed = () => {
    if (!steps.next().done) return;
    ended = true;
    machine.harts[0]!.idle();
    machine.stop();
  };
  ready(machine.harts[0]!);
  while (!ended) if (machine.run({ maxCycles: PIECE_CYCLES }).kind === 'deadlock') break;
  nativeOptions.finished?.(k.frames.free);
  return { status: ended ? exitCode(status) : 1, instructions: machine.harts[0]!.instret, cycles: machine.harts[0]!.cycles };
}

function* main(k: Kernel, runner: Runner, nativeOptions: NativeOptions, input: InputPort): Steps<void> {
  let failed: unknown;
  if (nativeOptions.input) input.arrive(nativeOptions.input);
  input.end();
  const out = new DirectPort((b) => nativeOptions.output(b)), err = new DirectPort((b) => nativeOptions.error(b));
  k.workers.start(function* (self) {
    try {
      yield* startInit(k, self, { argv: nativeOptions.argv, env: nativeOptions.env ?? [], cwd: nativeOptions.cwd ?? '/' },
        { input, out, err });
    } catch (error) { failed = error; }
  });
  if (failed !== undefined) throw failed;
  yield* runner.serve();
}
