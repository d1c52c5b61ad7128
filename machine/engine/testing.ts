/**
 * A hart side for the engine's own tests: memory is the identity (no translation, all rights), slow rows are listed, `ebreak`
 * leaves. Everything outside RAM faults, which ends the run with the address in `faults`.
 */
import { rows } from '../../hardware/isa/table.ts';
import { assemble } from '../../hardware/isa/assemble.ts';
import { createEngine, type Tier } from './engine.ts';
import {
  clearTlb, CODEPAGE_COUNT, computeLayout, HARTS, HS, PAGE, RAM_BASE, SLOW, TLB_BYTES, TLB_ENTRIES, TLB_ENTRY, TLBS_USED, type Layout
} from './layout.ts';
import { LD, type EngineSide, type HartSide } from './port.ts';

const LOAD_SIZE = [1, 2, 4, 8, 1, 2, 4, 4, 8, 2];

export class TestMachine implements HartSide {
  readonly layout: Layout;
  readonly memory: WebAssembly.Memory;
  readonly view: DataView;
  readonly longs: BigInt64Array;
  readonly bytes: Uint8Array;
  readonly engine: EngineSide;
  /** Mnemonics passed to `slow`, addresses of accesses outside RAM. */
  readonly slowed: string[] = [];
  readonly faults: number[] = [];
  /** Calls of the slow paths. */
  readonly calls = { load: 0, store: 0, atomic: 0, fetch: 0, second: 0 };
  /** Pages of the address space in use that are not mapped to themselves: virtual page → physical page. */
  frames = new Map<number, number>();
  /** Pages that get no tags, so that every access takes the slow path. */
  untagged = false;

  constructor(isa = 'rv64gc', codePageCount = CODEPAGE_COUNT, tier: Tier = 'auto', translationBytes?: number, leanFrom?: number) {
    this.layout = { ...computeLayout(1 << 20, 1), codePageCount };
    const { wasmPages } = this.layout;
    this.memory = new WebAssembly.Memory({ initial: wasmPages, maximum: wasmPages });
    this.view = new DataView(this.memory.buffer);
    this.longs = new BigInt64Array(this.memory.buffer);
    this.bytes = new Uint8Array(this.memory.buffer);
    clearTlb(this.longs, this.layout.tlbs);
    this.view.setUint32(TLBS_USED, 1, true);
    this.set32(HS.TLB, this.layout.tlbs);
    this.set32(HS.FS_ON, 1);
    this.engine = createEngine({ memory: this.memory, layout: this.layout, hartSide: this, isa, tier, translationBytes, leanFrom });
  }

  set32(offset: number, value: number): void { this.view.setInt32(HARTS + offset, value, true); }
  get32(offset: number): number { return this.view.getInt32(HARTS + offset, true); }
  set64(offset: number, value: bigint): void { this.view.setBigInt64(HARTS + offset, value, true); }
  get64(offset: number): bigint { return this.view.getBigInt64(HARTS + offset, true); }
  x(n: number): bigint { return this.get64(HS.X + n * 8); }
  setX(n: number, value: bigint): void { this.set64(HS.X + n * 8, value); }
  f(n: number): bigint { return this.get64(HS.F + n * 8); }
  setF(n: number, value: bigint): void { this.set64(HS.F + n * 8, value); }
  linear(pa: number): number { return pa - RAM_BASE + this.layout.ram; }
  /** The physical address of a virtual one. */
  private at(va: number): number {
    const page = va - (va % PAGE);
    return this.linear((this.frames.get(page) ?? page) + (va - page));
  }

  /** Another address space, with a TLB of its own. */
  use(tlb: number, frames: Map<number, number>): void {
    const at = this.layout.tlbs + tlb * TLB_BYTES;
    if (tlb >= this.view.getUint32(TLBS_USED, true)) {
      clearTlb(this.longs, at);
      this.view.setUint32(TLBS_USED, tlb + 1, true);
    }
    this.set32(HS.TLB, at);
    this.frames = frames;
  }

  private entry(va: number): number { return this.get32(HS.TLB) + (Math.floor(va / PAGE) % TLB_ENTRIES) * TLB_ENTRY; }

