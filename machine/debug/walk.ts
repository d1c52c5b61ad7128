/**
 * Page-table walks for people to read: each entry that a walk reads, in each stage, until it finds the address or ends. A walk marks
 * nothing accessed or dirty, raises no fault and ignores permissions.
 *
 *   virtual ── vsatp (or satp) ──► guest-physical ── hgatp ──► machine
 *
 * @spec priv 12.3.2 @spec priv 21.5.1
 */

/** Values of satp (or vsatp), and of hgatp in a virtual machine; a mode of 0 = no translation in this stage. */
export interface Roots { readonly first: bigint; readonly second?: bigint }
/** The page-table entry at a machine address; undefined: there is no memory. */
export type ReadEntry = (machine: bigint) => bigint | undefined;

/** One entry that a walk looks at. */
export interface Step {
  readonly level: number;
  /**
   * Where the entry is, as the stage's table has it (in a virtual machine's first stage: guest-physical), and in the machine; undefined:
   * nowhere.
   */
  readonly at: bigint;
  readonly machine: bigint | undefined;
  /** undefined: it cannot be read. */
  readonly entry: bigint | undefined;
}
/** One stage: translates `from` by the table at `root` to `to`; undefined: the walk ends, and `why` says where. */
export interface Stage { readonly root: bigint; readonly from: bigint; readonly to: bigint | undefined; readonly steps: readonly Step[];
  readonly why?: string }
/** `virtual`: in a virtual machine, where there are two stages, if the first has found something. */
export interface Walk { readonly va: bigint; readonly virtual: boolean; readonly stages: readonly Stage[];
  readonly machine: bigint | undefined }

const PAGE = 4096n, NAPOT_PAGES = 16n, PPN = (1n << 44n) - 1n;
const PTE = { V: 1n, R: 2n, W: 4n, X: 8n } as const;

/** Called with each entry that is looked at. */
type See = (step: Step) => void;
const BLIND: See = () => {};

/** The whole walk of `va`. */
export function walkOf(read: ReadEntry, { first, second }: Roots, va: bigint): Walk {
  const outer = (gpa: bigint): bigint | undefined => (second === undefined ? gpa : follow(read, second, gpa, (a) => a, true));
  const inner = stage(read, first, va, outer, false), stages = [inner];
  if (second !== undefined && inner.to !== undefined) stages.push(stage(read, second, inner.to, (a) => a, true));
  const virtual = second !== undefined;
  return { va, virtual, stages, machine: virtual && stages.length < 2 ? undefined : stages.at(-1)!.to };
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

/** Where one stage leads; `below` finds its tables, `wide`: the root index has two bits more. */
export function follow(read: ReadEntry, root: bigint, address: bigint, below: (a: bigint) => bigint | undefined, wide: boolean,
  see = BLIND): bigint | undefined {
  const mode = root >> 60n, more = wide ? 2n : 0n;
  if (mode === 0n) return address;
  const levels = mode - 5n, bits = 12n + 9n * levels + more; // Sv39 (8) has three levels
  if (wide ? address >> bits !== 0n : BigInt.asUintN(64, BigInt.asIntN(Number(bits), address)) !== address) return undefined;
  let table = (root & PPN) * PAGE;
  for (let level = levels - 1n; level >= 0n; level--) {
    const width = level === levels - 1n ? 9n + more : 9n, index = (address >> (12n + 9n * level)) & ((1n << width) - 1n);
    const at = table + index * 8n, machine = below(at), entry = machine === undefined ? undefined : read(machine);
    see({ level: Number(level), at, machine, entry });
    if (entry === undefined || (entry & PTE.V) === 0n) return undefined;
    const next = ((entry >> 10n) & PPN) * PAGE;
    if ((entry & (PTE.R | PTE.X)) === 0n) table = next;
    else return leaf(next, address, entry >> 63n === 1n ? PAGE * NAPOT_PAGES : PAGE << (9n * level));
  }
  return undefined;
}
const leaf = (base: bigint, address: bigint, size: bigint): bigint => base - (base % size) + (address % size);

// ── as text ──

const hex = (n: bigint): string => `0x${n.toString(16)}`;
const NAMES: Readonly<Record<string, string>> = { 8: 'Sv39', 9: 'Sv48', 10: 'Sv57' };
const FLAGS = ['V', 'R', 'W', 'X', 'U', 'G', 'A', 'D'] as const;
const SIZES = ['4 KiB', '2 MiB', '1 GiB', '512 GiB', '256 TiB'] as const;

/** The walk as text, one line per entry. */
export function walkLines({ va, virtual, stages, machine }: Walk): string[] {
  const lines: string[] = [];
  stages.forEach((stage, i) => {
    const [kind, name] = i === 1 ? ['guest-physical', 'hgatp'] : ['virtual', virtual ? 'vsatp' : 'satp'];
    lines.push(`${kind} ${hex(stage.from)}, ${rootText(stage.root, name)}`);
    for (const step of stage.steps) lines.push(`  ${stepText(step)}`);
    if (stage.to === undefined) lines.push(`  nothing is mapped at ${hex(i === 0 ? va : stage.from)}: ${stage.why}`);
  });
  if (machine !== undefined) lines.push(`${virtual ? 'machine' : 'physical'} ${hex(machine)}`);
  return lines;
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
