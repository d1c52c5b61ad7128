/**
 * The layout of the engine's only WebAssembly memory: hart state, software TLBs, decoded code, RAM.
 *
 *   0 ┬ null page (never used)
 *     ├ HARTS      one 4 KiB block per hart (offsets in `HS`)
 *     ├ TLBS       a pool of TLBs, one per address-space context, TLB_BYTES each
 *     ├ CODEMAP    u32 per physical RAM page: linear address of its decoded code page, 0 = none
 *     ├ CODEPAGES  a pool of decoded code pages, CODEPAGE_BYTES each
 *     ├ SIDES      SIDE bytes beside every record of the pool: its heat, and the translation that begins there
 *     └ RAM        physical RAM_BASE …, page aligned; the last thing in the memory
 *
 * Everything that generated code accesses has a fixed address here; TypeScript sees it through typed arrays.
 */

/** Physical address where RAM starts (QEMU `virt`). */
export const RAM_BASE = 0x8000_0000;
export const PAGE = 4096;

/** First hart block; hart `i` is at HARTS + i * HART_BYTES. */
export const HARTS = 0x1_0000;
export const HART_BYTES = 0x1000;
export const MAX_HARTS = 16;

/**
 * Byte offsets in a hart block. Integer registers and the pc are 64-bit little-endian; x0 stays zero.
 * Generated code keeps the pc as (page, record) while it runs; `PC` is exact whenever TypeScript is called.
 */
export const HS = {
  X: 0x000, // 32 × i64
  SINK: 0x100, // i64: where generated code writes results for x0; behind x31, as records say it (layout of a record, below)
  F: 0x108, // 32 × i64, single and half precision NaN-boxed
  BUDGET: 0x208, // i32: instructions left in this slice; exact whenever TypeScript is called
  FFLAGS: 0x20c, // u32: accrued exceptions NV DZ OF UF NX = bits 4..0
  FRM: 0x210, // u32: dynamic rounding mode
  FS_ON: 0x214, // u32: 1 when floating-point instructions are legal now (mstatus.FS, and vsstatus.FS under V)
  FS_DIRTY: 0x218, // u32: set to 1 by generated code when an f register or fflags changes; CSR reads fold it into FS
  TLB: 0x21c, // u32: linear address of the TLB of the current context (loads, stores and fetches)
  PRIV: 0x220, // u32: 0 U, 1 S, 3 M
  VIRT: 0x224, // u32: V bit
  RES: 0x228, // u32: LR reservation, linear address of the reserved word, 0 = none; cleared at the start of a slice and after every JUMP
  ADDR: 0x230, // i64: argument of a memory slow path: virtual address
  VALUE: 0x238, // i64: the value to store, or the value loaded (already sign or zero extended to 64 bits)
  INSTRET: 0x240, // f64: instructions retired up to the start of this slice
  SLICE: 0x248, // i32: BUDGET as it was at the start of this slice (retired in slice = SLICE - BUDGET)
  PC: 0x250, // i64
  CODE: 0x258, // u32: linear address of the decoded code page in use, 0 outside `run`
  ZERO_ON: 0x25c, // u32: 1 when cbo.zero is legal now (the envcfg registers and the mode)
  TRANSLATED: 0x260, // i64: instructions executed by translated code
  SUPER: 0x268, // u32: linear address of the CSRs that sscratch … stval mean in this mode, less their slots; 0 = not for this mode
  STATUS: 0x26c, // u32: the same of the register that sstatus means
  WIRES: 0x270, // u32: the bits of mip that interrupt controllers and timers drive
  EPC_MASK: 0x274, // u32: the bits of an exception pc's low word that can be written
  STEP: 0x278, // u32: bytes from the record of the instruction that TypeScript executes to the next one's
  CSRS: 0x400, // i64 each, in the order machine/hart/csr.ts declares
} as const;

/**
 * A TLB: TLB_ENTRIES entries of 32 bytes, direct mapped by virtual page number. A tag is the page's virtual address
 * (bits 63..12) or `noTag(entry)` for "no". An access of `size` bytes at `va` hits when (va - tag) <= 4096 - size, unsigned.
 *   +0 i64 tagR   +8 i64 tagW   +16 i64 tagX   +24 i32 host: linear address of the page
 *   +28 i32 addend: host - virtual address of the page, so that linear address = low half of va + addend
 * Device pages never get a tag; pages with decoded code never get tagW (a store takes the slow path, which drops the code).
 */
export const TLB_ENTRIES = 4096;
export const TLB_ENTRY = 32;
/** Byte offset of the entry of virtual address va: (va >>> 7) & TLB_MASK. */
export const TLB_MASK = (TLB_ENTRIES - 1) * TLB_ENTRY;
export const TLB_BYTES = TLB_ENTRIES * TLB_ENTRY;

/**
 * The tag that never hits in this entry: 0, so that an unused part of a TLB costs no memory. Entry 0, where page 0 would hit, uses a page
 * of the next entry instead.
 */
export const noTag = (entry: number): number => (isEdge(entry) ? PAGE : 0);
/** The entry whose empty tags look like those of a page. */
export const isEdge = (entry: number): boolean => entry === 0;

/**
 * Empties the TLB at linear address `tlb`, or creates it in memory that is still zero (`fresh`); `memory` views the whole linear memory.
 */
export function clearTlb(memory: BigInt64Array, tlb: number, fresh = false): void {
  const first = tlb / 8;
  if (!fresh) memory.fill(0n, first, first + TLB_BYTES / 8);
  memory.fill(BigInt(noTag(0)), first, first + 3);
}