  /** Puts a program at RAM_BASE (or elsewhere) and the pc on it. */
  program(text: string, at = RAM_BASE): ReadonlyMap<string, bigint> {
    const { bytes, symbols } = assemble(text, at);
    this.engine.dropCode(this.linear(at), bytes.length);
    this.bytes.set(bytes, this.linear(at));
    this.set64(HS.PC, BigInt(at));
    return symbols;
  }

  /** Runs for at most `budget` instructions; returns how many were retired. */
  run(budget = 100_000): number {
    this.set32(HS.BUDGET, budget);
    this.engine.run(0);
    return budget - this.get32(HS.BUDGET);
  }

  private address(): number { return Number(BigInt.asUintN(64, this.get64(HS.ADDR))); }
  private inRam(pa: number, size: number): boolean { return pa >= RAM_BASE && pa + size <= RAM_BASE + this.layout.ramBytes; }

  private fill(va: number, tags: readonly number[]): void {
    if (this.untagged) return;
    const page = va - (va % PAGE);
    const entry = this.entry(va);
    for (const tag of tags) this.view.setBigInt64(entry + tag, BigInt(page), true);
    this.view.setInt32(entry + 24, this.at(page), true);
    this.view.setInt32(entry + 28, this.at(page) - page, true);
  }

  private fault(pa: number): number {
    this.faults.push(pa);
    return SLOW.LEAVE;
  }

  load(_hart: number, kind: number): number {
    this.calls.load++;
    const pa = this.address();
    const size = LOAD_SIZE[kind]!;
    if (!this.inRam(pa, size)) return this.fault(pa);
    this.fill(pa, [0]);
    const raw = this.view.getBigUint64(this.at(pa), true);
    const bits = size * 8;
    const signed = kind <= LD.d;
    const boxed = kind === LD.fw || kind === LD.fh;
    const value = signed ? BigInt.asIntN(bits, raw) : BigInt.asUintN(bits, raw);
    this.set64(HS.VALUE, boxed ? value | (-1n << BigInt(bits)) : value);
    return SLOW.NEXT;
  }

  store(_hart: number, size: number): number {
    this.calls.store++;
    const pa = this.address();
    if (!this.inRam(pa, size)) return this.fault(pa);
    const linear = this.at(pa);
    for (let i = 0; i < size; i++) this.bytes[linear + i] = Number((this.get64(HS.VALUE) >> BigInt(8 * i)) & 255n);
    this.engine.dropCode(linear, size);
    if (!this.engine.hasCode(linear - (linear % PAGE))) this.fill(pa, [8]);
    return SLOW.NEXT;
  }

  /** Gives the page its tags; the engine tries the instruction again. */
  atomic(): number {
    this.calls.atomic++;
    const pc = this.get64(HS.PC);
    const insn = this.view.getUint32(this.at(Number(pc)), true);
    const pa = Number(this.x((insn >>> 15) & 31));
    const size = (insn >>> 12) & 1 ? 8 : 4;
    if (!this.inRam(pa, size) || pa % size !== 0) return this.fault(pa);
    this.fill(pa, [0, 8]);
    return SLOW.JUMP;
  }

  fetch(): number {
    this.calls.fetch++;
    const pc = Number(this.get64(HS.PC));
    if (!this.inRam(pc, 2)) return this.fault(pc);
    const page = pc - (pc % PAGE);
    this.engine.codePage(this.at(page));
    const entry = this.entry(pc);
    this.view.setBigInt64(entry + 8, -1n, true);
    this.view.setBigInt64(entry + 16, BigInt(page), true);
    this.view.setInt32(entry + 24, this.at(page), true);
    this.view.setInt32(entry + 28, this.at(page) - page, true);
    return SLOW.NEXT;
  }

  slow(_hart: number, row: number): number {
    const { name } = rows[row]!;
    this.slowed.push(name);
    return name === 'fence.i' ? SLOW.NEXT : SLOW.LEAVE;
  }

  fetchSecond(): number {
    this.calls.second++;
    this.set64(HS.VALUE, BigInt(this.view.getUint16(this.at(Number(this.get64(HS.PC)) + 2), true)));
    return SLOW.NEXT;
  }
}
