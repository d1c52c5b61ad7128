/**
 * The world that `tessera run` boots, as a scenario built from options: a Unix server with one program. Channel console0 of the board is
 * the terminal, console1 standard error, the UART the log.
 */
import { l4guest } from '../l4guest/index.ts';
import type { Component, Scenario } from '../roottask/scenario.ts';
import type { NetworkConfig } from '../l4guest/net/inet/uplink.ts';
import { blockDriver, consoleDriver, filesDriver, netDriver } from './devices.ts';

const MIB = 1 << 20;
/** Memory of the server besides its guests'. */
const OVERHEAD = 8 * MIB;
/** Kernel memory of a large Unix world, bounded so that a world of 3.5 GiB fits a machine. */
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
  /**
   * Folders of the guest whose contents are written as tar archives when the program ends, on consoles of the board from FIRST_EXPORT on.
   */
  readonly exports?: readonly string[];
  /** Disks of the board: /dev/vda, /dev/vdb, … */
  readonly disks?: number;
  /** A host folder with the initial root file system, read on demand: the board's last files device. */
  readonly root?: { readonly source: string; readonly prompt?: boolean };
  /** Host folders, mounted live: the board's files0, files1, … */
  readonly folders?: readonly {
    readonly path: string; readonly source: string; readonly readOnly: boolean;
    /** The host answers at once. */ readonly prompt?: boolean
  }[];
  /** The board's card 0 is its interface eth0; `config`: the initial addresses. */
  readonly net?: { readonly config?: NetworkConfig };
  /** More arguments for the Unix server. */
  readonly more?: Readonly<Record<string, unknown>>;
}

/** The Unix server as a component. `caps`: stdio and stderr. */
export function unixComponent(unixOptions: UnixOptions, caps: Component['caps']): Component {
  const memory = unixOptions.memory ?? 256 * MIB, { argv, env, cwd, rootfs, files, tty, more } = unixOptions;
  return {
    program: l4guest, args: { argv, env: env ?? [], cwd: cwd ?? '/', rootfs, files: files ?? [], tty: tty ?? false, memory, ...more }, caps,
    roms: true,
    memory: memory + OVERHEAD, kernelMemory: Math.max(32 * MIB, Math.min(memory / 8, MOST_KERNEL_MEMORY)), priority: 100,
  };
}

/** Number of the console for the first of `exports`; standard streams use the ones before. */
export const FIRST_EXPORT = 2;

/** `tessera run`. Status: the program's. */
export function unixWorld(options: UnixOptions): Scenario {
  const exports = (options.exports ?? []).map((path, i) => ({ path, cap: `export${i}` }));
  const folders = (options.folders ?? []).map((f, i) => ({ ...f, cap: `folder${i}` }));
  const disks = Array.from({ length: options.disks ?? 0 }, (_, i) => `disk${i}`);
  const root = options.root && { ...options.root, path: '/', readOnly: true, cap: `folder${folders.length}` },
    all = root ? [...folders, root] : folders;
  const more = {
    ...options.more, ...(root && { root }), ...(exports.length && { exports }), ...(folders.length && { folders }),
    ...(options.net?.config && { network: options.net.config })
  };
  return {
    name: 'run', summary: options.argv.join(' '), status: 'linux',
    components: {
      ...Object.fromEntries(exports.map(({ cap }, i) => [cap, consoleDriver(`console${FIRST_EXPORT + i}`)])),
      ...Object.fromEntries(all.map(({ cap }, i) => [cap, filesDriver(`files${i}`)])),
      ...Object.fromEntries(disks.map((name) => [name, blockDriver(name)])),
      terminal: consoleDriver('console0'),
      errors: consoleDriver('console1'),
      ...(options.net ? { card: netDriver('net0') } : {}),
      linux: unixComponent({ ...options, more },
        {
          stdio: 'terminal', stderr: 'errors', ...(options.net ? { net: 'card' } : {}),
          ...Object.fromEntries([...exports, ...all].map(({ cap }) => [cap, cap])),
          ...Object.fromEntries(disks.map((name) => [name, name]))
        }),
    },
  };
}
