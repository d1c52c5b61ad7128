/**
 * The world of a trial: memory with page tables, and the hart states in which trials begin.
 *
 * A region holds page tables, code, data and a trap vector. There are three: `home`; `away`, with the same contents at other physical
 * addresses and tables that point there; and `moved`, a byte copy of `home`, which a second stage maps in home's place. A program observes
 * the same memory in all of them.
 */
import { ENVCFG, HSTATUS, IP, IP_VS, MSTATUS, PTE } from '../hart/bits.ts';
import { C, SLOTS } from '../hart/slots.ts';
import type { Machine } from '../machine.ts';

export const MODES = ['U', 'S', 'VS', 'VU'] as const;
export type Mode = (typeof MODES)[number];
/**
 * open      as a supervisor would set it up for programs that may use everything
 * closed    as a monitor would that traps everything it can: counters, floating point, cache-block operations, and VTVM, VTW, VTSR
 * host      other contents of all registers that belong to the machine's own supervisor, as far as they forbid nothing
 * guest     other contents of the registers of a guest
 * elsewhere the same memory at other physical addresses
 */
export const STATES = ['open', 'closed', 'host', 'guest', 'elsewhere'] as const;
export type State = (typeof STATES)[number];

const PAGE = 4096, SV39 = 8 << 28, FS_INITIAL = 1 << MSTATUS.FS_SHIFT;
/** Virtual pages: code (many), data, the trap vector, and one at an address that processors with kseg0 do not translate. */
export const VA = { code: 0x1000_0000, data: 0x2000_0000, vector: 0x3000_0000, window: 0x8000_0000 } as const;
export const CODE_PAGES = 40;
/** Pages of a region. */
const AT = { user: 0, supervisor: 8, data: 16, vector: 17, window: 18, code: 19 } as const;
const REGION = (AT.code + CODE_PAGES) * PAGE;
const LOOP = 0x6f; // j .

type Permission = 'user' | 'supervisor';
interface Region { readonly base: number; readonly roots: Record<Permission, number> }

export class World {
  readonly machine: Machine;
  readonly home: Region;
  readonly away: Region;
  /** Second-stage roots: home at its own addresses, and `moved` in home's place. */
  readonly stages: readonly [straight: number, moved: number];
  readonly translated: boolean;
  readonly #regions: readonly number[];
  readonly #window: number;

