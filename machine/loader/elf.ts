/**
 * ELF64 for RISC-V: the segments to load, the entry point, the symbols.
 *
 *   const elf = parseElf(bytes);
 *   if (!elf.ok) say(elf.error);          // "is a 32-bit program …"
 *   else for (const s of elf.value.segments) place(s.paddr, s.bytes, s.memBytes);
 *
 * Nothing is copied: segment bytes are views of the file.
 * @spec elf 1-4, 1-27; riscv-elf-psabi 8
 */
import { type Loaded, loaded, refused } from './result.ts';

export interface Segment {
  /** The linked address (virtual, signed) and the load address (physical). */
  readonly vaddr: number;
  readonly paddr: number;
  /** Bytes from the file; the rest, up to `memBytes`, is zero. */
  readonly bytes: Uint8Array;
  readonly memBytes: number;
  readonly readable: boolean;
  readonly writable: boolean;
  readonly executable: boolean;
}

export interface Elf {
  /** Virtual; negative for addresses in the upper half of the address space. */
  readonly entry: number;
  readonly segments: readonly Segment[];
  /** Position-independent (ET_DYN). */
  readonly relocatable: boolean;
  /** Addresses by name, negative in the upper half of the address space; empty when the file is stripped. */
  readonly symbols: ReadonlyMap<string, number>;
}

const EM_RISCV = 243;
const ET = { EXEC: 2, DYN: 3 } as const;
const PT_LOAD = 1;
const SHT_SYMTAB = 2;
const PF = { X: 1, W: 2, R: 4 } as const;
const HEADER_BYTES = 64;
const PROGRAM_HEADER_BYTES = 56;
const SECTION_HEADER_BYTES = 64;
const SYMBOL_BYTES = 24;
/** Cuts longer names, so that a table of unterminated names takes bounded time. */
const LONGEST_NAME = 512;
/** Bounds for symbols and for the letters of all their names, because a file can claim the same table many times. */
const MOST_SYMBOLS = 2_000_000, MOST_LETTERS = 2 ** 28;

const machines: Record<number, string> = {
  3: 'x86 (i386)', 8: 'MIPS', 20: 'PowerPC', 21: 'PowerPC64', 40: 'ARM', 62: 'x86-64', 183: 'AArch64'
};
const fileTypes: Record<number, string> = { 1: 'a relocatable object file', 4: 'a core dump' };

export function isElf(bytes: Uint8Array): boolean {
  return bytes.length >= 4 && bytes[0] === 0x7f && bytes[1] === 0x45 && bytes[2] === 0x4c && bytes[3] === 0x46;
}

/** Reads an executable. The error completes a sentence that starts with the file's name. */
export function parseElf(bytes: Uint8Array): Loaded<Elf> {
  const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const wrong = whatIsWrong(bytes, data);
  if (wrong !== undefined) return refused(wrong);
  const segments = readSegments(bytes, data);
  if (!segments.ok) return segments;
  if (segments.value.length === 0) return refused('has no loadable segments');
  const entry = i64(data, 24);
  const strange = whatIsStrange(entry, segments.value);
  if (strange !== undefined) return refused(strange);
  return loaded({ entry, relocatable: data.getUint16(16, true) === ET.DYN, segments: segments.value, symbols: readSymbols(bytes, data) });
}

function whatIsWrong(bytes: Uint8Array, data: DataView): string | undefined {
  if (!isElf(bytes)) return 'is not an ELF file';
  if (bytes.length < 20) return 'is truncated: the ELF header is cut off';
  if (bytes[5] !== 1) return 'is a big-endian ELF file; a little-endian RISC-V one is needed';
  const machine = data.getUint16(18, true);
  if (machine !== EM_RISCV) return `is a program for ${machines[machine] ?? `machine type ${machine}`}, not for RISC-V`;
  if (bytes[4] !== 2) return 'is a 32-bit RISC-V program; a 64-bit one is needed';
  if (bytes.length < HEADER_BYTES) return 'is truncated: the ELF header is cut off';
  const type = data.getUint16(16, true);
  if (type !== ET.EXEC && type !== ET.DYN) return `is ${fileTypes[type] ?? `an ELF file of type ${type}`}, not an executable`;
  return undefined;
}

/** Headers that are readable but describe no program. */
function whatIsStrange(entry: number, segments: readonly Segment[]): string | undefined {
  const byPlace = [...segments].sort((a, b) => a.paddr - b.paddr);
  for (let i = 1; i < byPlace.length; i++) {
    const { paddr } = byPlace[i]!;
    if (paddr < byPlace[i - 1]!.paddr + byPlace[i - 1]!.memBytes)
      return `is damaged: two of its segments overlap at 0x${paddr.toString(16)}`;
  }
  const holds = (at: (s: Segment) => number): boolean => segments.some((s) => entry >= at(s) && entry < at(s) + s.memBytes);
  if (!holds((s) => s.vaddr) && !holds((s) => s.paddr)) return `is damaged: its entry point ${hex(entry)} is in none of its segments`;
  return physicalEntry(entry, segments) % 2 === 0 ? undefined : `is damaged: its entry point ${hex(entry)} is odd`;
}

