/**
 * The component: opens the scenario's capabilities, runs VMs one after the other (a reboot is a new VM), and ends with the guest's status.
 */
import { SeededRandom } from '../hardware/chips/random.ts';
import { VirtioBlock } from '../hardware/chips/virtio/block.ts';
import { VirtioConsole } from '../hardware/chips/virtio/console.ts';
import { VirtioEntropy } from '../hardware/chips/virtio/entropy.ts';
import { VirtioFiles } from '../hardware/chips/virtio/files.ts';
import type { VirtioModel } from '../hardware/chips/virtio/model.ts';
import { VirtioNet } from '../hardware/chips/virtio/net.ts';
import type { BlockPort } from '../hardware/chips/ports.ts';
import { NEVER, Ops, type Sys } from '../microkernel/abi/index.ts';
import type { Syscalls } from '../binding/index.ts';
import { type Env, type Program, type Rom, exit, log, openRom, report, trouble } from '../roottask/client/index.ts';
import { rowsWith } from './board.ts';
import { techniqueNamed, techniques } from './cpu/techniques.ts';
import { isFailure, sayEnding, type VmEnding } from './ending.ts';
import { openDisk } from './disks.ts';
import { type Loaded, refused } from './loaders/result.ts';
import { type MemoryRange, loadInitrd, loadKernel, loadRaw, loadTree } from './loaders/load.ts';
import { DEFAULT_ISA, type Options, readOptions } from './options.ts';
import { guestIsa, HOLE, whyNotHere } from './processor.ts';
import type { GuestRam } from './ram.ts';
import type { Characters } from './streams.ts';
import { type Surroundings, surroundings, terminalsOf } from './surroundings.ts';
import { readSites } from './translate/find-sites.ts';
import { ListedSites } from './translate/listed.ts';
import { guestTree } from './tree.ts';
import { Vm } from './vm.ts';

/** Exit statuses. */
const Exit = { powerOff: 0, failure: 1, usage: 2 } as const;
const SEED_BYTES = 64;

export const vmm: Program = { name: 'vmm', main };

function* main(sys: Syscalls, env: Env): Sys<void> {
  const technique = techniqueNamed(env.args['virt']), isHole = technique === techniques.trap && env.processor.leaks && !env.args['hole'];
  const here = isHole ? HOLE : technique === techniques.hardware ? whyNotHere(env.processor) : undefined;
  if (here) return yield* refuse(sys, env, here);
  const options = readOptions({ isa: guestIsa(DEFAULT_ISA, env.processor, technique.emulates), ...env.args },
    env.priority);
  if (typeof options === 'string') return yield* refuse(sys, env, options);
  const around = yield* surroundings(sys, env, options);
  if (typeof around === 'string') return yield* refuse(sys, env, around);
  const disks: BlockPort[] = [];
  for (const option of options.disks) {
    const disk = yield* openDisk(sys, around, option);
    if (typeof disk === 'string') return yield* refuse(sys, env, disk);
    disks.push(disk);
  }
  const files = yield* openFiles(sys, env, options);
  if (typeof files === 'string') return yield* refuse(sys, env, files);
  const random = new SeededRandom(options.seed);
  for (let runs = 0; ; runs++) {
    if (runs > 0) around.ram.fill(around.ram.base, around.ram.size, 0); // it is already zero the first time
    const ending = yield* runOnce(sys, around, files, disks, random);
    if (typeof ending === 'string') return yield* refuse(sys, env, ending);
    if (ending.kind === 'reboot' && !options.rebootIsExit) continue;
    yield* report(sys, env, around.codeSaid === '' ? sayEnding(ending) : `${sayEnding(ending)}; ${around.codeSaid}`);
    return yield* exit(sys, env, isFailure(ending) ? Exit.failure : Exit.powerOff, isFailure(ending) ? sayEnding(ending) : '');
  }
}

function* refuse(sys: Syscalls, env: Env, why: string): Sys<never> {
  yield* log(sys, env, why);
  return yield* exit(sys, env, Exit.usage, why);
}

