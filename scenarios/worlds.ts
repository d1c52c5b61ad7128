/**
 * The two worlds that `tessera run` and `tessera vm` boot, as scenarios built from options: a Unix server with one program, a VMM with
 * one virtual machine. Channel console0 of the board is the terminal, console1 standard error, the UART the log.
 */
import { l4guest } from '../l4guest/index.ts';
import type { Component, Scenario } from '../roottask/scenario.ts';
import { vmm } from '../vmm/index.ts';
import { blockDriver, consoleDriver, netDriver } from './devices.ts';

const MIB = 1 << 20;
/** What the servers need beside the memory of their guests. */
const OVERHEAD = { vmm: 12 * MIB, unix: 8 * MIB } as const;

/** Kernel memory of a large Unix world: so that 3.5 GiB fit a machine. */
const MOST_KERNEL_MEMORY = 320 * MIB;

export interface UnixOptions {
  readonly argv: readonly string[];
  readonly env?: readonly string[];
  readonly cwd?: string;
  /** Boot module with the root file system (tar). */
  readonly rootfs?: string;
  /** Boot modules that are placed into /bin under their names. */
  readonly files?: readonly string[];
  readonly tty?: boolean;
  /** Memory of the Unix world in bytes (default 256 MiB). */
  readonly memory?: number;
  /** More arguments for the Unix server. */
  readonly more?: Readonly<Record<string, unknown>>;
}

/** The Unix server as a component. `caps`: stdio and stderr. */
export function unixComponent(o: UnixOptions, caps: Component['caps']): Component {
  const memory = o.memory ?? 256 * MIB, { argv, env, cwd, rootfs, files, tty, more } = o;
  return {
    program: l4guest, args: { argv, env: env ?? [], cwd: cwd ?? '/', rootfs, files: files ?? [], tty: tty ?? false, memory, ...more }, caps, roms: true,
    memory: memory + OVERHEAD.unix, kernelMemory: Math.max(32 * MIB, Math.min(memory / 8, MOST_KERNEL_MEMORY)), priority: 100,
  };
}

/** `tessera run`. Status: the program's. */
export function unixWorld(options: UnixOptions): Scenario {
  return {
    name: 'run', summary: options.argv.join(' '), status: 'linux',
    components: {
      terminal: consoleDriver('console0'),
      errors: consoleDriver('console1'),
      linux: unixComponent(options, { stdio: 'terminal', stderr: 'errors' }),
    },
  };
}

export interface MachineOptions {
  /** Boot modules. */
  readonly kernel: string;
  readonly initrd?: string;
  readonly append?: string;
  /** Guest memory in bytes (default 512 MiB). */
  readonly memory?: number;
  readonly smp?: number;
  /** Disks of the board that the machine gets, in order; `readOnly` is the host's word. */
  readonly disks?: number;
  /** Network cards of the board that the machine gets, in order. */
  readonly nets?: number;
  readonly more?: Readonly<Record<string, unknown>>;
}

const numbered = (name: string, count = 0): string[] => Array.from({ length: count }, (_, n) => `${name}${n}`);

/** A virtual machine as a component. `caps`: console, disk0 …, net0 … */
export function machineComponent(o: MachineOptions, caps: Component['caps']): Component {
  const memory = o.memory ?? 512 * MIB, { kernel, initrd, append, smp, more } = o;
  const disks = Array.from({ length: o.disks ?? 0 }, (_, n) => ({ block: `disk${n}` })), nets = numbered('net', o.nets);
  return {
    program: vmm, args: { kernel, initrd, append: append ?? '', memory, smp: smp ?? 1, disks, nets, console: 'console', ...more }, caps, roms: true,
    memory: memory + OVERHEAD.vmm + 2 * MIB * disks.length, kernelMemory: Math.max(16 * MIB, memory / 32), priority: 100,
  };
}

/** `tessera vm`. Status: 0 when the machine powered itself off. */
export function machineWorld(options: MachineOptions): Scenario {
  const disks = numbered('disk', options.disks), nets = numbered('net', options.nets);
  return {
    name: 'vm', summary: options.kernel, status: 'vm',
    components: {
      terminal: consoleDriver('console0'),
      ...Object.fromEntries([...disks.map(n => [n, blockDriver(n)]), ...nets.map(n => [n, netDriver(n)])]),
      vm: machineComponent(options, { console: 'terminal', ...Object.fromEntries([...disks, ...nets].map(n => [n, n])) }),
    },
  };
}
