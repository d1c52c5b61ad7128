/** The component: opens what the scenario gave, runs VMs one after the other (a reboot is a new one), ends with the guest's status. */
import { NEVER, Ops, Own, Right, type Sys, type Syscalls } from '../microkernel/abi/index.ts';
import { type Env, type Program, type Rom, allocate, exit, log, openConsole, openRom, report, spawn, valueOf } from '../roottask/client/index.ts';
import { rowsWith } from './board.ts';
import { Clock } from './clock.ts';
import type { Ending } from './devices/finisher.ts';
import { VirtioBlock, type Disk } from './devices/virtio/block.ts';
import { VirtioEntropy } from './devices/virtio/entropy.ts';
import { openDisk } from './disks.ts';
import { type Loaded, refused } from './loaders/result.ts';
import { type Place, loadInitrd, loadKernel, loadRaw, loadTree } from './loaders/load.ts';
import { type Options, readOptions } from './options.ts';
import { GuestRam } from './ram.ts';
import { Random } from './random.ts';
import { Characters, type Sink, reader, writer } from './streams.ts';
import { guestTree } from './tree.ts';
import { type Surroundings, Vm } from './vm.ts';
import { Work } from './work.ts';

/** Exit statuses. */
const Exit = { powerOff: 0, failure: 1, usage: 2 } as const;
const SEED_BYTES = 64;

export const vmm: Program = { name: 'vmm', main };

function* main(sys: Syscalls, env: Env): Sys<void> {
  const options = readOptions(env.args);
  if (typeof options === 'string') return yield* refuse(sys, env, options);
  const around = yield* surroundings(sys, env, options);
  if (typeof around === 'string') return yield* refuse(sys, env, around);
  const disks: Disk[] = [];
  for (const option of options.disks) {
    const disk = yield* openDisk(sys, env, option);
    if (typeof disk === 'string') return yield* refuse(sys, env, disk);
    disks.push(disk);
  }
  const files = yield* openFiles(sys, env, options);
  if (typeof files === 'string') return yield* refuse(sys, env, files);
  const random = new Random(options.seed);
  for (let runs = 0; ; runs++) {
    if (runs > 0) around.ram.fill(around.ram.base, around.ram.size, 0); // the first time it comes zeroed
    const ending = yield* runOnce(sys, around, files, disks, random);
    if (typeof ending === 'string') return yield* refuse(sys, env, ending);
    if (ending.kind === 'reboot' && !options.rebootIsExit) continue;
    yield* report(sys, env, sayEnding(ending));
    return yield* exit(sys, env, ending.kind === 'failure' ? Exit.failure : Exit.powerOff, ending.kind === 'failure' ? sayEnding(ending) : '');
  }
}

const sayEnding = (e: Ending): string => (e.kind === 'failure' ? `the guest has failed with code ${e.code}` : e.kind === 'reboot' ? 'rebooted' : 'powered off');

function* refuse(sys: Syscalls, env: Env, why: string): Sys<never> {
  yield* log(sys, env, why);
  return yield* exit(sys, env, Exit.usage, why);
}

/** Loads the guest's files and lets it run to its end. The error is a sentence. */
function* runOnce(sys: Syscalls, around: Surroundings, files: Files, disks: readonly Disk[], random: Random): Sys<Ending | string> {
  const { env, options, work, clock, chars, ram } = around;
  const models = [...disks.map((d, i) => new VirtioBlock(d, `disk${i}`)), new VirtioEntropy(random)], rows = rowsWith(models.length);
  clock.at(Infinity, () => {});
  chars.forgetListeners();
  const loaded = load(sys, files, options, ram, (initrd) =>
    guestTree({ rows, memory: options.memory, smp: options.smp, isa: options.isa, append: options.append, rngSeed: random.bytes(SEED_BYTES), initrd }));
  if (!loaded.ok) return loaded.error;
  const vm = new Vm(around, rows, models), created = yield* vm.create(sys);
  if (!created.ok) return created.what;
  vm.cpus[0].begin(BigInt(loaded.value.entry), BigInt(loaded.value.tree));
  yield* report(sys, env, 'running');
  while (!vm.ended) {
    yield* work.deliver(sys);
    yield* sys.down(around.endSemaphore, Ops.semaphore.down, NEVER, 1);
  }
  yield* vm.destroy(sys);
  yield* lastWords(sys, around);
  return vm.ending!;
}

