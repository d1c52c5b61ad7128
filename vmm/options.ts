/**
 * Options of a VM: the component's arguments from the boot scenario, checked.
 *
 *   { kernel: 'vmlinuz', initrd: 'initramfs', append: 'console=ttyS0', memory: 2 ** 29, smp: 2,
 *     disks: [{ block: 'disk0' }, { rom: 'image', ro: true }], console: 'console', nets: ['net0'],
 *     folders: [{ files: 'folder0', tag: 'host' }] }
 */
import { whatIsWrongWith } from './control.ts';
import type { PortalOption } from './portals.ts';
import { PATCHES, type Patches } from './translate/scanned.ts';

export interface DiskOption {
  /** Name of a capability to a block server, or of a boot module. */
  readonly block?: string;
  readonly rom?: string;
  readonly ro?: boolean;
}

/** A folder behind a files server, under the tag by which the guest mounts it. */
export interface FolderOption { readonly files: string; readonly tag: string }

export interface Options {
  /** Names of boot modules. */
  readonly kernel: string;
  readonly initrd?: string;
  /** The kernel is bare machine code without any header. */
  readonly raw: boolean;
  readonly append: string;
  /** Bytes. */
  readonly memory: number;
  readonly smp: number;
  readonly disks: readonly DiskOption[];
  /** Name of the capability to the stream that is the guest's console. */
  readonly console: string;
  /** The same for a virtio console beside the serial port; without it there is none. */
  readonly virtioConsole?: string;
  /** Names of capabilities to network servers: one card each. */
  readonly nets: readonly string[];
  readonly folders: readonly FolderOption[];
  /** Tasks beside the machine that the guest may ask, by number. */
  readonly portals: readonly PortalOption[];
  /** A reboot of the guest ends the component instead. */
  readonly rebootIsExit: boolean;
  /** Every exit brings all of the guest's state and takes it back, instead of what its cause needs: to see what that costs. */
  readonly fullState: boolean;
  /** Operations that leave the guest besides those that must, and with no- before them those that do not (control.ts). */
  readonly exits: readonly string[];
  /** How guest code runs. */
  readonly virt: (typeof TECHNIQUES)[number];
  /** What the guest sees as memory; shadow page tables: made right at fences, or traced. */
  readonly mmu: (typeof MEMORIES)[number];
  readonly shadow: (typeof SHADOWS)[number];
  /** After an exit, what would exit next is done in the same visit. */
  readonly lookAhead: boolean;
  /** … and code that was seen once is believed to be the same: wrong, to show what the comparison of bytes is for. */
  readonly believesCode: boolean;
  /** How patched blocks hang together (translate/scanned.ts). */
  readonly patches: Patches;
  /** Name of a boot module: sites of the kernel that are rewritten when it is loaded (translate/find-sites.ts). */
  readonly sites?: string;
  readonly isa: string;
  readonly seed: number;
  /** Time of the real-time clock at the start, in milliseconds since 1970. */
  readonly date: number;
  /** vCPU n runs on hart n mod `harts`. */
  readonly harts: number;
  readonly priority: number;
  /** Cycles that a virtual processor has the hart for when others of its priority wait; 0: the kernel's default, 10 ms. */
  readonly slice: number;
  /** Cycles; with it the slice is a budget: no more than that in any period, whether others wait or not. 0: none. */
  readonly period: number;
}

const MIB = 2 ** 20, PAGE = 4096;
export const LEAST_MEMORY = 8 * MIB, MOST_CPUS = 16, MOST_DISKS = 6, MOST_NETS = 2, MOST_FOLDERS = 4, LONGEST_TAG = 31;
/**
 * Interrupts of the virtual CPU come by Sstc; no TLB keeps invalid entries (Svvptc); extensions that need more of the machine are not
 * offered.
 */
export const DEFAULT_ISA = 'rv64imafdc_zicbom_zicboz_zicntr_zicsr_zifencei_zihintpause_zicond_zimop_zawrs_zfa_zfhmin_zcb_zba_zbb_zbs_'
  + 'sstc_svinval_svnapot_svpbmt_svvptc';
/** Cycles: shorter slices would be spent on switching, longer ones have no effect. */
export const LEAST_SLICE = 10_000, MOST_SLICE = 10 ** 12;
/** 1 July 2025. */
const DEFAULT_DATE = 1_751_328_000_000;

/** How guest code can be run (cpu/techniques.ts). */
export const TECHNIQUES = ['hardware', 'trap', 'patch', 'pre'] as const;
/** The memory that goes with each (vmm/memory). */
export const MEMORIES = ['twostage', 'shadow'] as const, SHADOWS = ['sync', 'traced'] as const;
const WHY = { shadow: 'shadow tables go with a kernel in U mode (trap, patch, pre)',
  twostage: "a second stage is the H extension's (hardware)" } as const;
const MEMORY_OF = { hardware: 'twostage', trap: 'shadow', patch: 'shadow', pre: 'shadow' } as const satisfies
  Readonly<Record<Options['virt'], Options['mmu']>>;

