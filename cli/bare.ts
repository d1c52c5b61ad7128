/**
 * `tessera bare`: software directly on the machine.
 *
 *   bare FILE                    M mode from the first instruction: firmware, xv6, conformance tests
 *   bare --kernel IMAGE          a kernel in S mode under the built-in SBI firmware
 *   bare FIRMWARE --kernel IMAGE firmware in M mode that will jump to the kernel (OpenSBI's fw_jump)
 *
 * `runBare` is the whole command after option parsing: it loads, runs, and returns the exit status.
 */
import { gunzipSync } from 'node:zlib';
import { type Board, createBoard } from '../machine/board/board.ts';
import { VIRTIO_SLOTS } from '../machine/board/virt.ts';
import type { Machine } from '../machine/machine.ts';
import { cpuModel } from '../machine/cpu/model.ts';
import { BASE } from '../machine/cpu/switch.ts';
import { CharChannel } from '../machine/devices/char-channel.ts';
import { Htif } from '../machine/devices/htif.ts';
import { type MemoryRange, type Placed, deviceTreePlace, loadInitrd, loadProgram, overlap } from '../machine/loader/kernel.ts';
import type { Loaded } from '../machine/loader/result.ts';
import { type BareIo, processIo } from './bare/io.ts';
import { type DiskOption, type HostDisk, openDisks } from './disk/disk.ts';
import { InputDoor } from './bare/door.ts';
import { Session, type Debugging, type Ending } from './bare/session.ts';
import { faultReport } from './bare/faults.ts';
import { barePanic } from './bare/panic.ts';
import { checkSignature, writeSignature } from './bare/signature.ts';
import { bareStats } from './bare/stats.ts';
import { checkIsa } from './isa.ts';
import { CliError, Exit } from './errors.ts';
import { checkWritable, readImage, release, writeOutput } from './files.ts';
import { MachineTarget } from './gdb/machine-target.ts';
import { GdbServer } from './gdb/server.ts';
import { outputFailure } from './output.ts';
import { Profile, readSymbolFile } from './profile.ts';
import { tightMemory } from './tight.ts';
import { type NetOption, Networks } from './net.ts';
import { clockFor } from './recording.ts';

export interface BareOptions {
  /** Program or firmware for M mode. */
  readonly file?: string;
  readonly kernel?: string;
  readonly initrd?: string;
  readonly append?: string;
  readonly isa?: string;
  /** Processor model. */
  readonly cpu?: string;
  /** Bytes of RAM; default 128 MiB (512 MiB with a kernel). */
  readonly memory?: number;
  readonly smp?: number;
  readonly disks?: readonly DiskOption[];
  readonly nets?: readonly NetOption[];
  /** False: a reboot ends the machine. */
  readonly reboot?: boolean;
  readonly signature?: string;
  /** Bytes per line of the signature; default 4. */
  readonly signatureGranularity?: number;
  readonly dumpDtb?: string;
  readonly engine?: 'auto' | 'interp' | 'jit';
  readonly seed?: number;
  /** Start of the wall clock, in seconds since 1970. */
  readonly clock?: number;
  /** true = standard error, text = that file. */
  readonly stats?: boolean | string;
  /** The hottest functions go to standard error; with names from this file too. */
  readonly profile?: boolean;
  readonly symbols?: string;
  readonly maxInstructions?: number;
  readonly until?: string;
  readonly record?: string;
  readonly replay?: string;
  /** TCP port for GDB; 0 = any. */
  readonly gdb?: number;
  /** Looks at the machine before it starts. */
  readonly observe?: (machine: Machine) => void;
}

const MIB = 1024 * 1024;
const MAX_HARTS = 16;
/** The board's virtio slots less that of the entropy device. */
const MOST_DEVICES = VIRTIO_SLOTS - 1;

/** Runs to the end; returns the exit status. @throws CliError for mistakes that the user can correct */
export async function runBare(options: BareOptions, io: BareIo = processIo()): Promise<number> {
  check(options);
  const profile = Profile.asked(options);
  const disks = openDisks(options.disks ?? []);
  const networks = new Networks(options.nets ?? []);
  const isOfTheWorld = io.interactive || disks.length + (options.nets ?? []).length > 0;
  const clock = options.replay === undefined ? clockFor(options, isOfTheWorld) : undefined;
  const door = new InputDoor(options.record, options.replay, options.seed ?? 0, clock);
  const debugging = options.gdb === undefined ? undefined : debuggingOn(options.gdb, io);
  const session = new Session(io, door, { until: options.until, maxInstructions: options.maxInstructions }, debugging, {
    open: door.replaying ? 0 : networks.outside.length, deliver: (card, frame) => networks.deliver(card, frame),
  });
  let status: number | undefined;
  try {
    for (let boots = 0; ; boots++) {
      const { board, program, initrd } = start({ ...options, clock: door.clock }, disks, networks, session);
      if (boots === 0) session.panicked = (said, machine) => io.error(barePanic(machine, said, () => symbolsOf(options, program)));
      profile?.attach(board.machine);
      if (boots === 0) options.observe?.(board.machine);
      profile?.names.add(program.symbols);
      if (boots === 0) {
        checkOutputs(options, program);
        if (options.file === undefined)
          io.error(tightMemory(options.kernel!, program.end - program.start, initrd, board.machine.memory.size) ?? '');
        await debugging?.server.listen();
        if (!door.replaying) await networks.open((card, frame) => session.frame(card, frame));
      }
      const ending = await session.run(board.machine);
      if (ending.kind === 'reset' && ending.code === 0 && options.reboot !== false) continue;
      finish(options, io, session, board, program, ending);
      if (profile !== undefined) io.error(profile.table());
      const failure = outputFailure();
      if (failure) throw failure;
      status = statusOf(options, ending, io);
      return status;
    }
  } finally {
    debugging?.server.close(status === undefined ? undefined : { kind: 'over', status, signalled: false });
    session.close();
    door.close();
    networks.close();
    for (const disk of disks) disk.close();
  }
}

