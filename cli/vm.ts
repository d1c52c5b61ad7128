/**
 * `tessera vm`: an operating system in a virtual machine under a vmm. The virtual machine's console is standard input and output; its disks
 * are host files behind block drivers.
 */
import { visible } from '../trace/visible.ts';
import { SeededRandom } from '../hardware/chips/random.ts';
import { VIRTIO_SLOTS } from '../machine/board/virt.ts';
import { cpuModel } from '../machine/cpu/model.ts';
import { BASE } from '../machine/cpu/switch.ts';
import type { Processor } from '../roottask/client/index.ts';
import { machineWorld } from '../scenarios/machine-world.ts';
import { processorOf } from '../system/processor.ts';
import { DEFAULT_ISA, guestTree, readOptions, rowsWith } from '../vmm/index.ts';
import { techniqueNamed } from '../vmm/cpu/techniques.ts';
import { loadInitrd, loadKernel, loadTree, type MemoryRange } from '../vmm/loaders/load.ts';
import { guestIsa, HOLE, ramBase, whyNotHere } from '../vmm/processor.ts';
import { GuestRam, type RamAccess } from '../vmm/ram.ts';
import { openDisks, parseDisk } from './disk/disk.ts';
import type { SharedOptions } from './options.ts';
import { boardMemory } from './board-memory.ts';
import { CliError } from './errors.ts';
import { guestExtensions, machineOf } from './guest-isa.ts';
import { readImage, writeOutput } from './files.ts';
import { Folders, parseShare } from './mounts.ts';
import { Networks, parseNet } from './net.ts';
import { kernelSymbols } from './profile.ts';
import { clockFor } from './recording.ts';
import { endingLine, runSystem } from './session.ts';
import { tightMemory } from './tight.ts';
import { growYoung } from './v8.ts';

export interface VmOptions extends SharedOptions {
  kernel: string;
  initrd?: string;
  append: string;
  /** Bytes of the virtual machine's memory. */
  memory: number;
  smp: number;
  disk?: string[];
  mount?: string[];
  console?: 'serial' | 'virtio';
  /** Commander's name for --no-reboot. */
  reboot: boolean;
  net?: string[];
  /** Start of the guest's wall clock, in seconds since 1970. */
  clock?: number;
  dumpDtb?: string;
  /** Additional operations that cause exits. */
  exits?: string[];
  /** Cycles. */
  slice?: number;
  virt: 'hardware' | 'trap' | 'patch' | 'pre';
  sites?: string;
  patch?: 'breakpoints' | 'chained' | 'cache' | 'stubs';
  mmu?: 'twostage' | 'shadow';
  shadow?: 'sync' | 'traced';
  lookAhead?: boolean;
  /** By trap on a processor with a hole, to see what goes wrong. */
  hole?: boolean;
  /** What the guest gets; the instructions that it lacks trap. */
  isa?: string;
  gdb?: number;
  gdbAt?: number;
}

/** A boot module. */
interface Image { name: string; bytes: Uint8Array }

/** The board's virtio slots less those of its entropy device and its console. */
const MOST_DEVICES = VIRTIO_SLOTS - 2;

