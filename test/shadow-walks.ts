/**
 * Shadow spaces against an independent walk. Two processors share memory and write its page tables freely; each step is a store to a table,
 * an access in some mode, a fence, a device's write, or memory pressure. Every mapping must have been allowed by some walk since the last
 * fence that covers it; where tables are traced, by the present tables. The kernel is the real one, and the test reads its page tables.
 *
 *   npx tsx test/shadow-walks.ts --steps 10000000 --seed 1 [--shadow traced]
 */
import { pathToFileURL } from 'node:url';
import { createDecoder } from '../hardware/isa/decode.ts';
import { encode } from '../hardware/isa/row.ts';
import { FULL_ISA, rowNamed } from '../hardware/isa/table.ts';
import { Ops, Right, U, type Sys } from '../microkernel/abi/index.ts';
import type { Syscalls } from '../binding/index.ts';
import type { Kernel } from '../microkernel/kernel.ts';
import type { MapNode } from '../microkernel/mem/node.ts';
import type { Task } from '../microkernel/objects/task.ts';
import { audit } from '../microkernel/testing/audit.ts';
import { Random } from '../microkernel/testing/random-calls.ts';
import { bootReal } from '../microkernel/testing/real-machine.ts';
import { ShadowMmu } from '../vmm/memory/shadow-mmu.ts';
import { TracedTables } from '../vmm/memory/traced.ts';
import type { Access, View } from '../vmm/memory/walker.ts';
import { GuestRam } from '../vmm/ram.ts';
import { answerHelp } from './tool.ts';

export interface WalkOptions { readonly steps: number; readonly seed: number; readonly traced: boolean }
/** Counts of results, which reveal a run that tests nothing. */
export interface WalkReport { readonly steps: number; readonly filled: number; readonly hits: number; readonly faults: number;
  readonly dropped: number; readonly fences: number; readonly stores: number; readonly checked: number; readonly stale: number }

const PAGE = 4096, LARGE = 2 ** 21, BASE = 0x8000_0000, SIZE = 2 * LARGE, VMM = 0x8080_0000, TABLES = 12, DATA = 12, CPUS = 2,
  FIRST_SELECTOR = 4096;
/** Addresses of the guest: lower half, upper half, the edges of tables. */
const VAS: readonly number[] = [0, 1, 256, 511].flatMap(a => [0, 1].flatMap(b => [0, 1, 2,
  511].map(c => (a >= 256 ? a - 512 : a) * 2 ** 30 + b * LARGE + c * PAGE)));
const SLOTS = [0, 1, 2, 256, 511] as const;
const tableAt = (i: number): number => BASE + i * PAGE, dataAt = (i: number): number => BASE + (TABLES + i) * PAGE;
const satp = (mode: number, asid: number, root: number): bigint => BigInt.asUintN(64,
  (BigInt(mode) << 60n) | (BigInt(asid) << 44n) | BigInt(tableAt(root) / PAGE));
const SATPS: readonly bigint[] = [satp(8, 0, 0), satp(8, 1, 1), satp(8, 1, 2), satp(8, 2, 0), satp(9, 3, 3), satp(9, 2, 2)];
const Bit = { V: 1, R: 2, W: 4, X: 8, U: 16, G: 32, A: 64, D: 128 } as const;
const decode = createDecoder(FULL_ISA), STORE = decode(encode(rowNamed('sd'), { rs1: 10, rs2: 11, imm: 0 }));

// ── the independent walk ──

