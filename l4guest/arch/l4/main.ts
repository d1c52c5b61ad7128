/**
 * The server as a component: memory, root file system, terminal, first program; then the loop; it ends with the program's status.
 *
 *   args: argv, env, cwd, rootfs (name of a tar module), files (modules that go to /bin), tty, memory (bytes), epoch (s since 1970), seed,
 *         hostname, network (address, bits, gateway, nameServer of the card behind cap `net`), strace, exports (directories whose
 * contents go as tar to a stream at the end: { path, cap }),
 *         fullState (every system call moves all registers),
 *         lends (services for native tasks: tcp, udp, files; toolbox/),
 *         stubs (threads with message buffers may send system calls as messages, and are not watched),
 *         longestHold (cycles that the lock for interrupts is held in one piece; kernel/irqlock.ts),
 *         gates (capabilities at /dev/l4/NAME: { name, cap, and what kernel/gates.ts says }), gatePolicy (how they behave),
 *         folders (folders of the host, mounted live: { path, cap, source, readOnly, prompt: the host end answers at once }), root (a
 * folder that the root file system begins as), watcher (a debugger's, told of what becomes of processes);   caps: stdio,
 * stderr, memory, rom, log, life
 */
import { Ops, Own, Right, Window, type Sys } from '../../../microkernel/abi/index.ts';
import type { Syscalls } from '../../../binding/index.ts';
import { allocate, exit, log, openConsole, openRom, report, valueOf, type Env, type Program,
  type Rom } from '../../../roottask/client/index.ts';
import { InputPort } from '../../drivers/ports.ts';
import { openSpecial, terminalsOf } from '../../drivers/devices.ts';
import { Tty } from '../../drivers/tty.ts';
import type { Image } from '../../fs/regular.ts';
import { beginAs } from '../../fs/ninep/origin.ts';
import { loadTarOver } from '../../fs/tar.ts';
import type { Pool } from '../../mm/frames.ts';
import { directoryAt, tarOf } from '../../fs/tar-out.ts';
import { S, Sig } from '../../abi/linux.ts';
import { Gates, wrongGate, type GatePolicy, type GateSpec } from '../../kernel/gates.ts';
import { Kernel } from '../../kernel/kernel.ts';
import { mountDefaults, prepareRoot } from '../../kernel/boot.ts';
import { startInit, type Streams } from '../../kernel/init.ts';
import { exitCode, ExecError } from '../../kernel/init.ts';
import { Runner } from '../../kernel/run.ts';
import { persist, sooner } from '../../kernel/later.ts';
import type { Co, Sleeper } from '../../kernel/wait.ts';
import { errnoName } from '../../abi/errno.ts';
import { mountFolder, type FolderMount } from '../../fs/ninep/mount.ts';
import { L4Arch } from './arch.ts';
import { L4Beyond, MOST_GATES } from './beyond.ts';
import { openDisks } from './disks.ts';
import { openFolder } from './folders.ts';
import { Shared } from './shared.ts';
import { Slots } from './slots.ts';
import { L4Switch } from './switch.ts';
import { openInput, openOutput, openTimer } from './streams.ts';
import { openLink } from './link.ts';
import { openToolbox } from './toolbox.ts';
import type { Watcher } from '../../kernel/watch.ts';
import { nameServer, type NetworkConfig } from '../../net/inet/uplink.ts';

interface Folder extends FolderMount { cap: string; prompt?: boolean }
interface Args { argv: string[]; env: string[]; cwd: string; rootfs: string | undefined; files: string[]; tty: boolean; memory: number;
  epoch: number; seed: number; hostname: string; network: NetworkConfig | undefined; strace: boolean;
  exports: { path: string; cap: string }[]; folders: Folder[]; root: Folder | undefined; gates: (GateSpec & { cap: string })[];
  gatePolicy: GatePolicy; longestHold: number | undefined; watcher: Watcher | undefined }
const EPOCH = 1_767_225_600;
/** Kernel objects of a process (7 KiB) and the page tables of its first pages. */
const KERNEL_BYTES_PER_THREAD = 20 << 10;

