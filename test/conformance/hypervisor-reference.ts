/**
 * Two-stage translation by the specification alone: no caches, every access walks. Numbers are bigints.
 * @spec priv 12.3.2 @spec priv 21.5
 */
export type Access = 'load' | 'store' | 'fetch';

export interface Registers {
  /** Mode (0, 8, 9, 10) and root page of each stage. */
  readonly vsatp: { readonly mode: number; readonly root: bigint };
  readonly hgatp: { readonly mode: number; readonly root: bigint };
  /** henvcfg's and menvcfg's, the first already and'ed with the second. */
  readonly guest: { readonly adue: boolean; readonly pbmte: boolean };
  readonly host: { readonly adue: boolean; readonly pbmte: boolean };
}

/** The actor of an access: privilege, and the bits that relax permissions. `mxr`: of vsstatus; `hostMxr`: of mstatus. */
export interface Actor {
  readonly user: boolean;
  readonly sum: boolean;
  readonly mxr: boolean;
  readonly hostMxr: boolean;
  readonly executable?: boolean
}

export class Fault extends Error {
  override readonly cause: number;
  readonly gpa: bigint;
  /** mtinst for faults of implicit accesses, 0 for others. */
  readonly pseudo: number;
  constructor(cause: number, gpa = 0n, pseudo = 0) {
    super(`fault ${cause}`);
    this.cause = cause;
    this.gpa = gpa;
    this.pseudo = pseudo;
  }
}

const PAGE_FAULT = { load: 13, store: 15, fetch: 12 } as const;
const GUEST_FAULT = { load: 21, store: 23, fetch: 20 } as const;
const ACCESS_FAULT = { load: 5, store: 7, fetch: 1 } as const;

const [V, R, W, X, U, A, D] = [1n, 2n, 4n, 8n, 16n, 64n, 128n];
const bits = (value: bigint, high: number, low: number): bigint => (value >> BigInt(low)) & ((1n << BigInt(high - low + 1)) - 1n);

interface Stage {
  readonly levels: number;
  readonly root: bigint;
  /** The root table has four pages. */
  readonly wide: boolean;
  readonly adue: boolean;
  readonly pbmte: boolean;
  readonly read: (address: bigint) => bigint;
  readonly write: (address: bigint, pte: bigint) => void;
  readonly allowed: (pte: bigint) => boolean;
  readonly found?: (span: number) => void;
  readonly fault: () => Fault;
}

export class Reference {
  readonly #memory: DataView;
  readonly #base: bigint;
  /** As they are now. */
  registers: Registers;
  /**
   * Where the leaves of the latest translation lie in memory: of the VS-stage, with the bits of its page's size, and of the G-stage for
   * the data itself.
   */
  leaves: { first?: bigint; span?: number; second?: bigint } = {};

  /** Memory is written where hardware updates accessed and dirty bits. */
  constructor(memory: DataView, base: number, registers: Registers) {
    this.#memory = memory;
    this.#base = BigInt(base);
    this.registers = registers;
  }

