/**
 * Loads any kernel file into physical memory: Linux `Image` (also gzip'd), ELF, or raw bytes; then initrd and device tree after it. This
 * file decides the layout:
 *
 *   RAM start ┬ 2 MiB (firmware's place, unused here)
 *             ├ kernel                     textOffset, or the ELF's own addresses
 *             ├ …
 *             ├ initrd                     as high as it fits below the device tree, page aligned
 *             └ device tree                last 2 MiB of the first 2 GiB (or of RAM)
 */
import type { PhysicalMemory } from '../api.ts';
import { whyNotCode } from '../../hardware/isa/raw.ts';
import { isElf, parseElf, physicalEntry, type Segment } from './elf.ts';
import { isGzip, isArm64Image, isLinuxImage, parseLinuxImage } from './linux-image.ts';
import { type Loaded, loaded, refused } from './result.ts';

/** A program placed in memory: where it starts and what it occupies. */
export interface Placed {
  readonly entry: number;
  /** First and one-past-last physical address. */
  readonly start: number;
  readonly end: number;
  /** Its pieces. */
  readonly pieces: readonly MemoryRange[];
  readonly symbols: ReadonlyMap<string, number>;
}

/** First and one-past-last physical address of something in memory. */
export interface MemoryRange { readonly start: number; readonly end: number }

export interface LoadOptions {
  /** Load address of raw bytes, and the origin of `textOffset`. */
  readonly base: number;
  /** Unpacks gzip; throws on damaged input. Without it compressed files are refused. */
  readonly gunzip?: (bytes: Uint8Array) => Uint8Array;
  /**
   * Load a file with neither ELF nor Image header as raw code at `base`, whatever it contains. Without this such a file has to begin with
   * an instruction, and is loaded at a kernel's address.
   */
  readonly raw?: boolean;
}

const MIB = 1024 * 1024;
/** Default load address of kernels: after the firmware. */
const KERNEL_OFFSET = 2 * MIB;
const PAGE = 4096;
/** The device tree lies below this, where every kernel's early mapping reaches it. */
const DTB_WINDOW = 1024 * MIB;
const DTB_ROOM = 2 * MIB;

/** Loads a kernel or firmware file. The error completes a sentence that starts with the file's name. */
export function loadProgram(memory: PhysicalMemory, file: Uint8Array, options: LoadOptions): Loaded<Placed> {
  const unpacked = unpack(file, options);
  if (!unpacked.ok) return unpacked;
  const bytes = unpacked.value;
  if (bytes.length === 0) return refused('is empty');
  if (isElf(bytes)) return loadElf(memory, bytes);
  if (isLinuxImage(bytes)) return loadImage(memory, bytes, options.base);
  if (options.raw === true) return placeFlat(memory, bytes, options.base, bytes.length);
  // An image for another processor gets a more specific error than "no code".
  const why = isArm64Image(bytes) ? undefined : whyNotCode(bytes);
  if (why !== undefined) return refused(why);
  return isArm64Image(bytes)
    ? loadImage(memory, bytes, options.base)
    : placeFlat(memory, bytes, options.base + KERNEL_OFFSET, bytes.length);
}

function unpack(file: Uint8Array, options: LoadOptions): Loaded<Uint8Array> {
  if (!isGzip(file)) return loaded(file);
  if (options.gunzip === undefined) return refused('is compressed with gzip, which cannot be unpacked here');
  try {
    return loaded(options.gunzip(file));
  } catch (error) {
    // Node's word for output above the limit that it was given.
    return refused(error instanceof RangeError
      ? 'unpacks to more than the memory there is; give the machine more memory'
      : 'is truncated or damaged: its gzip data does not unpack');
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
  const place = { start: at, end: at + memBytes };
  return loaded({ entry: at, ...place, pieces: [place], symbols: new Map() });
}

function loadElf(memory: PhysicalMemory, bytes: Uint8Array): Loaded<Placed> {
  const parsed = parseElf(bytes);
  if (!parsed.ok) return parsed;
  const elf = parsed.value;
  const segments = elf.segments.map((s) => withoutHeaders(s, bytes, memory.base));
  for (const segment of segments) {
    if (!memory.isRam(segment.paddr, segment.memBytes))
      return refused(elf.relocatable ? notLinked(memory, segment.paddr) : doesNotFit(memory, segment.paddr, segment.memBytes));
  }
  for (const segment of segments) {
    memory.writable(segment.paddr, segment.bytes.length).set(segment.bytes);
    if (segment.memBytes > segment.bytes.length)
      memory.fill(segment.paddr + segment.bytes.length, segment.memBytes - segment.bytes.length, 0);
  }
  const pieces = segments.map((s) => ({ start: s.paddr, end: s.paddr + s.memBytes }));
  const start = Math.min(...pieces.map((p) => p.start));
  const end = Math.max(...pieces.map((p) => p.end));
  return loaded({ entry: physicalEntry(elf.entry, elf.segments), start, end, pieces, symbols: elf.symbols });
}

/** `ld -Ttext=0x80000000` produces a segment that begins a page earlier with the file's own headers, which do not belong to the program. */
function withoutHeaders(segment: Segment, file: Uint8Array, base: number): Segment {
  const before = base - segment.paddr;
  if (before <= 0 || before > PAGE || segment.bytes.length < before || segment.bytes.byteOffset !== file.byteOffset) return segment;
  return {
    ...segment, vaddr: segment.vaddr + before, paddr: base,
    bytes: segment.bytes.subarray(before), memBytes: segment.memBytes - before,
  };
}

function doesNotFit(memory: PhysicalMemory, at: number, bytes: number): string {
  const ram = `0x${memory.base.toString(16)}-0x${(memory.base + memory.size).toString(16)}`;
  const advice = at < memory.base ? `link it at 0x${memory.base.toString(16)} or above` : 'give the machine more memory';
  return `needs memory at 0x${at.toString(16)}-0x${(at + bytes).toString(16)}, outside of RAM (${ram}); ${advice}`;
}

function notLinked(memory: PhysicalMemory, at: number): string {
  return `is position-independent and linked at 0x${at.toString(16)}, where there is no RAM; link it at 0x${memory.base.toString(16)}, or `
    + `give its raw image`;
}

/** The first two of these that share memory. */
export function overlap(places: readonly (MemoryRange & { readonly what: string })[]): readonly [string, string, number] | undefined {
  const sorted = [...places].sort((a, b) => a.start - b.start);
  for (let i = 1; i < sorted.length; i++) {
    const [before, after] = [sorted[i - 1]!, sorted[i]!];
    if (after.start < before.end && after.end > after.start) return [before.what, after.what, after.start];
  }
  return undefined;
}

/** Address of the device tree, clear of kernel and initrd. */
export function deviceTreePlace(memory: PhysicalMemory): number {
  return memory.base + Math.min(memory.size, DTB_WINDOW) - DTB_ROOM;
}

/** Puts the initrd between the kernel's end and the device tree. */
export function loadInitrd(memory: PhysicalMemory, bytes: Uint8Array, kernelEnd: number): Loaded<MemoryRange> {
  const room = deviceTreePlace(memory);
  const start = Math.floor((room - bytes.length) / PAGE) * PAGE;
  if (start < kernelEnd) {
    const free = Math.max(0, Math.floor((room - kernelEnd) / MIB));
    return refused(`does not fit: ${Math.ceil(bytes.length / MIB)} MiB, but the kernel leaves ${free} MiB; give the machine more memory`);
  }
  memory.writable(start, bytes.length).set(bytes);
  return loaded({ start, end: start + bytes.length });
}