function readArgs(env: Env): Args {
  const given = env.args as Partial<Args>;
  return {
    argv: given.argv ?? [], env: given.env ?? [], cwd: given.cwd ?? '/', rootfs: given.rootfs, files: given.files ?? [],
    tty: given.tty ?? false, memory: given.memory ?? 64 << 20, epoch: given.epoch ?? EPOCH, seed: given.seed ?? 1,
    hostname: given.hostname ?? 'tessera', network: given.network, strace: given.strace ?? false, exports: given.exports ?? [],
    folders: given.folders ?? [], root: given.root, gates: given.gates ?? [], gatePolicy: given.gatePolicy ?? {},
    longestHold: given.longestHold, watcher: given.watcher
  };
}

export const l4guest: Program = {
  name: 'l4guest',
  *main(sys: Syscalls, env: Env): Sys<void> {
    const args = readArgs(env), shared = new Shared(), pool = yield* allocatePool(sys, env, args.memory);
    const k = new Kernel(new L4Arch(sys, shared, pool, yield* threadLimit(sys)), { epoch: args.epoch, seed: args.seed,
      hostname: args.hostname, openSpecial, longestHold: args.longestHold, isa: env.processor.isa });
    const trouble = openGates(sys, env, shared, k, args);
    if (trouble) { yield* log(sys, env, `l4guest: ${trouble}`); yield* exit(sys, env, 126, trouble); }
    const slots = new Slots(sys, env, env.args['fullState'] === true, env.args['stubs'] === true), irq = yield* slots.irqPortal(),
      timer = env.selector();
    yield* openDisks(sys, env, shared, k, irq);
    if (args.root) yield* beginRoot(sys, env, shared, k, args.root, irq);
    const problem = yield* fillRoot(sys, env, shared, k, args);
    if (problem) { yield* log(sys, env, `l4guest: ${problem}`); yield* exit(sys, env, 126, problem); }
    yield* work(sys, shared, k, (t) => persist(t, 0, () => prepareRoot(k), () => undefined));
    mountDefaults(k);
    yield* openTimer(sys, env, shared, timer, irq, (ns) => { k.lock.late(ns); });
    yield* openLink(sys, env, shared, k, irq, args.network);
    const server = args.network?.nameServer;
    if (server !== undefined) yield* work(sys, shared, k, (t) => persist(t, 0, () => nameServer(k, server), () => undefined));
    const streams = yield* openStreams(sys, env, shared, k, irq, args.tty);
    let below!: L4Switch;
    const runner = new Runner(k, (entry) => (below = new L4Switch(sys, k, slots, shared, timer, entry)));
    k.watcher = args.watcher;
    k.watcher?.began({ who: (label) => slots.slots[label >> 1]?.t, threads: () => k.pids.threads.values() });
    if (args.strace) runner.trace = (line) => k.arch.log(line);
    let status = 0;
    k.onEnd = (s) => { status = s; runner.ended = true; };
    for (const folder of args.folders) yield* mount(sys, env, shared, k, folder, irq);
    const failed = yield* work(sys, shared, k, (t) => startInit(k, t, args, streams.files));
    yield* openToolbox(sys, env, shared, k, irq);
    if (failed instanceof ExecError) {
      yield* log(sys, env, `l4guest: ${failed.message}`);
      yield* exit(sys, env, failed.status, failed.message);
    }
    below.writeLog = function* (): Sys<void> { for (const line of shared.lines.splice(0)) yield* log(sys, env, line); };
    yield* runner.serve() as Sys<void>;
    yield* below.writeLog();
    for (const mount of k.mounts.list) if (mount.fs.sync) yield* work(sys, shared, k, (t) => sooner(mount.fs.sync!(t)));
    while (streams.pending() > 0) { yield* sys.receive(0, 1e6); for (const arrive of shared.arrivals.splice(0)) arrive(); }
    for (const exported of args.exports) yield* exportTree(sys, env, k, exported.path, exported.cap);
    yield* report(sys, env, yield* summary(sys, k));
    yield* exit(sys, env, exitCode(status), lastWords(k));
  },
};