/** Waits until the console has what the guest said. */
function* lastWords(sys: Syscalls, { work, chars, consoleSemaphore }: Surroundings): Sys<void> {
  while (!chars.idle) {
    yield* work.deliver(sys);
    yield* sys.down(consoleSemaphore, Ops.semaphore.down, NEVER, 1);
  }
}

interface Files { readonly kernel: Rom; readonly initrd: Rom | undefined }

/** The boot modules that the guest starts from. */
function* openFiles(sys: Syscalls, env: Env, o: Options): Sys<Files | string> {
  const kernel = yield* openRom(sys, env, o.kernel), initrd = o.initrd ? yield* openRom(sys, env, o.initrd) : undefined;
  if (!kernel) return `there is no boot module '${o.kernel}'`;
  return o.initrd && !initrd ? `there is no boot module '${o.initrd}'` : { kernel, initrd };
}

/** Kernel, initrd and device tree into the guest's memory. */
function load(sys: Syscalls, files: Files, o: Options, ram: GuestRam, tree: (initrd?: Place) => Uint8Array): Loaded<{ entry: number; tree: number }> {
  const bytes = (rom: Rom): Uint8Array => sys.memory.view(rom.va, rom.size) ?? sys.memory.read(rom.va, rom.size);
  const kernel = (o.raw ? loadRaw : loadKernel)(ram, bytes(files.kernel));
  if (!kernel.ok) return refused(`${o.kernel} ${kernel.error}`);
  const initrd = files.initrd ? loadInitrd(ram, bytes(files.initrd), kernel.value) : undefined;
  if (initrd && !initrd.ok) return refused(`${o.initrd} ${initrd.error}`);
  const placed = loadTree(ram, tree(initrd?.value), kernel.value);
  return placed.ok ? { ok: true, value: { entry: kernel.value.entry, tree: placed.value } } : refused(`${o.kernel} ${placed.error}`);
}

/** Guest memory, console and clock, with their threads. */
function* surroundings(sys: Syscalls, env: Env, options: Options): Sys<Surroundings | string> {
  const memory = yield* allocate(sys, env, options.memory, { rights: Right.RWX });
  if (!memory.ok) return `there is not enough memory for a VM of ${options.memory / 2 ** 20} MiB (${memory.what})`;
  const [endSemaphore, consoleSemaphore, clockWake, writerWake, readerWake] = yield* semaphores(sys, env, 5);
  const work = new Work(), clock = new Clock(() => sys.now(), work, clockWake);
  const chars = new Characters(() => work.signal(writerWake), () => work.signal(readerWake));
  const around: Surroundings = {
    env, options, ram: new GuestRam(sys.memory, memory.value, options.memory), ramVa: memory.value, chars, clock, work, endSemaphore, consoleSemaphore,
  };
  valueOf(yield* spawn(sys, env, (own) => clock.run(own), { name: 'clock' }));
  const stream = env.hasCap(options.console) ? yield* openConsole(sys, env, options.console) : undefined;
  if (stream && !stream.ok) return stream.what;
  const written = (own: Syscalls): Sys<void> => own.must(consoleSemaphore, Ops.semaphore.up), sink = stream?.value ?? logSink(env);
  valueOf(yield* spawn(sys, env, (own) => writer(own, chars, sink, writerWake, written), { priority: options.priority, name: 'console output' }));
  if (stream) valueOf(yield* spawn(sys, env, (own) => reader(own, chars, stream.value, readerWake, (self) => work.deliver(self)), { name: 'console input' }));
  return around;
}

/** Where a guest's output goes that has no console: the component's log. */
const logSink = (env: Env): Sink => ({
  *write(sys, bytes) {
    yield* log(sys, env, new TextDecoder().decode(bytes));
    return { ok: true, value: undefined };
  },
});

function* semaphores(sys: Syscalls, env: Env, count: number): Sys<number[]> {
  const selectors: number[] = [];
  for (let i = 0; i < count; i++) {
    const selector = env.selector();
    yield* sys.must(Own.factory, Ops.factory.createSemaphore, [selector, 0]);
    selectors.push(selector);
  }
  return selectors;
}