/** A leaf as the guest's tables have it at a moment: the page of 4 KiB, its flags, whether anything on the way is global. */
interface Leaf { readonly page: number; readonly flags: number; readonly global: boolean }
/** Follows the text of the manual, in exact numbers; `slots` receives the addresses of the entries it reads. @spec priv 12.3.2 */
function leafOf(entry: (at: number) => bigint, root: bigint, va: number, slots: number[]): Leaf | undefined {
  const levels = root >> 60n === 8n ? 3 : 4, address = BigInt.asUintN(64, BigInt(va));
  let table = (root & 0xfff_ffff_ffffn) * 4096n, global = false;
  for (let i = levels - 1; i >= 0; i--) {
    const at = Number(table + ((address >> BigInt(12 + 9 * i)) & 511n) * 8n);
    if (at < BASE || at + 8 > BASE + SIZE) return undefined;
    slots.push(at);
    const pte = entry(at), flags = Number(pte & 0xffn), ppn = (pte >> 10n) & 0xfff_ffff_ffffn;
    if ((flags & Bit.V) === 0 || ((flags & Bit.W) !== 0 && (flags & Bit.R) === 0) || pte >> 54n !== 0n) return undefined;
    global ||= (flags & Bit.G) !== 0;
    if ((flags & (Bit.R | Bit.X)) === 0) {
      if ((flags & (Bit.A | Bit.D | Bit.U)) !== 0) return undefined;
      table = ppn * 4096n;
      continue;
    }
    const low = (1n << BigInt(9 * i)) - 1n;
    if ((ppn & low) !== 0n) return undefined;
    return { page: Number((ppn | ((address >> 12n) & low)) * 4096n), flags, global };
  }
  return undefined;
}
/** The rights of a mode; writing needs D, every access needs A. */
function rightsOf({ flags }: Leaf, spot: View): number {
  const user = (flags & Bit.U) !== 0;
  if ((flags & Bit.A) === 0 || (spot.privileged ? user && !spot.sum : !user)) return 0;
  const read = (flags & Bit.R) !== 0 || (spot.mxr && (flags & Bit.X) !== 0), write = (flags & Bit.W) !== 0 && (flags & Bit.D) !== 0,
    execute = (flags & Bit.X) !== 0 && !(spot.privileged && user);
  return (read ? Right.R : 0) | (write ? Right.W : 0) | (execute ? Right.X : 0);
}

// ── translations that walks have allowed since the last fence ──

const keyOf = ({ page, flags, global }: Leaf): number => (page / PAGE) * 512 + flags * 2 + (global ? 1 : 0);

class History {
  readonly #entry: (at: number) => bigint;
  readonly #traced: boolean;
  /** By satp and address: leaves that walks could find, for each processor. */
  readonly #allowed = SATPS.map(() => VAS.map(() => Array.from({ length: CPUS }, () => new Map<number, Leaf>())));
  readonly #readers = new Map<number, Set<number>>();
  /** The result of a walk now. */
  readonly #current: (Leaf | undefined)[] = [];
  readonly #slots: number[][] = SATPS.flatMap(() => VAS.map((): number[] => []));

  constructor(entry: (at: number) => bigint, traced: boolean) {
    this.#entry = entry;
    this.#traced = traced;
    for (let space = 0; space < SATPS.length; space++) for (let spot = 0; spot < VAS.length; spot++) this.#look(space, spot);
  }

