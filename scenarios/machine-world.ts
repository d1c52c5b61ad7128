/**
 * The world that `tessera vm` boots, as a scenario built from options: a VMM with one virtual machine. Channel console0 of the board is the
 * terminal, the UART the log.
 */
import type { Component, Scenario } from '../roottask/scenario.ts';
import { roomForCode, vmm } from '../vmm/index.ts';
import { blockDriver, consoleDriver, filesDriver, netDriver } from './devices.ts';

const MIB = 1 << 20;
/** Memory of the VMM besides its guest's. */
const OVERHEAD = 12 * MIB;

export interface MachineOptions {
  /** Boot modules. */
  readonly kernel: string;
  readonly initrd?: string;
  readonly append?: string;
  /** Guest memory in bytes (default 512 MiB). */
  readonly memory?: number;
  readonly smp?: number;
  /** Disks of the board that the machine gets, in order; `readOnly` comes from the host. */
  readonly disks?: number;
  /** Network cards of the board that the machine gets, in order. */
  readonly nets?: number;
  /** Folders of the host, 'files0' … of the board, by the tags under which the machine mounts them. */
  readonly folders?: readonly string[];
  /** The machine's console is a virtio console; its serial port writes to the log. */
  readonly virtioConsole?: boolean;
  readonly more?: Readonly<Record<string, unknown>>;
}

const numbered = (name: string, count = 0): string[] => Array.from({ length: count }, (_, n) => `${name}${n}`);

/** A virtual machine as a component. `caps`: console, disk0 …, net0 …, folder0 … */
export function machineComponent(options: MachineOptions, caps: Component['caps']): Component {
  const memory = options.memory ?? 512 * MIB, { kernel, initrd, append, smp, more } = options;
  const disks = Array.from({ length: options.disks ?? 0 }, (_, n) => ({ block: `disk${n}` })), nets = numbered('net', options.nets);
  const folders = (options.folders ?? []).map((tag, n) => ({ files: `folder${n}`, tag })),
    replaced = roomForCode(more?.['virt'], memory, smp ?? 1),
    console = options.virtioConsole ? { console: 'serial', virtioConsole: 'console' } : { console: 'console' };
  return {
    program: vmm, args: { kernel, initrd, append: append ?? '', memory, smp: smp ?? 1, disks, nets, folders, ...console, ...more }, caps,
    roms: true,
    memory: memory + replaced + OVERHEAD + 2 * MIB * disks.length + MIB * folders.length,
    kernelMemory: Math.max(16 * MIB, memory / 32), priority: 100,
  };
}

/** `tessera vm`. Status: 0 when the machine powered itself off. */
export function machineWorld(options: MachineOptions): Scenario {
  const disks = numbered('disk', options.disks), nets = numbered('net', options.nets),
    folders = numbered('folder', options.folders?.length);
  return {
    name: 'vm', summary: options.kernel, status: 'vm',
    components: {
      terminal: consoleDriver('console0'),
      ...Object.fromEntries([
        ...disks.map(n => [n, blockDriver(n)]), ...nets.map(n => [n, netDriver(n)]), ...folders.map((n, i) => [n, filesDriver(`files${i}`)])
      ]),
      vm: machineComponent(options, { console: 'terminal', ...Object.fromEntries([...disks, ...nets, ...folders].map(n => [n, n])) }),
    },
  };
}