/** Opens the gates that the scenario gives to processes; returns an error text. */
function openGates(sys: Syscalls, env: Env, shared: Shared, k: Kernel, { gates, gatePolicy }: Args): string | undefined {
  if (gates.length === 0) return undefined;
  if (gates.length > MOST_GATES) return `${gates.length} gates are more than ${MOST_GATES}`;
  const missing = gates.find((g) => !env.hasCap(g.cap)), wrong = gates.map(wrongGate).find((w) => w !== undefined);
  if (missing || wrong) return missing ? `gate '${missing.name}': this server has no capability '${missing.cap}'` : wrong;
  k.gates = new Gates(k, new L4Beyond(sys, shared, gates.map((g) => env.cap(g.cap))), gates, gatePolicy);
  return undefined;
}

/** The fault that ended the program, as text; empty when it ended otherwise. */
function lastWords({ fatal }: Kernel): string {
  if (!fatal) return '';
  const name = Object.keys(Sig).find((n) => Sig[n as keyof typeof Sig] === fatal.signo), does = fatal.signo === Sig.SEGV
    || fatal.signo === Sig.BUS ? `${fatal.access} 0x${fatal.address.toString(16)}` : 'instruction';
  return `the program died of SIG${name}: ${does}, at pc 0x${fatal.pc.toString(16)}`;
}

/** The server's counts and remaining resources, for the table at the end, where leaks would show. */
function* summary(sys: Syscalls, k: Kernel): Sys<string> {
  yield* sys.must(Own.factory, Ops.factory.account);
  return `${k.forks + 1} processes, ${k.frames.total - k.frames.free} pages and ${Math.ceil(sys.utcb.word(1) / 1024)} KiB of kernel memory `
    + `in use`;
}

/** Runs kernel work that may sleep to its end, while no process runs. Returns its exception. */
function* work(sys: Syscalls, shared: Shared, k: Kernel, body: (t: Sleeper) => Co<unknown>): Sys<unknown> {
  let failed: unknown;
  k.workers.start(function* (t) { try { yield* body(t); } catch (e) { if (!(e instanceof ExecError)) throw e; failed = e; } });
  while (k.workers.pending > 0) {
    for (const semaphore of shared.kicks.splice(0)) yield* sys.must(semaphore, Ops.semaphore.up);
    for (const job of shared.jobs.splice(0)) yield* job();
    if (k.workers.pending > 0 && shared.jobs.length === 0 && shared.arrivals.length === 0) yield* sys.receive();
    for (const arrival of shared.arrivals.splice(0)) arrival();
  }
  return failed;
}
/** The root file system starts as a host folder, read on demand. */
function* beginRoot(sys: Syscalls, env: Env, shared: Shared, k: Kernel, folder: Folder, irq: number): Sys<void> {
  const link = yield* openFolder(sys, env, shared, folder.cap, folder.prompt === true, irq);
  let failed = 0;
  yield* work(sys, shared, k, function* (t) { failed = yield* beginAs(t, k.root, link); });
  if (failed === 0) return;
  const why = `root file system '${folder.source}' cannot be read: ${errnoName(-failed)}`;
  yield* log(sys, env, `l4guest: ${why}`);
  yield* exit(sys, env, 126, why);
}
function* mount(sys: Syscalls, env: Env, shared: Shared, k: Kernel, folder: Folder, irq: number): Sys<void> {
  const link = yield* openFolder(sys, env, shared, folder.cap, folder.prompt === true, irq);
  let failed = 0;
  yield* work(sys, shared, k, function* (t) { failed = yield* mountFolder(k, t, link, folder); });
  if (failed === 0) return;
  const why = `folder '${folder.source}' cannot be mounted at ${folder.path}: ${errnoName(-failed)}`;
  yield* log(sys, env, `l4guest: ${why}`);
  yield* exit(sys, env, 126, why);
}

/** How many threads the quota of kernel memory carries, if each is a process with few pages. */
function* threadLimit(sys: Syscalls): Sys<number> {
  yield* sys.must(Own.factory, Ops.factory.account);
  return Math.min(32_000, Math.floor((sys.utcb.word(0) - sys.utcb.word(1)) / KERNEL_BYTES_PER_THREAD));
}