/** The user's symbols, or else the program's. */
function symbolsOf({ symbols }: BareOptions, program: Placed): Iterable<readonly [string, number]> {
  return symbols === undefined ? program.symbols : readSymbolFile(symbols);
}

function debuggingOn(port: number, io: BareIo): Debugging {
  const target = new MachineTarget();
  return { target, server: new GdbServer(target, { port, restarts: true, log: (line) => io.error(`tessera: ${line}\n`) }) };
}

function check(options: BareOptions): void {
  if (options.file === undefined && options.kernel === undefined) {
    throw new CliError('E_USAGE', 'bare needs a program', 'give FILE for M mode, or --kernel IMAGE for a Linux kernel');
  }
  for (const [name, given] of [['--initrd', options.initrd], ['--append', options.append]] as const) {
    if (given !== undefined && options.kernel === undefined)
      throw new CliError('E_USAGE', `${name} needs --kernel`, 'name the kernel with --kernel IMAGE');
  }
  if (options.signature !== undefined && options.file === undefined)
    throw new CliError('E_USAGE', '--signature needs a FILE with begin_signature and end_signature');
  const { length } = [...(options.disks ?? []), ...(options.nets ?? [])];
  if (length > MOST_DEVICES)
    throw new CliError('E_OPTION', `${length} disks and network cards are too many`, `the board has room for ${MOST_DEVICES}`);
  if (options.isa !== undefined) checkIsa(options.isa, options.cpu);
  const harts = options.smp ?? 1;
  if (!Number.isInteger(harts) || harts < 1 || harts > MAX_HARTS)
    throw new CliError('E_USAGE', `--smp ${harts} is not a number of harts`, `use 1 to ${MAX_HARTS}`);
}

/** A fresh board with everything loaded, ready to run. */
function start(options: BareOptions, disks: HostDisk[], networks: Networks, session: Session): Loading & { board: Board } {
  const console = new CharChannel((byte) => session.output(byte));
  const board = makeBoard(options, disks, networks, console);
  session.attach(board.machine, console);
  return { board, ...load(options, board, console) };
}

function makeBoard(options: BareOptions, disks: HostDisk[], networks: Networks, console: CharChannel): Board {
  const memoryBytes = options.memory ?? (options.kernel === undefined ? 128 : 512) * MIB;
  try {
    return createBoard({
      memoryBytes, harts: options.smp ?? 1, isa: options.isa, cpu: cpuModel(options.cpu ?? BASE.text), engine: options.engine,
      seed: options.seed, disks, nets: networks.cards(), console, ...(options.clock !== undefined && { startMs: options.clock * 1000 }),
    });
  } catch (error) {
    // A size that the machine refuses is the user's mistake; everything else is a bug.
    if (error instanceof RangeError)
      throw new CliError('E_MEMORY', `a machine with ${Math.ceil(memoryBytes / MIB)} MiB of memory cannot be made: ${error.message}`);
    throw error;
  }
}

/** What runs first, and how large the initrd is. */
interface Loading { readonly program: Placed; readonly initrd: number }

function load(options: BareOptions, board: Board, console: CharChannel): Loading {
  const { machine } = board;
  const firmware = options.file === undefined ? undefined : place(options.file, 'program', board, true);
  const kernel = options.kernel === undefined ? undefined : place(options.kernel, 'kernel', board, false);
  const initrd = options.initrd === undefined || kernel === undefined ? undefined : placeInitrd(options.initrd, board, kernel);
  const chosen = { bootargs: options.append, initrd };
  const tree = board.deviceTree(chosen);
  if (options.dumpDtb !== undefined) writeOutput('device tree', options.dumpDtb, tree);
  checkPlaces(options, board, { firmware, kernel, initrd, tree: tree.length });
  if (firmware === undefined) {
    board.startKernel(kernel!.entry, chosen);
    return { program: kernel!, initrd: initrd === undefined ? 0 : initrd.end - initrd.start };
  }
  const tohost = firmware.symbols.get('tohost');
  if (tohost !== undefined && machine.memory.isRam(tohost, 8)) {
    new Htif({ memory: machine.memory, events: machine.events, stop: (r) => machine.stop(r) }, console,
      { tohost, fromhost: firmware.symbols.get('fromhost') });
  }
  board.startProgram(firmware.entry, chosen);
  return { program: firmware, initrd: 0 };
}