/** Kernels linked at a virtual address start at the physical place of their entry. */
export function physicalEntry(entry: number, segments: readonly Segment[]): number {
  const home = segments.find((s) => entry >= s.vaddr && entry < s.vaddr + s.memBytes);
  return home === undefined ? entry : entry - home.vaddr + home.paddr;
}

const hex = (address: number): string => `0x${BigInt.asUintN(64, BigInt(address)).toString(16)}`;

function readSegments(bytes: Uint8Array, data: DataView): Loaded<Segment[]> {
  const table = u64(data, 32);
  const entryBytes = data.getUint16(54, true);
  const count = data.getUint16(56, true);
  const segments: Segment[] = [];
  if (count > 0 && entryBytes < PROGRAM_HEADER_BYTES) return refused('is damaged: its program headers are too small');
  if (table + count * entryBytes > bytes.length) return refused('is truncated: the program headers are cut off');
  for (let at = table; at < table + count * entryBytes; at += entryBytes) {
    if (data.getUint32(at, true) !== PT_LOAD) continue;
    const segment = readSegment(bytes, data, at);
    if (!segment.ok) return segment;
    if (segment.value.memBytes > 0) segments.push(segment.value);
  }
  return loaded(segments);
}

function readSegment(bytes: Uint8Array, data: DataView, at: number): Loaded<Segment> {
  const flags = data.getUint32(at + 4, true);
  const offset = u64(data, at + 8);
  const fileBytes = u64(data, at + 32);
  const memBytes = u64(data, at + 40);
  if (offset + fileBytes > bytes.length) {
    return refused(`is truncated: a segment ends at byte ${offset + fileBytes}, the file at ${bytes.length}`);
  }
  if (fileBytes > memBytes) return refused('is damaged: a segment is larger in the file than in memory');
  return loaded({
    vaddr: i64(data, at + 16),
    paddr: u64(data, at + 24),
    bytes: bytes.subarray(offset, offset + fileBytes),
    memBytes,
    readable: (flags & PF.R) !== 0,
    writable: (flags & PF.W) !== 0,
    executable: (flags & PF.X) !== 0,
  });
}

/** Symbols are a convenience: a damaged table yields what could be read. */
function readSymbols(bytes: Uint8Array, data: DataView): Map<string, number> {
  const symbols = new Map<string, number>();
  const sections = u64(data, 40);
  const count = data.getUint16(60, true);
  if (data.getUint16(58, true) !== SECTION_HEADER_BYTES || sections + count * SECTION_HEADER_BYTES > bytes.length) return symbols;
  const section = (index: number): number => sections + index * SECTION_HEADER_BYTES;
  // A file has one table of symbols (elf 1-9).
  for (let i = 0; i < count; i++) {
    if (data.getUint32(section(i) + 4, true) !== SHT_SYMTAB) continue;
    const link = data.getUint32(section(i) + 40, true);
    if (link < count) readSymbolTable(bytes, data, section(i), section(link), symbols);
    break;
  }
  return symbols;
}

function readSymbolTable(bytes: Uint8Array, data: DataView, table: number, strings: number, into: Map<string, number>): void {
  const start = u64(data, table + 24);
  const end = Math.min(start + u64(data, table + 32), bytes.length);
  const names = u64(data, strings + 24);
  let letters = 0;
  for (let at = start; at + SYMBOL_BYTES <= end && into.size < MOST_SYMBOLS && letters < MOST_LETTERS; at += SYMBOL_BYTES) {
    const from = names + data.getUint32(at, true);
    const name = cString(bytes, from, Math.min(bytes.length, from + LONGEST_NAME));
    letters += name.length;
    const defined = data.getUint16(at + 6, true) !== 0;
    if (name !== '' && defined) into.set(name, i64(data, at + 8));
  }
}

function cString(bytes: Uint8Array, start: number, end: number): string {
  let text = '';
  for (let i = start; i < end && bytes[i] !== 0; i++) text += String.fromCharCode(bytes[i]);
  return text;
}

/** 64-bit field as a number. Fields above 2^53 lose low bits; they fail the checks against the file's size anyway. */
function u64(data: DataView, at: number): number {
  return data.getUint32(at + 4, true) * 2 ** 32 + data.getUint32(at, true);
}

/** 64-bit field as a signed number: exact for addresses at both ends of the address space. */
function i64(data: DataView, at: number): number {
  return data.getInt32(at + 4, true) * 2 ** 32 + data.getUint32(at, true);
}