function* allocatePool(sys: Syscalls, env: Env, wanted: number): Sys<Pool> {
  const size = Math.floor(wanted / 4096) * 4096, va = valueOf(yield* allocate(sys, env, size, { rights: Right.RWX })),
    bytes = sys.memory.window(va, size, Right.RW);
  if (!bytes) throw new Error('the memory of the Unix world is not contiguous');
  return { pfn: va / 4096, pages: size / 4096, bytes };
}

/** A module as frames that can be mapped, if it starts at a page boundary. */
function announce(sys: Syscalls, k: Kernel, rom: Rom): Image {
  const window = rom.size > 0 ? sys.memory.window(rom.va, rom.size, Right.R) : undefined;
  const bytes = window ?? new Window(sys.memory.read(rom.va, rom.size)), pfn = rom.va % 4096 === 0 ? rom.va / 4096 : 0;
  if (pfn !== 0 && bytes.length > 0) k.frames.addRom(pfn, bytes);
  return { bytes, pfn };
}
/** Fills the root file system; returns an error text. */
function* fillRoot(sys: Syscalls, env: Env, shared: Shared, k: Kernel, args: Args): Sys<string | undefined> {
  if (args.rootfs !== undefined) {
    const rom = yield* openRom(sys, env, args.rootfs);
    if (!rom) return `root file system '${args.rootfs}': no such module`;
    const image = announce(sys, k, rom);
    let result = 0 as number | string;
    yield* work(sys, shared, k, function* (t) { result = yield* loadTarOver(t, k.root, image); });
    if (typeof result === 'string') return `root file system '${args.rootfs}' ${result}`;
  }
  for (const name of args.files) {
    const rom = yield* openRom(sys, env, name);
    if (!rom) return `program '${name}': no such module`;
    yield* work(sys, shared, k, (t) => persist(t, 0, () => prepareRoot(k), () => undefined));
    const bin = k.root.lookup('bin');
    if (!(bin instanceof k.root.constructor)) return '/bin is no directory';
    const dir = bin as typeof k.root, image = announce(sys, k, rom);
    dir.add(name.slice(name.lastIndexOf('/') + 1), dir.create(S.IFREG | 0o755, 0, image));
  }
  return undefined;
}

/** Writes the final contents of an exported directory as tar to a stream; nothing if it is no longer a directory. */
function* exportTree(sys: Syscalls, env: Env, k: Kernel, path: string, cap: string): Sys<void> {
  const stream = valueOf(yield* openConsole(sys, env, cap)), dir = directoryAt(k.root, path);
  if (dir) for (const piece of tarOf(dir)) yield* stream.write(sys, piece);
}

/** Standard streams: a terminal on stdio, or plain streams. */
function* openStreams(sys: Syscalls, env: Env, shared: Shared, k: Kernel, irq: number, tty: boolean): Sys<{ files: Streams;
  pending: () => number }> {
  if (!env.hasCap('stdio')) return { files: {}, pending: () => 0 };
  const stdio = valueOf(yield* openConsole(sys, env, 'stdio')), out = yield* openOutput(sys, env, shared, stdio, irq),
    input = new InputPort();
  input.heard = () => { k.lastArrival = k.clock.now(); };
  if (tty) {
    const terminal = new Tty(k, (4 << 8) | 1, out), size = yield* stdio.size(sys);
    terminalsOf(k).console = terminal;
    if (size.ok && size.value.columns > 0) { terminal.columns = size.value.columns; terminal.rows = size.value.rows; }
    input.consumer = (bytes) => terminal.input(bytes);
    yield* openInput(sys, env, shared, stdio, input, irq, (columns, rows) => terminal.resize(columns, rows));
    return { files: { terminal }, pending: () => out.length };
  }
  const err = env.hasCap('stderr') ? yield* openOutput(sys, env, shared, valueOf(yield* openConsole(sys, env, 'stderr')), irq) : out;
  yield* openInput(sys, env, shared, stdio, input, irq);
  return { files: { input, out, err }, pending: () => out.length + err.length };
}