  /** The supervisor physical address. @throws Fault */
  translate(va: bigint, access: Access, actor: Actor): bigint {
    this.leaves = {};
    const gpa = this.#first(va, access, actor);
    const pa = this.#second(gpa, access, access, actor, 0);
    if (!this.#isMemory(pa)) throw new Fault(ACCESS_FAULT[access]);
    return pa;
  }

  #isMemory(pa: bigint): boolean { return pa >= this.#base && pa - this.#base < BigInt(this.#memory.byteLength); }

  #physical(pa: bigint, original: Access): number {
    if (!this.#isMemory(pa)) throw new Fault(ACCESS_FAULT[original]);
    return Number(pa - this.#base);
  }

  /** VS-stage: its entries lie at guest physical addresses. */
  #first(va: bigint, access: Access, actor: Actor): bigint {
    const { mode, root } = this.registers.vsatp;
    if (mode === 0) return va;
    const levels = mode - 5;
    const fault = (): Fault => new Fault(PAGE_FAULT[access]);
    const top = 12 + 9 * levels - 1;
    if (BigInt.asUintN(64, BigInt.asIntN(top + 1, va)) !== va) throw fault();
    return walk(va, access, {
      levels, root, wide: false, ...this.registers.guest, fault,
      read: (gpa) => {
        this.leaves.first = this.#second(gpa, 'load', access, undefined, 0x3000);
        return this.#memory.getBigUint64(this.#physical(this.leaves.first, access), true);
      },
      write: (gpa, pte) =>
        this.#memory.setBigUint64(this.#physical(this.#second(gpa, 'store', access, undefined, 0x3020), access), pte, true),
      found: (span) => { this.leaves.span = span; },
      allowed: (pte) => {
        if (actor.user ? (pte & U) === 0n : (pte & U) !== 0n && (access === 'fetch' || !actor.sum)) return false;
        return permits(pte, access, actor.mxr || actor.hostMxr, actor.executable === true);
      },
    });
  }

  /** G-stage. `actor` undefined: an implicit access, which MXR does not help; `pseudo`: what its fault shows. */
  #second(gpa: bigint, access: Access, original: Access, actor: Actor | undefined, pseudo: number): bigint {
    const { mode, root } = this.registers.hgatp;
    if (mode === 0) return gpa;
    const levels = mode - 5;
    const fault = (): Fault => new Fault(GUEST_FAULT[original], gpa, pseudo);
    if (gpa >> BigInt(14 + 9 * levels) !== 0n) throw fault();
    return walk(gpa, access, {
      levels, root, wide: true, ...this.registers.host, fault,
      read: (pa) => {
        if (actor !== undefined) this.leaves.second = pa;
        return this.#memory.getBigUint64(this.#physical(pa, original), true);
      },
      write: (pa, pte) => this.#memory.setBigUint64(this.#physical(pa, original), pte, true),
      allowed: (pte) => (pte & U) !== 0n && permits(pte, access, actor?.hostMxr === true, actor?.executable === true),
    });
  }
}

function permits(pte: bigint, access: Access, mxr: boolean, executable: boolean): boolean {
  if (executable || access === 'fetch') return (pte & X) !== 0n;
  if (access === 'store') return (pte & W) !== 0n;
  return (pte & R) !== 0n || (mxr && (pte & X) !== 0n);
}

function isReserved(pte: bigint, pbmte: boolean): boolean {
  const type = bits(pte, 62, 61);
  if (bits(pte, 60, 54) !== 0n || type === 3n || (type !== 0n && !pbmte)) return true;
  const isPointer = (pte & (R | X)) === 0n;
  return isPointer && ((pte & (A | D | U)) !== 0n || bits(pte, 63, 61) !== 0n);
}

/** Steps 1 to 10 of the algorithm. */
function walk(va: bigint, access: Access, stage: Stage): bigint {
  let table = stage.root << 12n;
  for (let i = stage.levels - 1; i >= 0; i--) {
    const top = 12 + 9 * i + (stage.wide && i === stage.levels - 1 ? 10 : 8);
    const address = table + 8n * bits(va, top, 12 + 9 * i);
    const pte = stage.read(address);
    if ((pte & V) === 0n || ((pte & R) === 0n && (pte & W) !== 0n) || isReserved(pte, stage.pbmte)) throw stage.fault();
    const ppn = bits(pte, 53, 10);
    if ((pte & (R | X)) === 0n) {
      table = ppn << 12n;
      continue;
    }
    return leaf(va, access, stage, { i, pte, ppn, address });
  }
  throw stage.fault();
}

function leaf(va: bigint, access: Access, stage: Stage,
    { i, pte, ppn, address }: { i: number; pte: bigint; ppn: bigint; address: bigint }): bigint {
  const napot = pte >> 63n === 1n;
  const low = napot ? 4 : 9 * i;
  stage.found?.(12 + low);
  if (!stage.allowed(pte)) throw stage.fault();
  if (napot ? i > 0 || bits(ppn, 3, 0) !== 8n : i > 0 && bits(ppn, low - 1, 0) !== 0n) throw stage.fault();
  const need = access === 'store' ? A | D : A;
  if ((pte & need) !== need) {
    if (!stage.adue) throw stage.fault();
    stage.write(address, pte | need);
  }
  return (ppn >> BigInt(low) << BigInt(low + 12)) | (low === 0 ? bits(va, 11, 0) : bits(va, 11 + low, 0));
}
