/**
 * The UTCB: one page shared by a thread and the kernel, in simulated RAM for RISC-V and TypeScript threads alike. Messages leave
 * from it and arrive in it.
 *
 *   0x000 tag       words (bits 0–6) | items (bits 8–12) | label (bits 32–63)
 *   0x008 badge     receiver: label of the portal that the message came through
 *   0x010 window    flexpage: where received memory may be mapped (0 = nowhere)
 *   0x018 capWindow flexpage (kind capability): where received capabilities go (0 = nowhere)
 *   0x020 mtd       event: groups present; reply: groups to take over
 *   0x028 visit     answer to an event with Mtd.visit: selector of the task in whose memory the thread runs (0 = its own)
 *   0x040 words     64 × u64
 *   0x240 items     16 × { u64 flexpage, u64 destination base or selector, u64 flags }
 *   0x400 state     see S below
 *   0x800 …         free for the user
 */
export const UTCB_SIZE = 4096;
export const MAX_WORDS = 64;
export const MAX_ITEMS = 16;
export const U = {
  tag: 0x000, badge: 0x008, window: 0x010, capWindow: 0x018, mtd: 0x020, visit: 0x028, words: 0x040, items: 0x240, state: 0x400
} as const;
export const ITEM_BYTES = 24;
/** Item flags. */
export const Item = { grant: 1, device: 2 } as const;

/** Offsets of the state area, from the start of the UTCB. Each slot is a u64. */
export const S = {
  x: 0x400, // 32
  f: 0x500, // 32
  pc: 0x600, fcsr: 0x608,
  mode: 0x610,
  vsstatus: 0x618, vstvec: 0x620, vsscratch: 0x628, vsepc: 0x630, vscause: 0x638, vstval: 0x640, vsatp: 0x648,
  hvip: 0x650, vsie: 0x658, vstimecmp: 0x660,
  htimedelta: 0x668,
  hcounteren: 0x670, henvcfg: 0x678, hedeleg: 0x680, hideleg: 0x688, hstatus: 0x690,
  fs: 0x698, senvcfg: 0x6a0, scounteren: 0x6a8,
} as const;

/**
 * A view of one UTCB. A TypeScript thread's UTCB is a separate page outside the machine's memory: `i32.buffer` is exactly that page. Word
 * accessors come in two kinds: `num` (exact below 2^53 in magnitude) and `big` (all 64 bits).
 */
export class Utcb {
  readonly i32: Int32Array;
  readonly u32: Uint32Array;
  readonly i64: BigInt64Array;
  constructor(buffer: ArrayBufferLike, offset: number) {
    this.i32 = new Int32Array(buffer, offset, UTCB_SIZE / 4);
    this.u32 = new Uint32Array(buffer, offset, UTCB_SIZE / 4);
    this.i64 = new BigInt64Array(buffer, offset, UTCB_SIZE / 8);
  }
  /** The u64 at byte offset `at` as a signed number. */
  num(at: number): number { return this.i32[(at >> 2) + 1]! * 4294967296 + this.u32[at >> 2]!; }
  /** The u64 at `at` without its lowest 12 bits: exact for every page of an address space. */
  page(at: number): number { return this.i32[(at >> 2) + 1]! * 4294967296 + ((this.u32[at >> 2]! & ~4095) >>> 0); }
  setNum(at: number, v: number): void { this.u32[at >> 2] = v; this.i32[(at >> 2) + 1] = Math.floor(v / 4294967296); }
  big(at: number): bigint { return this.i64[at >> 3]!; }
  setBig(at: number, v: bigint): void { this.i64[at >> 3] = v; }

  setTag(label: number, words: number, items = 0): void { this.u32[0] = words | (items << 8); this.u32[1] = label; }
  get label(): number { return this.u32[1]!; }
  get wordCount(): number { return this.u32[0]! & 0x7f; }
  get itemCount(): number { return (this.u32[0]! >>> 8) & 0x1f; }
  get badge(): number { return this.num(U.badge); }
  get mtd(): number { return this.u32[U.mtd >> 2]!; }
  set mtd(m: number) { this.u32[U.mtd >> 2] = m; this.u32[(U.mtd >> 2) + 1] = 0; }
  set window(f: number) { this.setNum(U.window, f); }
  set capWindow(f: number) { this.setNum(U.capWindow, f); }

  word(i: number): number { return this.num(U.words + i * 8); }
  setWord(i: number, v: number): void { this.setNum(U.words + i * 8, v); }
  bigWord(i: number): bigint { return this.i64[(U.words >> 3) + i]!; }
  setBigWord(i: number, v: bigint): void { this.i64[(U.words >> 3) + i] = v; }
  setItem(i: number, flexpage: number, dest: number, flags = 0): void {
    const at = U.items + i * ITEM_BYTES;
    this.setNum(at, flexpage); this.setNum(at + 8, dest); this.setNum(at + 16, flags);
  }
  /** Integer register n of the state area. */
  x(n: number): number { return this.num(S.x + n * 8); }
  setX(n: number, v: number): void { this.setNum(S.x + n * 8, v); }
  xBig(n: number): bigint { return this.i64[(S.x >> 3) + n]!; }
  setXBig(n: number, v: bigint): void { this.i64[(S.x >> 3) + n] = v; }
  get pc(): number { return this.num(S.pc); }
  set pc(v: number) { this.setNum(S.pc, v); }
}
Object.freeze(Utcb);
Object.freeze(Utcb.prototype);