function place(path: string, role: string, board: Board, raw: boolean): Placed {
  const bytes = readImage(role, path);
  const { memory } = board.machine;
  const placed = must(path, role,
    loadProgram(memory, bytes, { base: memory.base, gunzip: (b) => gunzipSync(b, { maxOutputLength: memory.size }), raw }));
  release(bytes);
  return placed;
}

function placeInitrd(path: string, board: Board, kernel: Placed): MemoryRange {
  const bytes = readImage('initrd', path);
  const placed = must(path, 'initrd', loadInitrd(board.machine.memory, bytes, kernel.end));
  release(bytes);
  return placed;
}

/** Loaded files must not overlap. */
function checkPlaces(options: BareOptions, board: Board,
    loaded: { firmware?: Placed; kernel?: Placed; initrd?: MemoryRange; tree: number }): void {
  const { memory } = board.machine;
  const tree = deviceTreePlace(memory);
  const advice = 'give the machine more memory with --memory';
  if (tree < memory.base)
    throw new CliError('E_MEMORY', `${Math.floor(memory.size / 1024)} KiB of memory leave no room for the device tree`, advice);
  const named = (what: string, pieces: readonly MemoryRange[]): (MemoryRange & { what: string })[] =>
    pieces.map(({ start, end }) => ({ what, start, end }));
  const clash = overlap([
    ...named(`program '${options.file}'`, loaded.firmware?.pieces ?? []),
    ...named(`kernel '${options.kernel}'`, loaded.kernel?.pieces ?? []),
    ...named(`initrd '${options.initrd}'`, loaded.initrd === undefined ? [] : [loaded.initrd]),
    ...named('the device tree', [{ start: tree, end: tree + loaded.tree }]),
  ]);
  if (clash === undefined) return;
  const [one, other, at] = clash;
  if (`${one}${other}`.includes('the device tree'))
    throw new CliError('E_MEMORY', `${one === 'the device tree' ? other : one} leaves no room for the device tree`, advice);
  throw new CliError('E_MEMORY', `${one} and ${other} both want memory at 0x${at.toString(16)}`,
    'link or build one of them for another address');
}

function must<T>(path: string, role: string, result: Loaded<T>): T {
  if (result.ok) return result.value;
  throw new CliError('E_FORMAT', `${role} '${path}' ${result.error}`);
}

/** Checks that would otherwise fail only at the end of the run. */
function checkOutputs({ file, signature, signatureGranularity, stats }: BareOptions, program: Placed): void {
  if (signature !== undefined) {
    checkSignature(program.symbols, file!, signatureGranularity ?? 4);
    checkWritable('signature', signature);
  }
  if (typeof stats === 'string') checkWritable('statistics', stats);
}

function finish(options: BareOptions, io: BareIo, session: Session, board: Board, program: Placed, ending: Ending): void {
  const failed = options.kernel !== undefined && (ending.kind === 'poweroff' || ending.kind === 'reset') && ending.code !== 0;
  if (failed) session.panicked?.(`the machine ended with failure ${ending.code}`, board.machine);
  if (ending.kind === 'onlyFaults') io.error(faultReport(board.machine, board.machine.harts[ending.hart]!));
  if (options.signature !== undefined)
    writeOutput('signature', options.signature,
      writeSignature(board.machine.memory, program.symbols, options.file!, options.signatureGranularity ?? 4));
  if (options.stats === undefined || options.stats === false) return;
  const text = `${JSON.stringify(bareStats(board.machine, session.wallSeconds, ending))}\n`;
  if (typeof options.stats === 'string') writeOutput('statistics', options.stats, text);
  else io.error(text);
}

/** Exit statuses of the CLI contract. */
function statusOf(options: BareOptions, ending: Ending, io: BareIo): number {
  switch (ending.kind) {
    case 'until': return Exit.ok;
    case 'limit': return Exit.limit;
    case 'interrupted': return 128 + ending.signal;
    case 'killed': return 137;
    case 'unread': return 141;
    case 'deadlock':
      io.error('tessera: E_DEADLOCK: every hart waits for an interrupt that can never come; the machine was stopped\n');
      return Exit.failure;
    case 'onlyFaults': return Exit.failure; // the report has been written
    case 'reset': // a clean one ends a machine that must not start again
    case 'poweroff': {
      if (ending.code !== 0) return (ending.code & 0xff) === 0 ? Exit.failure : ending.code & 0xff;
      return options.until === undefined ? Exit.ok : Exit.failure;
    }
  }
}