  /** `base`: free physical memory, a multiple of 2 MiB. */
  constructor(machine: Machine, base: number) {
    this.machine = machine;
    this.translated = machine.model.translation;
    this.#window = VA.window + 0x800;
    const [home, away, moved] = [0x1_0000, 0x10_0000, 0x30_0000].map((offset) => base + offset);
    this.home = { base: home!, roots: this.#tables(home!) };
    this.away = { base: away!, roots: this.#tables(away!) };
    machine.memory.writable(moved!, REGION).set(machine.memory.view(home!, REGION));
    this.#regions = [home!, away!, moved!];
    for (const region of this.#regions) machine.memory.setU32(region + AT.vector * PAGE, LOOP);
    this.stages = [this.#stage(base + 0x40_0000, home!, home!), this.#stage(base + 0x44_0000, home!, moved!)];
  }

  /** Writes instructions into the code pages of all regions, one every 16 bytes: instruction i is at `codeAddress(i)`. */
  load(words: readonly number[]): void {
    if (words.length * 16 > CODE_PAGES * PAGE) throw new RangeError(`${words.length} instructions do not fit`);
    for (const region of this.#regions) words.forEach((word, i) => {
      const at = region + AT.code * PAGE + 16 * i;
      this.machine.memory.setU32(at, word);
      for (const next of (word & 3) === 3 ? [4, 8, 12] : [8, 12]) this.machine.memory.setU32(at + next, LOOP);
    });
  }

  /** Address of a page as programs of this world see it. */
  address(page: keyof typeof VA): number {
    return this.translated || page === 'window' ? VA[page] : this.home.base + AT[page] * PAGE;
  }
  codeAddress(i: number): number { return this.address('code') + 16 * i; }

  /** Physical memory at the window's address. */
  get window(): number { return this.machine.memory.u32(this.#window); }
  set window(word: number) { this.machine.memory.setU32(this.#window, word); }

  /** Restores the data pages of every region. */
  restore(): void {
    const { memory } = this.machine;
    for (const region of this.#regions) for (const page of [AT.data, AT.window]) {
      const words = new Uint32Array(memory.writable(region + page * PAGE, PAGE).buffer,
        memory.writable(region + page * PAGE, PAGE).byteOffset, PAGE / 4);
      for (let i = 0; i < words.length; i++) words[i] = 0x0101_0101 * (i & 0x3f) + page;
    }
  }
  /** Bytes of the data pages that a trial in this state works on. */
  data(state: State, virtual: boolean): Uint8Array {
    const region = state !== 'elsewhere' ? this.#regions[0]! : this.#regions[virtual ? 2 : 1]!;
    return this.machine.memory.view(region + AT.data * PAGE, 3 * PAGE);
  }

  /** Page tables of a region for user and for supervisor mode: Sv39, accessed and dirty bits set. */
  #tables(base: number): Record<Permission, number> {
    const of = (at: number, user: boolean): number => {
      const tables = new Tables(this.machine, base + at * PAGE, base);
      for (let i = 0; i < CODE_PAGES; i++) tables.map(VA.code + i * PAGE, base + (AT.code + i) * PAGE, PTE.R | PTE.X | (user ? PTE.U : 0));
      tables.map(VA.data, base + AT.data * PAGE, PTE.R | PTE.W | (user ? PTE.U : 0));
      tables.map(VA.window, base + AT.window * PAGE, PTE.R | PTE.W | (user ? PTE.U : 0));
      tables.map(VA.vector, base + AT.vector * PAGE, PTE.R | PTE.X);
      return base + at * PAGE;
    };
    return { user: of(AT.user, true), supervisor: of(AT.supervisor, false) };
  }

  /** A second stage that shows `to` where the guest believes `from` to be. */
  #stage(root: number, from: number, to: number): number {
    const tables = new Tables(this.machine, root, root, 4);
    for (let at = 0; at < REGION; at += PAGE) tables.map(from + at, to + at, PTE.R | PTE.W | PTE.X | PTE.U);
    return root;
  }

  /** CSR values, privilege and virtualization that a trial begins with. */
  csrs(mode: Mode, state: State): Int32Array {
    const csrs = new Int32Array(SLOTS), virtual = mode.startsWith('V'), permission: Permission = mode.endsWith('U') ? 'user' : 'supervisor';
    const set = (slot: number, value: number): void => {
      csrs[slot] = value % 2 ** 32;
      csrs[slot + 1] = Math.floor(value / 2 ** 32);
    };
    const root = (slot: number, table: number, asid = 1): void => {
      if (this.translated) { csrs[slot] = table / PAGE; csrs[slot + 1] = SV39 | (asid << 12); }
    };
    csrs[C.mstatus] = FS_INITIAL;
    csrs[C.mstatus + 1] = 2 | (2 << 2);
    csrs[C.vsstatus] = FS_INITIAL;
    csrs[C.vsstatus + 1] = 2;
    csrs[C.hstatus] = HSTATUS.SPVP; // hlv and hsv act for a guest's supervisor
    csrs[C.hstatus + 1] = HSTATUS.VSXL_HI;
    set(C.mtvec, this.home.base + AT.vector * PAGE);
    for (const slot of [C.stvec, C.vstvec]) set(slot, this.address('vector'));
    for (const slot of [C.sepc, C.vsepc]) set(slot, this.codeAddress(0));
    csrs[C.medeleg] = 0xfc_b5ff; // all but calls of S mode, which firmware answers
    csrs[C.mideleg] = 0x222 | IP_VS;
    csrs[C.hideleg] = IP_VS;
    for (const slot of [C.mcounteren, C.scounteren, C.hcounteren]) csrs[slot] = -1;
    for (const slot of [C.menvcfg, C.senvcfg, C.henvcfg]) csrs[slot] = ENVCFG.CBIE | ENVCFG.CBCFE | ENVCFG.CBZE;
    for (const slot of [C.menvcfg, C.henvcfg]) csrs[slot + 1] = ENVCFG.STCE_HI;
    for (const slot of [C.stimecmp, C.vstimecmp]) csrs[slot] = csrs[slot + 1] = -1;
    for (const slot of [C.mstateen0, C.hstateen0, C.mstateen1, C.hstateen1]) csrs[slot + 1] = -1;
    for (let n = 1; n < 3; n++) csrs[C.mstateen1 + 2 * n + 1] = csrs[C.hstateen1 + 2 * n + 1] = -1;
    csrs[C.pmpaddr] = -1; // all of memory, in every mode
    csrs[C.pmpaddr + 1] = 0x3f_ffff;
    csrs[C.pmpcfg0] = 0x1f;
    const region = state === 'elsewhere' && !virtual ? this.away : this.home;
    root(C.satp, region.roots[virtual ? 'supervisor' : permission]);
    root(C.vsatp, this.home.roots[permission]);
    root(C.hgatp, this.stages[state === 'elsewhere' && virtual ? 1 : 0]);
    if (state === 'closed') close(csrs, virtual);
    if (state === 'host') otherHost(csrs, virtual);
    if (state === 'guest') otherGuest(csrs, virtual);
    return csrs;
  }
}

/** Everything for which a monitor can enable a trap, for programs in U mode and for guests. */
function close(words: Int32Array, virtual: boolean): void {
  words[C.mstatus] &= ~MSTATUS.FS;
  if (!virtual) {
    words[C.scounteren] = words[C.senvcfg] = 0;
    return;
  }
  words[C.hcounteren] = words[C.henvcfg] = words[C.henvcfg + 1] = 0;
  words[C.hstateen0 + 1] = 0;
  for (let n = 0; n < 3; n++) words[C.hstateen1 + 2 * n + 1] = 0;
  words[C.hstatus] |= HSTATUS.VTVM | HSTATUS.VTW | HSTATUS.VTSR;
}

const VALUES = [0x1357_9bdc, 0x2468_ace0] as const;
const other = (c: Int32Array, ...slots: number[]): void => { for (const slot of slots) { c[slot] = VALUES[0]; c[slot + 1] = VALUES[1]; } };

/** Registers of the machine's own supervisor, of M mode, and counters. They affect neither a guest nor any permission. */
function otherHost(words: Int32Array, virtual: boolean): void {
  other(words, C.mscratch, C.mepc, C.mcause, C.mtval, C.mtinst, C.mtval2, C.sscratch, C.scause, C.stval, C.htval, C.htinst, C.htimedelta,
    C.cycleOffset, C.instretOffset);
  words[C.sepc] += 8;
  words[C.stimecmp] = words[C.stimecmp + 1] = 0x7fff_0000;
  words[C.stvec] += 4;
  words[C.mstatus] |= MSTATUS.SIE | MSTATUS.SPIE | MSTATUS.SPP | MSTATUS.SUM | MSTATUS.MXR | MSTATUS.MPIE;
  words[C.mstatus] = (words[C.mstatus] & ~MSTATUS.FS) | MSTATUS.FS;
  words[C.mie] |= IP.STI | IP.SEI;
  words[C.softPending] = IP.SSI; // pending, and not enabled
  words[C.scounteren] &= ~(1 << 31);
  words[C.senvcfg] |= ENVCFG.FIOM;
  words[C.satp + 1] += 1 << 12;
  words[C.hgatp + 1] += 1 << 12;
  if (virtual) return;
  otherGuest(words, virtual);
  words[C.hstatus] &= ~HSTATUS.SPVP;
  words[C.hstatus] |= HSTATUS.VTVM | HSTATUS.VTW | HSTATUS.VTSR;
  words[C.hedeleg] = 0xb1ff;
  words[C.hideleg] = words[C.hvip] = IP.VSSI | IP.VSTI; // delegated, so that no trap follows
  words[C.hstateen0 + 1] = 0;
  words[C.hcounteren] = 5;
  words[C.henvcfg] = 0;
}

function otherGuest(words: Int32Array, virtual: boolean): void {
  other(words, C.vsscratch, C.vscause, C.vstval);
  words[C.vsepc] += 8;
  words[C.vstvec] += 4;
  words[C.vstimecmp] = words[C.vstimecmp + 1] = 0x7fff_0000;
  words[C.vsstatus] |= MSTATUS.SIE | MSTATUS.SPIE | MSTATUS.SPP | MSTATUS.SUM | MSTATUS.MXR | MSTATUS.FS;
  words[C.mie] |= IP_VS;
  if (virtual) words[C.vsatp + 1] += 1 << 12;
  else words[C.vsatp] = words[C.vsatp + 1] = 0;
}

/** Three levels of page tables, made as they are needed behind the root (of `width` pages). */
class Tables {
  readonly #machine: Machine;
  readonly #root: number;
  #next: number;

  constructor(machine: Machine, root: number, _owner: number, width = 1) {
    this.#machine = machine;
    this.#root = root;
    this.#next = root + width * PAGE;
  }

  map(from: number, to: number, bits: number): void {
    let table = this.#root;
    for (let level = 2; level > 0; level--) {
      const at = table + index(from, level) * 8, entry = this.#machine.memory.u64(at);
      if (entry === 0n) this.#machine.memory.setU64(at, BigInt(this.#next / PAGE) << 10n | BigInt(PTE.V));
      table = entry === 0n ? this.#take() : Number(entry >> 10n) * PAGE;
    }
    this.#machine.memory.setU64(table + index(from, 0) * 8, BigInt(to / PAGE) << 10n | BigInt(bits | PTE.V | PTE.A | PTE.D));
  }

  #take(): number {
    const page = this.#next;
    this.#next += PAGE;
    return page;
  }
}

const index = (address: number, level: number): number => Math.floor(address / 2 ** (12 + 9 * level)) % (level === 2 ? 2048 : 512);