/** Loads the guest's files and runs it to its end. The error is a sentence. */
function* runOnce(sys: Syscalls, around: Surroundings, files: Files, disks: readonly BlockPort[],
    random: SeededRandom): Sys<VmEnding | string> {
  const { env, options, work, clock, virtioConsole, nets, folders, ram } = around;
  for (const outlet of [...terminalsOf(around), ...nets]) outlet.forgetListeners();
  around.panic.forget();
  const models: VirtioModel[] = [...disks.map((d, i) => new VirtioBlock(d, `disk${i}`)), new VirtioEntropy(random)];
  if (virtioConsole) models.push(consoleOn(virtioConsole));
  for (const frames of nets) models.push(new VirtioNet(frames, frames.mac));
  for (const folder of folders) {
    folder.forget();
    models.push(new VirtioFiles(folder));
  }
  const rows = rowsWith(models.length, options.portals.length > 0);
  clock.at(Infinity, () => {});
  const loaded = load(sys, files, options, ram, (initrd) =>
    guestTree({
      rows, base: ram.base, memory: options.memory, smp: options.smp, isa: options.isa, append: options.append,
      rngSeed: random.bytes(SEED_BYTES), initrd
    }));
  if (!loaded.ok) return loaded.error;
  around.sites = files.sites && new ListedSites(ram);
  const strange = files.sites && rewrite(sys, files.sites, around.sites!, loaded.value.start);
  if (strange !== undefined) return `${options.sites} ${strange}`;
  const vm = new Vm(around, rows, models), created = yield* vm.create(sys);
  if (!created.ok) return created.what;
  vm.cpus[0].begin(BigInt(loaded.value.entry), BigInt(loaded.value.tree));
  yield* report(sys, env, 'running');
  let told = false;
  while (!vm.ended) {
    yield* work.deliver(sys);
    told ||= yield* tellPanic(sys, around);
    yield* sys.down(around.endSemaphore, Ops.semaphore.down, NEVER, 1);
  }
  if (!told && !(yield* tellPanic(sys, around, true)) && isFailure(vm.ending!)) yield* trouble(sys, env, sayEnding(vm.ending!));
  around.codeSaid = vm.codeSaid;
  yield* vm.destroy(sys);
  yield* lastWords(sys, around);
  return vm.ending!;
}

/** Reports the guest kernel's panic message while its processors are still stopped. */
function* tellPanic(sys: Syscalls, { env, panic }: Surroundings, over = false): Sys<boolean> {
  const said = panic.take(over);
  if (said !== undefined) yield* trouble(sys, env, said);
  return said !== undefined;
}

/** A virtio console that knows how large its terminal is. */
function consoleOn(chars: Characters): VirtioConsole {
  const model = new VirtioConsole(chars);
  chars.onSize((columns, rows) => model.resize(columns, rows));
  return model;
}

/** Waits until the console has the guest's output. */
function* lastWords(sys: Syscalls, around: Surroundings): Sys<void> {
  const { work, consoleSemaphore } = around;
  while (terminalsOf(around).some((chars) => !chars.idle)) {
    yield* work.deliver(sys);
    yield* sys.down(consoleSemaphore, Ops.semaphore.down, NEVER, 1);
  }
}

interface Files { readonly kernel: Rom; readonly initrd: Rom | undefined; readonly sites: Rom | undefined }

/** The boot modules that the guest starts from. */
function* openFiles(sys: Syscalls, env: Env, options: Options): Sys<Files | string> {
  const kernel = yield* openRom(sys, env, options.kernel), initrd = options.initrd ? yield* openRom(sys, env, options.initrd) : undefined;
  const sites = options.sites ? yield* openRom(sys, env, options.sites) : undefined;
  if (options.sites && !sites) return `there is no boot module '${options.sites}'`;
  if (!kernel) return `there is no boot module '${options.kernel}'`;
  return options.initrd && !initrd ? `there is no boot module '${options.initrd}'` : { kernel, initrd, sites };
}

/** Rewrites the sites of a list in the kernel that has been loaded. The error completes a sentence. */
function rewrite(sys: Syscalls, list: Rom, listed: ListedSites, start: number): string | undefined {
  const sites = readSites(new TextDecoder().decode(sys.memory.read(list.va, list.size)));
  return typeof sites === 'string' ? sites : listed.rewrite(sites, start);
}

/** Kernel, initrd and device tree into the guest's memory. */
function load(sys: Syscalls, files: Files, options: Options, ram: GuestRam,
    tree: (initrd?: MemoryRange) => Uint8Array): Loaded<{ entry: number; start: number; tree: number }> {
  const bytes = (rom: Rom): Uint8Array => sys.memory.read(rom.va, rom.size);
  const kernel = (options.raw ? loadRaw : loadKernel)(ram, bytes(files.kernel));
  if (!kernel.ok) return refused(`${options.kernel} ${kernel.error}`);
  const initrd = files.initrd ? loadInitrd(ram, bytes(files.initrd), kernel.value) : undefined;
  if (initrd && !initrd.ok) return refused(`${options.initrd} ${initrd.error}`);
  const placed = loadTree(ram, tree(initrd?.value), kernel.value);
  if (!placed.ok) return refused(`${options.kernel} ${placed.error}`);
  return { ok: true, value: { entry: kernel.value.entry, start: kernel.value.start, tree: placed.value } };
}
