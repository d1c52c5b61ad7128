/**
 * Page-table walks from outside: a walk marks nothing accessed or dirty, raises no fault and ignores permissions.
 *
 *   virtual ── vsatp (or satp) ──► guest-physical ── hgatp ──► machine
 *
 * A guest without a second stage has two ways from a virtual address to the machine: by its own tables, to memory that its monitor has at
 * another address; and by the shadow, which the processor walks.
 *
 *   virtual ── satp, in software ──► guest-physical, plus a distance ── the monitor's satp ──► machine
 *   virtual ── the shadow's satp ──► machine
 *
 * @spec priv 12.3.2 @spec priv 21.5.1
 */

/**
 * Values of satp (or vsatp), and of hgatp in a virtual machine; a mode of 0 = no translation in this stage. `lent`: the guest's memory is
 * its monitor's, and `second` the monitor's satp; `shadow`: the satp that the guest's code runs by, if there is one yet.
 */
export interface Roots { readonly first: bigint; readonly second?: bigint; readonly lent?: LentMemory; readonly shadow?: bigint }
/** Guest-physical range, and where it begins among the monitor's addresses. */
export interface LentMemory { readonly base: bigint; readonly size: bigint; readonly at: bigint }
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
export const PAGE = 4096n, NAPOT_PAGES = 16n, PPN = (1n << 44n) - 1n;
export const PTE = { V: 1n, R: 2n, W: 4n, X: 8n } as const;

/** Called with each entry that is looked at. */
type See = (step: Step) => void;
const BLIND: See = () => {};

/** Where the second stage leads from a guest-physical address; without one, the same number. */
export function belowFirst(read: ReadEntry, { second, lent }: Roots, gpa: bigint): bigint | undefined {
  if (second === undefined) return gpa;
  const at = lent ? lentAt(lent, gpa) : gpa;
  return at === undefined ? undefined : follow(read, second, at, (a) => a, !lent);
}
export const lentAt = ({ base, size, at }: LentMemory, gpa: bigint): bigint | undefined =>
  (gpa >= base && gpa < base + size ? gpa - base + at : undefined);

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