export async function vm(given: VmOptions): Promise<number> {
  const options = given.isa === undefined ? given : { ...given, isa: guestExtensions(given.isa, given.cpu) };
  const here = options.virt !== 'hardware' ? undefined : whyNotHere(processor(options));
  if (here) throw new CliError('E_CPU', `--cpu ${options.cpu}: ${here}`, 'leave no-h out, or run the guest with --virt trap');
  if (options.virt === 'trap' && processor(options).leaks && !options.hole)
    throw new CliError('E_CPU', `--cpu ${options.cpu}: ${HOLE}`, 'use --virt patch, or add --hole to see what goes wrong');
  if (options.virt !== 'hardware') growYoung();
  if (options.virt === 'trap' && processor(options).leaks) process.stderr.write("tessera: note: on this processor U mode reads the host's "
    + 'sstatus without a trap, and loses its writes; --virt patch finds such code before it runs\n');
  const modules: Image[] = [{ name: 'kernel', bytes: readImage('kernel', options.kernel) }];
  if (options.initrd !== undefined) modules.push({ name: 'initrd', bytes: readImage('initrd', options.initrd) });
  if (options.sites !== undefined) modules.push({ name: 'sites', bytes: readImage('list of sites', options.sites) });
  const disks = openDisks((options.disk ?? []).map(parseDisk));
  const nets = (options.net ?? []).map(parseNet), networks = new Networks(nets), replaying = options.replay !== undefined;
  const folders = new Folders((options.mount ?? []).map((text) => parseShare(text, replaying)), replaying),
    tags = folders.mounts.map((m) => m.guest);
  const initrd = checkImages(options, modules);
  const technique = { virt: options.virt, ...(options.mmu && { mmu: options.mmu }), ...(options.shadow && { shadow: options.shadow }),
    ...(options.lookAhead && { lookAhead: true }), ...(options.hole && { hole: true }), ...(options.patch && { patches: options.patch }),
    ...(options.sites !== undefined && { sites: 'sites' }) };
  const isa = options.isa === undefined ? {} : { isa: guestsIsa(options) };
  const chosen = { ...technique, ...isa, exits: options.exits ?? [], slice: options.slice ?? 0 };
  const interactive = process.stdin.isTTY === true && process.stdout.isTTY === true;
  const clock = clockFor(options, interactive || [...disks, ...nets, ...tags].length > 0);
  const date = clock === undefined ? {} : { date: clock * 1000 }, cards = disks.length + nets.length + tags.length;
  const more = { ...chosen, ...date, seed: options.seed ?? 1, rebootIsExit: !options.reboot };
  const wrong = readOptions({ ...chosen, kernel: 'kernel', memory: options.memory, smp: options.smp,
    disks: disks.map((_, i) => ({ block: `disk${i}` })), nets: nets.map((_, i) => `net${i}`),
    folders: tags.map((tag, i) => ({ files: `folder${i}`, tag })) });
  if (typeof wrong === 'string') throw new CliError('E_OPTION', wrong);
  if (cards > MOST_DEVICES)
    throw new CliError('E_OPTION',
      `${counted([[disks.length, 'disk'], [nets.length, 'network card'], [tags.length, 'folder']])} are too many`,
      `the board has room for ${MOST_DEVICES} of them together`);
  if (options.dumpDtb !== undefined)
    writeOutput('device tree', options.dumpDtb, deviceTree(options, cards + (options.console === 'virtio' ? 1 : 0), initrd));
  const world = (memory: number) => machineWorld({
    kernel: 'kernel', initrd: options.initrd === undefined ? undefined : 'initrd', append: options.append, memory, smp: options.smp,
    disks: disks.length, nets: nets.length, folders: tags, virtioConsole: options.console === 'virtio', more,
  });
  try {
    const { result, system } = await runSystem({
      scenario: world(options.memory), modules, disks, networks, folders: folders.ports, consoles: 1, outputs: { console0: 1 },
        input: 'console0', interactive, clock, symbols: () => kernelSymbols(options.kernel),
      gdb: options.gdb === undefined ? undefined : { port: options.gdb, at: options.gdbAt, debugged: [{ kind: 'guest' }] },
        memoryBytes: boardMemory(options.memory, modules, world), isa: options.isa === undefined ? undefined : machineOf(options.isa),
    }, options);
    const machine = system.components.get('vm');
    const why = machine?.report || machine?.why;
    const said = result.ending === 'finished' && why ? `tessera: E_VM: ${visible(why)}\n` : endingLine(result);
    if (result.status !== 0) process.stderr.write(said);
    return result.status;
  } finally {
    for (const disk of disks) disk.close();
    networks.close();
    folders.close();
  }
}

/** '6 disks and 1 network card': lists nonzero counts. */
function counted(kinds: readonly (readonly [number, string])[]): string {
  const parts = kinds.filter(([n]) => n > 0).map(([n, what]) => `${n} ${what}${n === 1 ? '' : 's'}`);
  return parts.length > 1 ? `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}` : parts.join('');
}

/** The processor that the machine will have. */
const processor = (options: VmOptions): Processor =>
  processorOf(cpuModel(options.cpu ?? BASE.text), options.isa === undefined ? undefined : machineOf(options.isa));

/** The extensions that the guest's device tree lists. */
const guestsIsa = (options: VmOptions): string =>
  guestIsa(options.isa ?? DEFAULT_ISA, processor(options), options.isa === undefined ? techniqueNamed(options.virt).emulates : []);

/** Memory that accepts writes and stores nothing, with which the vmm's loaders check whether the images fit before a system starts. */
const nowhere: RamAccess = {
  u8: () => 0, u16: () => 0, u32: () => 0, setU8: () => {}, setU16: () => {}, setU32: () => {}, read: () => new Uint8Array(0),
  write: () => {}, fill: () => {},
};

/** Whether kernel and initrd can be booted in this much memory; where the initrd will be. */
function checkImages(options: VmOptions, modules: readonly Image[]): MemoryRange | undefined {
  const named = (name: string): Image | undefined => modules.find((m) => m.name === name);
  const kernel = named('kernel')!, initrd = named('initrd');
  const ram = new GuestRam(nowhere, 0, options.memory, ramBase(processor(options)));
  const must = <T>(role: string, path: string, answer: { ok: true; value: T } | { ok: false; error: string }): T => {
    if (answer.ok) return answer.value;
    throw new CliError(/memory|fit/.test(answer.error) ? 'E_MEMORY' : 'E_FORMAT', `${role} '${path}' ${answer.error}`);
  };
  const placed = must('kernel', options.kernel, loadKernel(ram, kernel.bytes));
  must('kernel', options.kernel, loadTree(ram, new Uint8Array(0), placed));
  process.stderr.write(tightMemory(options.kernel, placed.end - placed.entry, initrd?.bytes.length ?? 0, options.memory) ?? '');
  return initrd && must('initrd', options.initrd ?? '', loadInitrd(ram, initrd.bytes, placed));
}

const SEED_BYTES = 64;

/**
 * The tree that the vmm will build from the same options: disks, network cards, folders, a virtio console (`cards`: all together) and the
 * source of entropy are virtio devices.
 */
function deviceTree(options: VmOptions, cards: number, initrd: MemoryRange | undefined): Uint8Array {
  const rngSeed = new SeededRandom(options.seed ?? 1).bytes(SEED_BYTES);
  return guestTree({
    base: ramBase(processor(options)), rows: rowsWith(cards + 1), memory: options.memory, smp: options.smp,
    isa: guestsIsa(options), append: options.append, rngSeed, initrd
  });
}
