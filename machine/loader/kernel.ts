/**
 * Any kernel file into physical memory: Linux `Image` (also gzip'd), ELF, or raw bytes; then initrd and device tree
 * behind it. Only the layout is decided here:
 *
 *   RAM start ┬ 2 MiB (firmware's place, unused here)
 *             ├ kernel                     textOffset, or the ELF's own addresses
 *             ├ …
 *             ├ initrd                     as high as it fits below the device tree, page aligned
 *             └ device tree                last 2 MiB of the first 2 GiB (or of RAM)
 */
import type { PhysicalMemory } from '../api.ts';
import { isElf, parseElf, type Elf } from './elf.ts';
import { isGzip, isLinuxImage, parseLinuxImage } from './linux-image.ts';
import { type Loaded, loaded, refused } from './result.ts';

/** A program placed in memory: where it starts and what it occupies. */
export interface Placed {
  readonly entry: number;
  /** First and one-past-last physical address. */
  readonly start: number;
  readonly end: number;
  readonly symbols: ReadonlyMap<string, number>;
}

export interface LoadOptions {
  /** Where raw bytes go, and what `textOffset` counts from. */
  readonly base: number;
  /** Unpacks gzip; throws on damaged input. Without it compressed files are refused. */
  readonly gunzip?: (bytes: Uint8Array) => Uint8Array;
  /** Accept a file with neither ELF nor Image header as raw code at `base`. */
  readonly raw?: boolean;
}

const MIB = 1024 * 1024;
const PAGE = 4096;
/** The device tree stays below this, where every kernel's early mapping reaches it. */
const DTB_WINDOW = 1024 * MIB;
const DTB_ROOM = 2 * MIB;

/** Loads a kernel or firmware file. The error completes a sentence that starts with the file's name. */
export function loadProgram(memory: PhysicalMemory, file: Uint8Array, options: LoadOptions): Loaded<Placed> {
  const unpacked = unpack(file, options);
  if (!unpacked.ok) return unpacked;
  const bytes = unpacked.value;
  if (bytes.length === 0) return refused('is empty');
  if (isElf(bytes)) return loadElf(memory, bytes);
  if (options.raw !== true || isLinuxImage(bytes)) return loadImage(memory, bytes, options.base);
  return placeFlat(memory, bytes, options.base, bytes.length);
}

function unpack(file: Uint8Array, options: LoadOptions): Loaded<Uint8Array> {
  if (!isGzip(file)) return loaded(file);
  if (options.gunzip === undefined) return refused('is compressed with gzip, which cannot be unpacked here');
  try {
    return loaded(options.gunzip(file));
  } catch {
    return refused('is truncated or damaged: its gzip data does not unpack');
  }
}

function loadImage(memory: PhysicalMemory, bytes: Uint8Array, base: number): Loaded<Placed> {
  const image = parseLinuxImage(bytes);
  if (!image.ok) return image;
  return placeFlat(memory, bytes, base + image.value.textOffset, image.value.memBytes);
}

function placeFlat(memory: PhysicalMemory, bytes: Uint8Array, at: number, memBytes: number): Loaded<Placed> {
  if (!memory.isRam(at, memBytes)) return refused(doesNotFit(memory, at, memBytes));
  memory.writable(at, bytes.length).set(bytes);
  return loaded({ entry: at, start: at, end: at + memBytes, symbols: new Map() });
}

function loadElf(memory: PhysicalMemory, bytes: Uint8Array): Loaded<Placed> {
  const parsed = parseElf(bytes);
  if (!parsed.ok) return parsed;
  const elf = parsed.value;
  for (const s of elf.segments) {
    if (!memory.isRam(s.paddr, s.memBytes)) return refused(doesNotFit(memory, s.paddr, s.memBytes));
  }
  for (const s of elf.segments) {
    memory.writable(s.paddr, s.bytes.length).set(s.bytes);
    if (s.memBytes > s.bytes.length) memory.fill(s.paddr + s.bytes.length, s.memBytes - s.bytes.length, 0);
  }
  const start = Math.min(...elf.segments.map((s) => s.paddr));
  const end = Math.max(...elf.segments.map((s) => s.paddr + s.memBytes));
  return loaded({ entry: physicalEntry(elf), start, end, symbols: elf.symbols });
}

/** Kernels linked at a virtual address start at the physical place of their entry. */
function physicalEntry(elf: Elf): number {
  const home = elf.segments.find((s) => elf.entry >= s.vaddr && elf.entry < s.vaddr + s.memBytes);
  return home === undefined ? elf.entry : elf.entry - home.vaddr + home.paddr;
}

function doesNotFit(memory: PhysicalMemory, at: number, bytes: number): string {
  const ram = `0x${memory.base.toString(16)}-0x${(memory.base + memory.size).toString(16)}`;
  return `needs memory at 0x${at.toString(16)}-0x${(at + bytes).toString(16)}, outside of RAM (${ram}); give the machine more memory`;
}

/** Where the device tree goes: out of the way of kernel and initrd. */
export function deviceTreePlace(memory: PhysicalMemory): number {
  return memory.base + Math.min(memory.size, DTB_WINDOW) - DTB_ROOM;
}

/** Puts the initrd between the kernel's end and the device tree. */
export function loadInitrd(memory: PhysicalMemory, bytes: Uint8Array, kernelEnd: number): Loaded<{ start: number; end: number }> {
  const room = deviceTreePlace(memory);
  const start = Math.floor((room - bytes.length) / PAGE) * PAGE;
  if (start < kernelEnd) {
    const free = Math.max(0, Math.floor((room - kernelEnd) / MIB));
    return refused(`does not fit: ${Math.ceil(bytes.length / MIB)} MiB, but the kernel leaves ${free} MiB; give the machine more memory`);
  }
  memory.writable(start, bytes.length).set(bytes);
  return loaded({ start, end: start + bytes.length });
}
