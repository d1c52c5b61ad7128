/**
 * A board: the machine with its devices attached, from a list.
 *
 *   const board = createBoard({ memoryBytes: 128 << 20, harts: 1, console, disks: [disk] });
 *   const placed = loadProgram(board.machine.memory, file, { base: board.machine.memory.base });
 *   board.startKernel(placed.value.entry, { bootargs: 'console=ttyS0' });   // S mode, under the built-in firmware
 *   board.startProgram(placed.value.entry);                                // M mode, from the reset vector
 *   board.machine.run();
 */
import type { Supervisor } from '../api.ts';
import { SeededRandom } from '../../hardware/chips/random.ts';
import { VirtioBlock } from '../../hardware/chips/virtio/block.ts';
import { type ConsolePort, VirtioConsole } from '../../hardware/chips/virtio/console.ts';
import { VirtioEntropy } from '../../hardware/chips/virtio/entropy.ts';
import { VirtioFiles } from '../../hardware/chips/virtio/files.ts';
import type { VirtioModel } from '../../hardware/chips/virtio/model.ts';
import { VirtioNet } from '../../hardware/chips/virtio/net.ts';
import { BoardDisk } from '../devices/disk.ts';
import { BASE, type CpuModel } from '../cpu/switch.ts';
import type { BlockBackend, CharBackend, Device, FilesBackend } from '../devices/device.ts';
import { type NetCard, macOf } from '../devices/net-port.ts';
import type { Tier } from '../engine/engine.ts';
import { SbiFirmware } from '../firmware/firmware.ts';
import { HPM_COUNTERS } from '../hart/slots.ts';
import { parseIsa } from '../../hardware/isa/table.ts';
import { deviceTreePlace } from '../loader/kernel.ts';
import { Machine } from '../machine.ts';
import { type Chosen, boardDeviceTree } from './device-tree.ts';
import { type DeviceRow, type Outside, type Parts, factories, plicOf } from './factories.ts';
import { DEFAULT_ISA, isaOf } from './isa.ts';
import { VIRTIO_SLOTS, virtBoard } from './virt.ts';

export interface BoardConfig {
  readonly memoryBytes: number;
  readonly harts: number;
  readonly isa?: string;
  /** The processor model; by default one that follows the manual. */
  readonly cpu?: CpuModel;
  readonly engine?: Tier;
  readonly quantum?: number;
  /** Takes HS mode (hosted); absent on a bare machine. */
  readonly supervisor?: Supervisor;
  /** The UART's outside. */
  readonly console: CharBackend;
  /** A virtio console beside the UART. */
  readonly virtioConsole?: CharBackend;
  /** More ports of that device, besides its terminal. */
  readonly consolePorts?: readonly ConsolePort[];
  /** More virtio consoles. */
  readonly virtioConsoles?: readonly CharBackend[];
  readonly disks?: readonly BlockBackend[];
  /** Network cards and their ports. */
  readonly nets?: readonly NetCard[];
  /** Host folders, shared by 9P. */
  readonly files?: readonly FilesBackend[];
  readonly seed?: number;
  /** The real-time clock at the start, milliseconds since 1970; without it every run starts at the same time. */
  readonly startMs?: number;
  readonly devices?: readonly DeviceRow[];
}

export interface AttachedDevice {
  readonly row: DeviceRow;
  readonly device: Device;
}

export interface Board {
  readonly machine: Machine;
  readonly devices: readonly AttachedDevice[];
  /** The virtio consoles, in the order of the configuration: their owner sets the size of the terminal. */
  readonly consoles: readonly VirtioConsole[];
  /** The flattened device tree, with the machine's `rng-seed` in /chosen. */
  deviceTree(chosen: Chosen): Uint8Array;
  /** Starts hart 0 in S mode at `entry` under the built-in SBI firmware. */
  startKernel(entry: number, chosen: Chosen): void;
  /** Starts all harts in M mode at `entry`: a0 = hart number, a1 = device tree. */
  startProgram(entry: number, chosen?: Chosen): void;
}

