/** Runs an operating system in a virtual machine, as `tessera vm` does. */
import { machineWorld } from '../scenarios/machine-world.ts';
import type { BlockBackend } from '../machine/devices/device.ts';
import { boardMemory } from '../system/ram.ts';
import type { HostFolder } from '../system/folders/folder.ts';
import type { Module, Result } from '../system/host.ts';
import { SystemError, type System } from '../system/system.ts';
import { readOptions } from '../vmm/index.ts';
import { asSystemError, bytesOfSize } from './errors.ts';
import { networkCards, type Network } from './networks.ts';
import { portsOf } from './ports.ts';
import { Run, type RunOptions } from './run.ts';

export interface VmOptions extends RunOptions {
  /** A Linux `Image`, an ELF file or a raw image. */
  readonly kernel: Uint8Array;
  readonly initrd?: Uint8Array;
  /** The kernel's command line. */
  readonly append?: string;
  /** Memory of the guest in bytes or as '512M' (default 256M). */
  readonly memory?: number | string;
  /**
   * How guest code runs (default 'hardware'): by the H extension, or its kernel in U mode: 'trap', 'patch' (scanned before it runs), 'pre'
   * (rewritten at `sites` when it is loaded).
   */
  readonly virt?: 'hardware' | 'trap' | 'patch' | 'pre';
  /** With 'patch': how blocks are linked. */
  readonly patches?: 'breakpoints' | 'chained' | 'cache' | 'stubs';
  /** With 'pre': the list that `tessera afterburn` prints for this kernel. */
  readonly sites?: string;
  /** With 'trap': shadow tables are updated at the guest's fences (default), or by tracing the guest's tables. */
  readonly shadow?: 'sync' | 'traced';
  /** After an exit, handles the following instructions that would exit as well. */
  readonly lookAhead?: boolean;
  /** Processors (default 1). */
  readonly smp?: number;
  /** `MemoryDisk`, or anything with `read` and `write` that answers at once. */
  readonly disks?: readonly BlockBackend[];
  readonly networks?: readonly Network[];
  /**
   * Folders that both sides see while the machine runs, by the tag under which it mounts them (`mount -t 9p -o trans=virtio TAG DIR`):
   * `new MemoryFolder({ … })`, or on Node `liveFolder('project')`.
   */
  readonly folders?: Readonly<Record<string, HostFolder>>;
  /** Typed input; 'open': input through `run.console`. Default: none. */
  readonly stdin?: string | Uint8Array | 'open';
}

export interface VmResult {
  /** 0 when the machine powered itself off. */
  readonly status: number;
  /** All output of its console. */
  readonly output: string;
  readonly ending: Result['ending'];
  readonly why: string;
}

/** Boots a virtual machine. @throws SystemError for a machine that cannot boot, in one sentence */
export function bootVm(options: VmOptions): Run<VmResult> {
  const { kernel, initrd, append, smp, disks = [], networks = [] } = options, tags = Object.keys(options.folders ?? {}),
    memory = bytesOfSize(options.memory ?? '256M');
  const modules: Module[] = [{ name: 'kernel', bytes: kernel }, ...(initrd ? [{ name: 'initrd', bytes: initrd }] : []),
    ...(options.sites === undefined ? [] : [{ name: 'sites', bytes: new TextEncoder().encode(options.sites) }])];
  const technique = { virt: options.virt, shadow: options.shadow, lookAhead: options.lookAhead, patches: options.patches,
    sites: options.sites === undefined ? undefined : 'sites' };
  const wrong = readOptions({
    kernel: 'kernel', ...technique, memory, smp,
    disks: disks.map((_, i) => ({ block: `disk${i}` })),
    nets: networks.map((_, i) => `net${i}`), folders: tags.map((tag, i) => ({ files: `folder${i}`, tag }))
  });
  if (typeof wrong === 'string') throw new SystemError(wrong);
  const world = (bytes: number) => machineWorld({
    kernel: 'kernel', initrd: initrd && 'initrd', append, memory: bytes, smp, disks: disks.length, nets: networks.length, folders: tags,
    more: { seed: options.seed ?? 1, ...technique },
  });
  try {
    const run: Run<VmResult> = new Run<VmResult>({
      scenario: world(memory), main: 'console0',
      host: {
        modules, consoles: 1, disks, nets: networkCards(networks), inputs: ['console0'],
        folders: portsOf(options.folders, options.replay !== undefined),
      },
      system: { memoryBytes: boardMemory(memory, modules, world) },
      finish: (result) => ({
        status: result.status, output: run.console.text(), ending: result.ending,
        why: result.status === 0 ? '' : (result.ending === 'finished' && reasonOf(run.system)) || result.why
      }),
    }, options);
    if (options.replay === undefined && options.stdin !== 'open') {
      if (options.stdin !== undefined) run.console.write(options.stdin);
      run.console.end();
    }
    return run;
  } catch (error) {
    throw asSystemError(error);
  }
}

/** The monitor's last message, or its reason not to start. */
function reasonOf({ components }: System): string | undefined {
  const vm = components.get('vm');
  return vm?.report || vm?.why;
}