  #look(space: number, spot: number): void {
    const id = space * VAS.length + spot, slots: number[] = [], leaf = leafOf(this.#entry, SATPS[space]!, VAS[spot]!, slots);
    for (const at of this.#slots[id]!) this.#readers.get(at)!.delete(id);
    this.#slots[id] = slots;
    this.#current[id] = leaf;
    for (const at of slots) (this.#readers.get(at) ?? this.#readers.set(at, new Set()).get(at)!).add(id);
    for (const allowed of this.#allowed[space]![spot]!) {
      if (this.#traced) allowed.clear();
      if (leaf) allowed.set(keyOf(leaf), leaf);
    }
  }
  /** Memory at [at, at + 8) has changed. */
  changed(at: number): void {
    for (const id of [...(this.#readers.get(at) ?? [])]) this.#look(Math.floor(id / VAS.length), id % VAS.length);
  }

  /** @spec priv 12.2.1: an ASID does not cover global translations */
  fence(cpu: number, va: number | undefined, asid: bigint | undefined): void {
    if (this.#traced) return;
    for (const [space, root] of SATPS.entries()) {
      if (asid !== undefined && ((root >> 44n) & 0xffffn) !== asid) continue;
      for (const [spot, at] of VAS.entries()) {
        if (va !== undefined && va !== at) continue;
        const allowed = this.#allowed[space]![spot]![cpu]!;
        for (const [key, leaf] of allowed) if (asid === undefined || !leaf.global) allowed.delete(key);
        const now = this.#current[space * VAS.length + spot];
        if (now) allowed.set(keyOf(now), now);
      }
    }
  }
  now(s: number, v: number): Leaf | undefined { return leafOf(this.#entry, SATPS[s]!, VAS[v]!, []); }
  /**
   * May `cpu` have this page there with these rights, in this mode? Global translations exist in all address spaces: a kernel may have
   * those of another satp of its mode. @spec priv 12.3.1
   */
  allows(cpu: number, space: number, spot: number, page: number, rights: number, view: View): boolean {
    let all = 0;
    const shares = view.privileged && !view.sum && !this.#traced;
    for (const [i, root] of SATPS.entries()) {
      if (i !== space && !(shares && root >> 60n === view.satp >> 60n)) continue;
      for (const leaf of this.#allowed[i]![spot]![cpu]!.values())
        if (leaf.page === page && (i === space || leaf.global)) all |= rightsOf(leaf, view);
    }
    return (rights & ~all) === 0;
  }
}

// ── the run ──

/** One run in a kernel of its own. @throws Error that names the seed and the step */
export function shadowWalks({ steps, seed, traced }: WalkOptions): WalkReport {
  let report: WalkReport | undefined, failure: unknown, i = 0;
  const real = bootReal(function* (sys) {
    try {
      const run = new Run(sys, real.kernel, new Random(seed), traced);
      for (; i < steps; i++) yield* run.step(i);
      report = run.report(steps);
    } catch (error) { failure = error; }
    real.machine.stop();
    yield* sys.receive();
  }, { bytes: 32 * 2 ** 20, kernelMemory: 8 * 2 ** 20 });
  real.machine.run({ maxCycles: 1e15 });
  if (failure) throw new Error(`seed ${seed}, step ${i}: ${String(failure)}`, { cause: failure });
  const wrong = audit(real.kernel);
  if (wrong.length > 0) throw new Error(`seed ${seed}: ${wrong.join('; ')}`);
  return report!;
}

class Run {
  readonly #sys: Syscalls;
  readonly #kernel: Kernel;
  readonly #r: Random;
  readonly #ram: GuestRam;
  readonly #tables: TracedTables | undefined;
  readonly #mmus: ShadowMmu[] = [];
  readonly #recalled = new Set<number>();
  readonly #history: History;
  #selector = FIRST_SELECTOR;
  readonly #freed: number[] = [];
  readonly #let: number[] = [];
  #hits = 0; #faults = 0; #stores = 0; #fences = 0; #checked = 0; #stale = 0;

  constructor(sys: Syscalls, kernel: Kernel, random: Random, traced: boolean) {
    this.#sys = sys;
    this.#kernel = kernel;
    this.#r = random;
    this.#ram = new GuestRam(sys.memory, VMM, SIZE, BASE);
    this.#tables = traced ? new TracedTables() : undefined;
    this.#ram.onWrite = (gpa) => { this.#let.push(gpa - (gpa % PAGE)); };
    const selectors = { take: () => this.#freed.pop() ?? this.#selector++, free: (s: number) => { this.#freed.push(s); },
      name: function* (): Sys<void> { /* nobody looks at a trace */ } };
    for (let i = 0; i < CPUS; i++) this.#mmus.push(new ShadowMmu(this.#ram, this.#tables, selectors, () => this.#mmus,
      (own) => this.#recall(own, i)));
    for (let table = 0; table < TABLES; table++)
      for (const slot of SLOTS) sys.memory.setU64(tableAt(table) - BASE + VMM + 8 * slot, this.#entry(table));
    this.#history = new History((at) => sys.memory.u64(at - BASE + VMM), traced);
  }
  *#recall(_: Syscalls, cpu: number): Sys<void> { this.#recalled.add(cpu); }

  report(steps: number): WalkReport {
    const { filled, dropped } = this.#mmus.map(m => m.spaces.counts).reduce((a,
      b) => ({ ...a, filled: a.filled + b.filled, dropped: a.dropped + b.dropped }));
    return { steps, filled, dropped, hits: this.#hits, faults: this.#faults, fences: this.#fences, stores: this.#stores,
      checked: this.#checked, stale: this.#stale };
  }

  *step(i: number): Sys<void> {
    const random = this.#r, cpu = random.below(CPUS), what = random.below(100);
    if (what < 65) yield* this.#access(cpu);
    else if (what < 92) yield* this.#storeEntry(cpu);
    else if (what < 97) yield* this.#fence(cpu);
    else if (what < 99) yield* this.#device();
    else if (random.below(20) === 0) yield* this.#scarce(cpu);
    if (i % 256 === 0) this.#checkAll();
  }

  #view(): View & { space: number } {
    const random = this.#r, space = random.below(SATPS.length);
    return { space, satp: SATPS[space]!, privileged: random.chance(50), sum: random.chance(50), mxr: random.chance(25) };
  }

  *#access(cpu: number): Sys<void> {
    const random = this.#r, view = this.#view(), spot = random.below(VAS.length), access = random.pick(['load', 'store', 'fetch'] as const);
    yield* this.#reach(cpu, view, VAS[spot]!, access, spot);
    this.#check(cpu, view, spot);
  }

  /** An entry of a table, written by a processor that has memory as it is; half of them lead somewhere. */
  *#storeEntry(cpu: number): Sys<void> {
    const random = this.#r, table = random.below(TABLES), at = tableAt(table) + 8 * random.pick(SLOTS),
      bare: View = { satp: 0n, privileged: true, sum: false, mxr: false };
    const value = this.#entry(table);
    this.#stores++;
    const done = yield* this.#reach(cpu, bare, at, 'store', -1, value);
    if (!done) this.#sys.memory.setU64(at - BASE + VMM, value);
    this.#history.changed(at);
  }
  /** Most entries are valid: roots point to the next four tables, those to the last four, those to pages. */
  #entry(table = this.#r.below(TABLES)): bigint {
    const random = this.#r, next = tableAt(4 * (Math.floor(table / 4) + 1) + random.below(4));
    if (random.chance(75)) return table < 8 && random.chance(85) ? pte(next, Bit.V)
      : this.#page(table < 8 ? BASE + random.below(2) * LARGE : dataAt(random.below(DATA)));
    return this.#anything();
  }
  #page(gpa: number): bigint { return pte(gpa, Bit.V | this.#r.pick([0xcf, 0xdf, 0xd7, 0x4b, 0x5b, 0x47, 0xc7, 0xef, 0xd5, 0x1f])); }
  #anything(): bigint {
    const random = this.#r, kind = random.below(10), any = (n: number): number => n & (random.chance(60) ? 255 : random.below(256));
    if (kind === 0) return 0n;
    if (kind < 4) return pte(tableAt(random.below(TABLES)), Bit.V | (random.chance(15) ? Bit.G : 0));
    const flags = any(random.pick([0xcf, 0xdf, 0xd7, 0x4b, 0x5b, 0x47, 0xc7, 0xef]));
    return kind < 6 ? pte(BASE + random.below(2) * LARGE, flags | Bit.V)
      : pte(random.chance(20) ? tableAt(random.below(TABLES)) : dataAt(random.below(DATA)), flags | Bit.V);
  }

  *#fence(cpu: number): Sys<void> {
    const random = this.#r, va = random.chance(85) ? random.pick(VAS) : undefined,
      asid = random.chance(50) ? BigInt(random.below(4)) : undefined;
    this.#fences++;
    const target = random.chance(25) ? random.below(CPUS) : cpu; // a remote fence goes to the other one
    const own = target === cpu && random.chance(50) ? this.#view() : undefined;
    if (own) yield* this.#mmus[cpu]!.begin(this.#sys);
    if (own) this.#recalled.delete(cpu);
    this.#history.fence(target, va, asid);
    yield* this.#mmus[target]!.fence(this.#sys, { ...(va !== undefined && { address: BigInt(va) }),
      ...(asid !== undefined && { asid }) }, own);
    if (!own) return;
    this.#settleMarks(own, va === undefined ? -1 : VAS.indexOf(va)); // the mappings it has created at once
    yield* this.#answer(cpu, own);
  }

  /** A device writes to memory, past write protection. */
  *#device(): Sys<void> {
    const random = this.#r, at = tableAt(random.below(TABLES)) + 8 * random.pick(SLOTS), value = this.#entry(), bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigUint64(0, value, true);
    this.#ram.write(at, bytes);
    yield* this.#errands();
    this.#history.changed(at);
  }
  *#errands(): Sys<void> {
    for (let page = this.#let.pop(); page !== undefined; page = this.#let.pop())
      yield* this.#mmus[0]!.release(this.#sys, page);
  }

  *#scarce(cpu: number): Sys<void> {
    const space = this.#mmus[cpu]!.spaces.find({ satp: SATPS[0]!, privileged: true, sum: false, mxr: false });
    if (space) yield* this.#mmus[cpu]!.spaces.shrink(this.#sys, space);
  }