/** Checks the arguments; the error is a sentence. */
export function readOptions(args: Readonly<Record<string, unknown>>, highest = 100): Options | string {
  const text = (name: string, otherwise: string): string => (typeof args[name] === 'string' ? (args[name] as string) : otherwise);
  const number = (name: string, otherwise: number): number => (typeof args[name] === 'number' ? (args[name] as number) : otherwise);
  const disks = (args['disks'] ?? []) as readonly DiskOption[], virt = text('virt', 'hardware') as Options['virt'];
  const options: Options = {
    kernel: text('kernel', ''), initrd: text('initrd', '') || undefined, raw: args['raw'] === true, append: text('append', ''),
    memory: Math.floor(number('memory', 128 * MIB) / PAGE) * PAGE, smp: number('smp', 1), disks, console: text('console', 'console'),
    virtioConsole: text('virtioConsole', '') || undefined, nets: (args['nets'] ?? []) as readonly string[],
    folders: (args['folders'] ?? []) as readonly FolderOption[],
    portals: (args['portals'] ?? []) as readonly PortalOption[], fullState: args['fullState'] === true,
    exits: (args['exits'] ?? []) as readonly string[],
    rebootIsExit: args['rebootIsExit'] === true, virt, isa: text('isa', DEFAULT_ISA),
    mmu: text('mmu', MEMORY_OF[virt] ?? '') as Options['mmu'], shadow: text('shadow', 'sync') as Options['shadow'],
      lookAhead: args['lookAhead'] === true, believesCode: args['believesCode'] === true,
      patches: text('patches', 'stubs') as Patches, sites: text('sites', '') || undefined,
    seed: number('seed', 1), date: number('date', DEFAULT_DATE),
    slice: number('slice', 0), period: number('period', 0), harts: Math.max(1, number('harts', 1)),
      priority: number('priority', Math.min(60, highest)),
  };
  if (options.priority > highest) return `its processors cannot have priority ${options.priority}: the component has ${highest}`;
  return whatIsWrong(options) ?? options;
}

function whatIsWrong(options: Options): string | undefined {
  if (options.kernel === '') return 'no kernel is given';
  if (!TECHNIQUES.includes(options.virt)) return `'${options.virt}' is no technique; there are ${TECHNIQUES.join(', ')}`;
  if (!MEMORIES.includes(options.mmu)) return `'${options.mmu}' is no kind of memory; there are ${MEMORIES.join(', ')}`;
  if (!SHADOWS.includes(options.shadow)) return `'${options.shadow}' is no way to keep shadow tables; there are ${SHADOWS.join(', ')}`;
  if (options.mmu !== MEMORY_OF[options.virt])
    return `technique ${options.virt} has ${MEMORY_OF[options.virt]} memory, not ${options.mmu}: ${WHY[options.mmu]}`;
  if ((options.virt === 'pre') !== (options.sites !== undefined))
    return options.virt === 'pre' ? "technique pre needs a list of the kernel's sites (--sites FILE; tessera afterburn makes one)"
      : `a list of sites goes with technique pre, not ${options.virt}`;
  if (!PATCHES.includes(options.patches)) return `'${options.patches}' is no way to patch; there are ${PATCHES.join(', ')}`;
  if (options.shadow === 'traced' && options.virt === 'patch')
    return 'traced tables do not go with technique patch: a store would have two owners';
  const { slice, period } = options;
  if (!Number.isInteger(slice) || (slice !== 0 && (slice < LEAST_SLICE || slice > MOST_SLICE)))
    return `a time slice has ${LEAST_SLICE} to ${MOST_SLICE} cycles, not ${slice}`;
  if (period !== 0 && !(Number.isInteger(period) && slice > 0 && period >= slice && period <= MOST_SLICE))
    return `a period of ${period} cycles does not go with a slice of ${slice}: the slice is what may be used of it`;
  const strange = whatIsWrongWith(options.exits);
  if (strange !== undefined) return strange;
  if (options.exits.length > 0 && options.virt !== 'hardware') return 'exits can be chosen with the H extension only (hardware)';
  if (options.shadow === 'traced' && options.mmu !== 'shadow') return 'traced tables are shadow tables: they go with technique trap';
  if (!(options.memory >= LEAST_MEMORY))
    return `${Math.floor(options.memory / MIB)} MiB of memory are too little for a VM; give it at least ${LEAST_MEMORY / MIB} MiB`;
  if (!Number.isInteger(options.smp) || options.smp < 1 || options.smp > MOST_CPUS)
    return `${options.smp} processors are not possible; a VM has 1 to ${MOST_CPUS}`;
  if (!Array.isArray(options.disks) || options.disks.length > MOST_DISKS) return `a VM has at most ${MOST_DISKS} disks`;
  if (!Array.isArray(options.nets) || options.nets.length > MOST_NETS || options.nets.some((n) => typeof n !== 'string'))
    return `a VM has at most ${MOST_NETS} network cards`;
  if (!Array.isArray(options.folders) || options.folders.length > MOST_FOLDERS)
    return `a VM has at most ${MOST_FOLDERS} folders of the host`;
  const tags = options.folders.map((f) => String(f.tag));
  const wrong = tags.find((t, i) => t === '' || new TextEncoder().encode(t).length > LONGEST_TAG || tags.indexOf(t) !== i);
  if (wrong !== undefined) return `'${wrong}' is no mount tag: it has 1 to ${LONGEST_TAG} bytes, and each folder another one`;
  if (options.disks.some((d) => !d.block === !d.rom)) return 'a disk is either a block server or a boot module';
  return undefined;
}
