/** Walks for people to read: each entry that is looked at, in each stage, until the address is found or the walk ends; and as text. */
import { belowFirst, follow, lentAt, NAPOT_PAGES, PAGE, PPN, PTE, type ReadEntry, type Roots, type Step } from './walk.ts';

/** One stage: translates `from` by the table at `root` to `to`; undefined: the walk ends, and `why` says where. */
export interface Stage { readonly root: bigint; readonly from: bigint; readonly to: bigint | undefined; readonly steps: readonly Step[];
  readonly why?: string }
/**
 * `virtual`: in a virtual machine, where there are two stages, if the first has found something. `lent`: the address among the monitor's.
 * `shadow`: the walk of the processor, where the guest's own tables are only software's.
 */
export interface Walk { readonly va: bigint; readonly virtual: boolean; readonly stages: readonly Stage[];
  readonly machine: bigint | undefined; readonly lent?: bigint; readonly shadow?: Stage }

/** The whole walk of `va`. */
export function walkOf(read: ReadEntry, roots: Roots, va: bigint): Walk {
  const { first, second, lent } = roots, virtual = second !== undefined;
  const inner = stage(read, first, va, (gpa) => belowFirst(read, roots, gpa), false), stages = [inner];
  const at = inner.to === undefined ? undefined : lent ? lentAt(lent, inner.to) : inner.to;
  if (virtual && at !== undefined) stages.push({ ...stage(read, second, at, (a) => a, !lent), from: inner.to! });
  return { va, virtual, stages, machine: virtual && stages.length < 2 ? undefined : stages.at(-1)!.to,
    ...(lent && at !== undefined && { lent: at }),
    ...(roots.shadow !== undefined && { shadow: stage(read, roots.shadow, va, (a) => a, false) }) };
}

function stage(read: ReadEntry, root: bigint, from: bigint, below: (a: bigint) => bigint | undefined, wide: boolean): Stage {
  const steps: Step[] = [], to = follow(read, root, from, below, wide, (step) => steps.push(step));
  return { root, from, to, steps, ...(to === undefined && { why: whyNot(steps, wide) }) };
}

function whyNot(steps: readonly Step[], wide: boolean): string {
  const last = steps.at(-1);
  if (last === undefined) return wide ? 'it is wider than the table' : 'it is not canonical';
  if (last.machine === undefined) return 'the second stage does not map its table';
  if (last.entry === undefined) return 'its table is not in memory';
  return (last.entry & PTE.V) === 0n ? 'its entry is not valid' : 'its last entry is no leaf';
}

// ── as text ──

const hex = (n: bigint): string => `0x${n.toString(16)}`;
const NAMES: Readonly<Record<string, string>> = { 8: 'Sv39', 9: 'Sv48', 10: 'Sv57' };
const FLAGS = ['V', 'R', 'W', 'X', 'U', 'G', 'A', 'D'] as const;
const SIZES = ['4 KiB', '2 MiB', '1 GiB', '512 GiB', '256 TiB'] as const;

/** The walk as text, one line per entry. */
export function walkLines({ va, virtual, stages: [first, second], machine, lent, shadow }: Walk): string[] {
  const software = shadow !== undefined || lent !== undefined, own = software ? "guest's satp" : virtual ? 'vsatp' : 'satp';
  const lines = stageLines(`virtual ${hex(va)}`, own, first!);
  if (second && software) lines.push(...stageLines(`guest-physical ${hex(second.from)}, ${hex(lent!)} to the monitor`, 'satp', second));
  else if (second) lines.push(...stageLines(`guest-physical ${hex(second.from)}`, 'hgatp', second));
  else if (virtual && first!.to !== undefined) lines.push(`guest-physical ${hex(first!.to)} is no memory`);
  if (machine !== undefined) lines.push(`${virtual ? 'machine' : 'physical'} ${hex(machine)}`);
  if (shadow) lines.push(...shadowLines(va, shadow));
  return lines;
}
/** The walk of the processor, in the shadow of the guest's tables. */
export function shadowLines(va: bigint, shadow: Stage): string[] {
  const lines = stageLines(`shadow of ${hex(va)}`, 'satp', shadow);
  return shadow.to === undefined ? lines : [...lines, `machine ${hex(shadow.to)}`];
}

function stageLines(from: string, register: string, { root, to, from: address, steps, why }: Stage): string[] {
  return [`${from}, ${rootText(root, register)}`, ...steps.map((step) => `  ${stepText(step)}`),
    ...(to === undefined ? [`  nothing is mapped at ${hex(address)}: ${why}`] : [])];
}

function rootText(root: bigint, name: string): string {
  const mode = String(root >> 60n);
  if (mode === '0') return `${name} bare: the same number`;
  return `${name} ${NAMES[mode] ?? `mode ${mode}`}${name === 'hgatp' ? 'x4' : ''}, root table at ${hex((root & PPN) * PAGE)}`;
}

function stepText({ level, at, machine, entry }: Step): string {
  const place = `level ${level}: entry at ${hex(at)}${machine === undefined || machine === at ? '' : ` (machine ${hex(machine)})`}`;
  if (entry === undefined) return `${place} cannot be read`;
  const flags = FLAGS.map((f, i) => ((entry >> BigInt(i)) & 1n ? f : '-')).join(''), next = ((entry >> 10n) & PPN) * PAGE;
  if ((entry & PTE.V) === 0n) return `${place} is ${hex(entry)}: not valid`;
  const isLeaf = (entry & (PTE.R | PTE.X)) !== 0n, size = entry >> 63n ? '64 KiB' : SIZES[level]!;
  const leads = isLeaf ? `${size} at ${hex(next - (next % sizeOf(level, entry)))}` : `table at ${hex(next)}`;
  return `${place} is ${hex(entry)}, ${flags}: ${leads}`;
}
const sizeOf = (level: number, entry: bigint): bigint => (entry >> 63n ? PAGE * NAPOT_PAGES : PAGE << (9n * BigInt(level)));