  // ── a processor ──

  #task(selector: number): Task { return this.#kernel.root.task.caps.lookup(selector)!.object as Task; }
  #leaf(cpu: number, view: View, va: number): MapNode | undefined {
    const space = this.#mmus[cpu]!.spaces.find(view);
    return space && this.#task(space.task).space.find(va);
  }

  /** One access, with its faults. Returns whether the monitor performed a store; the translation has to match the tables. */
  *#reach(cpu: number, view: View, va: number, access: Access, spot: number, value?: bigint): Sys<boolean> {
    const mmu = this.#mmus[cpu]!, need = { load: Right.R, store: Right.W, fetch: Right.X }[access], sys = this.#sys;
    for (let tries = 0; tries < 8; tries++) {
      if (this.#recalled.delete(cpu)) { this.#stale++; yield* mmu.begin(sys); }
      const leaf = this.#leaf(cpu, view, va);
      if (leaf && (leaf.rights & need) !== 0) { this.#hits++; return false; }
      yield* mmu.begin(sys);
      this.#faults++;
      const found = yield* mmu.walk(sys, view, BigInt(va), access);
      this.#settleMarks(view, spot);
      if (typeof found === 'string') return this.#mustFault(view, spot, access, need);
      if (access === 'store' && mmu.isTable(found.page)) {
        const gpa = found.page + (va - Math.floor(va / PAGE) * PAGE), known = value !== undefined || this.#r.chance(80);
        const done = yield* mmu.store(sys, known ? STORE : undefined,
          { get: () => value ?? sys.memory.u64(gpa - BASE + VMM), set: () => {} }, gpa);
        this.#let.length = 0; // the guest's own store
        if (done) return true;
        mmu.lend(view, BigInt(va));
        yield* this.#answer(cpu, view);
        this.#settleMarks(view, spot);
        this.#recalled.add(cpu); // the next event takes it away again
        return false;
      }
      if (!this.#ram.isRam(found.page, PAGE)) return false;
      mmu.plan(view, BigInt(va), found);
      yield* this.#answer(cpu, view);
    }
    throw new Error(`0x${va.toString(16)} faults again and again`);
  }
  *#answer(cpu: number, view: View): Sys<void> {
    const { task, items } = yield* this.#mmus[cpu]!.answer(this.#sys, view);
    if (items === 1) yield* this.#map(cpu, task);
  }
  /** The answer is complete; sometimes another processor runs first. */
  *#map(cpu: number, task: number): Sys<void> {
    const { utcb } = this.#sys, flexpage = utcb.num(U.items), dest = utcb.num(U.items + 8), other = (cpu + 1) % CPUS;
    if (this.#r.below(8) === 0) yield* this.#r.chance(50) ? this.#storeEntryOf(other) : this.#fenceOf(other, cpu);
    const status = yield* this.#sys.invoke(task, Ops.task.map, [0, flexpage, dest, 0]);
    if (status !== 0) yield* this.#mmus[cpu]!.refused(this.#sys);
  }
  *#storeEntryOf(cpu: number): Sys<void> {
    const at = tableAt(this.#r.below(TABLES)) + 8 * this.#r.pick(SLOTS);
    const mmu = this.#mmus[cpu]!, bare: View = { satp: 0n, privileged: true, sum: false, mxr: false }, leaf = this.#leaf(cpu, bare, at);
    if (!leaf || (leaf.rights & Right.W) === 0) return; // it would fault: not here
    void mmu;
    this.#sys.memory.setU64(at - BASE + VMM, this.#entry());
    this.#history.changed(at);
  }
  *#fenceOf(_: number, target: number): Sys<void> {
    yield* this.#mmus[target]!.fence(this.#sys, {});
    this.#history.fence(target, undefined, undefined);
  }
  /** The walk has set accessed and dirty bits. */
  #settleMarks(view: View, spot: number): void {
    const space = SATPS.indexOf(view.satp);
    if (space < 0 || spot < 0) return;
    const slots: number[] = [];
    leafOf((at) => this.#sys.memory.u64(at - BASE + VMM), view.satp, VAS[spot]!, slots);
    for (const at of slots) this.#history.changed(at);
  }
  #mustFault(view: View, spot: number, access: Access, need: number): boolean {
    const space = SATPS.indexOf(view.satp), leaf = spot < 0 ? undefined : this.#history.now(space, spot);
    const could = leaf && rightsOf({ ...leaf, flags: leaf.flags | Bit.A | Bit.D }, view) & need;
    if (could) throw new Error(`a ${access} at 0x${VAS[spot]!.toString(16)} faults, and the tables allow it`);
    return false;
  }

  // ── checks ──

  #check(cpu: number, view: View, spot: number): void {
    const space = SATPS.indexOf(view.satp), leaf = this.#leaf(cpu, view, VAS[spot]!);
    if (!leaf || this.#recalled.has(cpu)) return;
    this.#checked++;
    const page = leaf.pa - VMM + BASE + Math.floor((VAS[spot]! - leaf.va) / PAGE) * PAGE;
    if (!this.#history.allows(cpu, space, spot, page, leaf.rights, view))
      throw new Error(`processor ${cpu} has 0x${VAS[spot]!.toString(16)} → 0x${page.toString(16)} with rights ${leaf.rights},
        satp 0x${view.satp.toString(16)}, ${JSON.stringify({ ...view, satp: 0 })}: no walk allowed that`);
    if (this.#tables?.has(page) && (leaf.rights & Right.W) !== 0)
      throw new Error(`processor ${cpu} can write to the table at 0x${page.toString(16)}`);
  }
  #checkAll(): void {
    for (let cpu = 0; cpu < CPUS; cpu++) {
      for (let kind = 0; kind < 8; kind++) for (const satp of SATPS) for (let spot = 0; spot < VAS.length; spot++)
        this.#check(cpu, { satp, privileged: (kind & 4) !== 0, sum: (kind & 2) !== 0, mxr: (kind & 1) !== 0 }, spot);
      const bare: View = { satp: 0n, privileged: true, sum: false, mxr: false };
      for (let i = 0; i < TABLES; i++) {
        const leaf = this.#leaf(cpu, bare, tableAt(i));
        if (leaf && !this.#recalled.has(cpu) && this.#tables?.has(tableAt(i)) && (leaf.rights & Right.W) !== 0)
          throw new Error(`processor ${cpu} can write to the table at 0x${tableAt(i).toString(16)}`);
      }
    }
  }
}

const pte = (gpa: number, flags: number): bigint => (BigInt(gpa / PAGE) << 10n) | BigInt(flags);

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  answerHelp(import.meta.filename);
  const option = (name: string, otherwise: string): string => {
    const i = process.argv.indexOf(`--${name}`);
    return i < 0 ? otherwise : process.argv[i + 1] ?? otherwise;
  };
  const total = Number(option('steps', '1000000')), run = Number(option('run', '200000')), first = Number(option('seed', '1')),
    traced = option('shadow', 'sync') === 'traced';
  const sums: Record<string, number> = {};
  for (let done = 0, seed = first; done < total; done += run, seed++) {
    const report = shadowWalks({ steps: Math.min(run, total - done), seed, traced });
    for (const [name, n] of Object.entries(report)) sums[name] = (sums[name] ?? 0) + Number(n);
    process.stderr.write(`\r${sums['steps']} steps, no difference`);
  }
  process.stdout.write(`${JSON.stringify(sums)}\n`);
}