/** 2026-01-01 00:00 UTC: results do not depend on the day of the run. */
const DEFAULT_START_MS = 1_767_225_600_000;
/** Accessed and dirty bits are updated by hardware from reset on, as on QEMU's board: older kernels rely on it. */
const CSR_MENVCFG = 0x30a;
const MENVCFG_ADUE = 1n << 61n;
const RNG_SEED_BYTES = 64;

export function createBoard(config: BoardConfig): Board {
  const cpu = config.cpu ?? BASE;
  const isa = isaOf(cpu, config.isa ?? DEFAULT_ISA);
  const { memoryBytes, harts, engine, quantum, supervisor } = config;
  const machine = new Machine({ memoryBytes, harts, isa, cpu, engine, quantum, supervisor });
  const random = new SeededRandom(config.seed ?? 0);
  const rngSeed = random.bytes(RNG_SEED_BYTES);
  const models = virtioModels(config, machine, random);
  const devices = attachDevices(machine, config, random, [...models]);
  const deviceTree = (chosen: Chosen): Uint8Array => boardDeviceTree({
    memory: machine.memory, harts, isa, translation: cpu.translation, devices, chosen: { rngSeed, ...chosen }
  });
  const placeTree = (chosen: Chosen): number => {
    const blob = deviceTree(chosen);
    const at = deviceTreePlace(machine.memory);
    machine.memory.writable(at, blob.length).set(blob);
    return at;
  };
  return {
    machine,
    devices,
    consoles: models.filter((m) => m instanceof VirtioConsole),
    deviceTree,
    startKernel(entry, chosen) {
      const firmware = new SbiFirmware(machine, config.console, { sstc: parseIsa(isa).has('sstc'), hpmCounters: HPM_COUNTERS });
      machine.firmware = firmware;
      firmware.boot(entry, placeTree(chosen));
    },
    startProgram(entry, chosen = {}) {
      machine.reset(entry, placeTree(chosen));
      if (parseIsa(isa).has('svadu')) for (const hart of machine.harts) hart.setCsr(CSR_MENVCFG, MENVCFG_ADUE);
    },
  };
}

function attachDevices(machine: Machine, config: BoardConfig, random: SeededRandom, waiting: VirtioModel[]): AttachedDevice[] {
  const outside: Outside = { console: config.console, disks: config.disks ?? [], random, startMs: config.startMs ?? DEFAULT_START_MS };
  const plic = plicOf(machine);
  return (config.devices ?? virtBoard).map((row) => {
    const parts: Parts = {
      memory: machine.memory,
      events: machine.events,
      irq: (n = 0) => plic.line((row.irq ?? 0) + n),
      stop: (reason) => machine.stop(reason),
      wires: machine,
      clock: machine,
      plic,
      outside,
      nextVirtio: () => waiting.shift(),
    };
    const device = factories[row.compatible].create(parts);
    machine.attach(row.base, device);
    return { row, device };
  });
}

/** Disks take the first slots, because kernels with fixed addresses expect the first disk there. */
function virtioModels(config: BoardConfig, machine: Machine, random: SeededRandom): VirtioModel[] {
  const models: VirtioModel[] = (config.disks ?? []).map((disk: BlockBackend, n) =>
    new VirtioBlock(new BoardDisk(disk, machine.memory, machine.events), `tessera-disk${n}`));
  models.push(new VirtioEntropy(random));
  if (config.virtioConsole !== undefined) models.push(new VirtioConsole(config.virtioConsole, config.consolePorts));
  for (const backend of config.virtioConsoles ?? []) models.push(new VirtioConsole(backend));
  (config.nets ?? []).forEach(({ connect, mac }, n) => models.push(new VirtioNet(connect(machine.events), mac ?? macOf(n))));
  for (const backend of config.files ?? []) models.push(new VirtioFiles(backend));
  if (models.length > VIRTIO_SLOTS) throw new RangeError(`${models.length} virtio devices are too many for its ${VIRTIO_SLOTS} slots`);
  return models;
}