/**
 * A decoded code page: 2048 records of 8 bytes, one per halfword of the physical page, plus one end record that leaves
 * for the next page. Code that runs once costs the cache misses of its records, so they are as small as an instruction's operands allow.
 *   +0 u16 op      the engine's operation: instruction rows in their variants, by length, + a few internal ones (0 = not decoded yet)
 *   +2 u8  rd      an f register: its number × 8. An x register: its number × 8 - 8, modulo 256, from HS.X + 8; x0 is HS.SINK so
 *   +3 u8  rs1     register number × 8
 *   +4 i32 imm     immediate, or the instruction's word where it has none; but of instructions with a second source or a rounding mode:
 *   +4 u8  rs2, +5 u8 rounding mode, +6 u8 rs3 or +6 i16 imm (of stores and branches)
 * The record of an instruction that TypeScript executes (Internal.SLOW) holds the row's number in +2 u16 and the word in +4.
 */
export const RECORD = 8;
/** From the linear address of a record to pc: halfwords are 2 bytes, records are RECORD. */
export const PC_SHIFT = 2;
export const RECORDS = 2048;
export const CODEPAGE_BYTES = (RECORDS + 16) * RECORD;

/**
 * Beside the record at linear address r, at sides + (r - codePages):
 *   +0 u32 translation that begins here: index in the dispatcher's table << 8 | which of its entries
 *   +4 u16 heat: how often a jump came here
 *   +6 u16 the record's own op, while its op field says REGION (operations.ts)
 */
export const SIDE = 8;

/** One u32: TLBs of the pool ever allocated (the hart side updates it; scans of the pool stop there). */
export const TLBS_USED = 0x8000;

/** Pool sizes: TLBs and decoded code pages. */
export const TLB_COUNT = 256;
export const CODEPAGE_COUNT = 4096;
/** Machines with more RAM than this have half as many code pages, because RAM needs the address space. */
const LARGE_RAM = 3 * 2 ** 30;

/** Linear addresses of everything for a given RAM size; all are multiples of 64 KiB but `codePages`. */
export interface Layout {
  readonly harts: number;
  readonly tlbs: number;
  readonly tlbCount: number;
  readonly codeMap: number;
  readonly codePages: number;
  readonly codePageCount: number;
  readonly sides: number;
  /** Linear address of physical RAM_BASE: linear = physical - RAM_BASE + ram. */
  readonly ram: number;
  readonly ramBytes: number;
  readonly ramPages: number;
  /** Size of the memory in bytes and in WebAssembly pages of 64 KiB. */
  readonly bytes: number;
  readonly wasmPages: number;
}

const WASM_PAGE = 0x1_0000;
const MIB = 1 << 20;
/** A WebAssembly memory has 4 GiB; the last page stays free. */
const MOST_BYTES = 0xffff_0000;
const alignUp = (n: number, to: number): number => Math.ceil(n / to) * to;

/**
 * Places everything for `ramBytes` of RAM (a multiple of 4 KiB) and this many harts.
 * @throws RangeError when it does not fit the 4 GiB of a WebAssembly memory, or there are too many harts.
 */
export function computeLayout(ramBytes: number, harts: number): Layout {
  if (harts < 1 || harts > MAX_HARTS) throw new RangeError(`${harts} harts: 1 to ${MAX_HARTS} are possible`);
  if (ramBytes <= 0 || ramBytes % PAGE !== 0) throw new RangeError(`RAM size ${ramBytes} is not a multiple of ${PAGE}`);
  const layout = place(ramBytes, harts);
  if (layout.bytes > MOST_BYTES) throw new RangeError(`the engine's 4 GiB have room for ${largestRam() / MIB} MiB of RAM at most`);
  return layout;
}

/** Bytes of RAM, a multiple of 1 MiB, that fit beside everything else. */
export function largestRam(): number {
  let mib = Math.floor(MOST_BYTES / MIB);
  while (place(mib * MIB, 1).bytes > MOST_BYTES) mib--;
  return mib * MIB;
}

function place(ramBytes: number, harts: number): Layout {
  const tlbs = HARTS + MAX_HARTS * HART_BYTES;
  const codeMap = alignUp(tlbs + TLB_COUNT * TLB_BYTES, WASM_PAGE);
  const ramPages = ramBytes / PAGE;
  const codePages = alignUp(codeMap + ramPages * 4, WASM_PAGE);
  const codePageCount = ramBytes > LARGE_RAM ? CODEPAGE_COUNT / 2 : CODEPAGE_COUNT, poolBytes = codePageCount * CODEPAGE_BYTES;
  const sides = codePages + poolBytes;
  const ram = alignUp(sides + poolBytes, WASM_PAGE);
  const bytes = alignUp(ram + ramBytes, WASM_PAGE);
  return {
    harts, tlbs, tlbCount: TLB_COUNT, codeMap, codePages, codePageCount, sides,
    ram, ramBytes, ramPages, bytes, wasmPages: bytes / WASM_PAGE,
  };
}

/** The answer of a TypeScript slow path to generated code. */
export const SLOW = {
  /** Done; continue with the next instruction. */
  NEXT: 0,
  /** PC, privilege, context or code changed: refetch from HS.PC. */
  JUMP: 1,
  /** Leave `run` now; execution resumes at HS.PC. */
  LEAVE: 2,
} as const;
