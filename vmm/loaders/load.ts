/**
 * Loads a guest's files into its memory: kernel (Linux Image, plain or gzip'd; ELF; raw), initrd, device tree.
 *
 *   RAM  ┬ 2 MiB left free, where firmware would be
 *        ├ kernel                 where its header says; raw: at the start of RAM + 2 MiB
 *        ├ …
 *        ├ initrd                 right below the device tree, on a page
 *        └ device tree            the last 2 MiB of RAM, or of its first GiB
 *
 * Every question is asked before anything is written.
 */
import { gunzipSync } from 'fflate';
import { whyNotCode } from '../../hardware/isa/raw.ts';
import { type GuestRam, RAM_BASE } from '../ram.ts';
import { RESERVED } from '../processor.ts';
import { type Piece, isElf, readElf } from './elf.ts';
import { isGzip, isImage, readImage } from './image.ts';
import { type Loaded, loaded, refused } from './result.ts';

/** Where the guest begins, its lowest byte, and the first address that the kernel does not use. */
export interface Kernel { readonly entry: number; readonly start: number; readonly end: number }
export interface MemoryRange { readonly start: number; readonly end: number }

const MIB = 2 ** 20, PAGE = 4096, KERNEL_OFFSET = 2 * MIB, TREE_ROOM = 2 * MIB, TREE_BELOW = 1024 * MIB;
/** No guest kernel unpacks to more: a small file cannot make the VMM run out of memory. */
const LARGEST = 512 * MIB;

export function loadKernel(ram: GuestRam, file: Uint8Array): Loaded<Kernel> {
  const plain = unpack(file);
  if (!plain.ok) return plain;
  const bytes = plain.value;
  if (bytes.length === 0) return refused('is empty');
  if (isElf(bytes)) {
    const elf = readElf(bytes);
    return elf.ok ? place(ram, elf.value.pieces, elf.value.entry) : elf;
  }
  if (!isImage(bytes)) {
    const why = whyNotCode(bytes);
    return why === undefined ? loadRaw(ram, bytes) : refused(why);
  }
  const image = readImage(bytes);
  if (!image.ok) return image;
  const address = ram.base + image.value.textOffset;
  return place(ram, [{ address, bytes, memory: image.value.memory }], address);
}

/** Raw machine code that begins with its first byte. */
export const loadRaw = (ram: GuestRam, bytes: Uint8Array): Loaded<Kernel> =>
  place(ram, [{ address: ram.base + KERNEL_OFFSET, bytes, memory: bytes.length }], ram.base + KERNEL_OFFSET);

export function unpack(file: Uint8Array): Loaded<Uint8Array> {
  if (!isGzip(file)) return loaded(file);
  const damaged = refused('is truncated or damaged: its gzip data does not unpack');
  if (file.length < 18) return damaged;
  const size = new DataView(file.buffer, file.byteOffset + file.length - 4, 4).getUint32(0, true);
  if (size > LARGEST) return damaged;
  try {
    const bytes = gunzipSync(file);
    return bytes.length === size ? loaded(bytes) : damaged;
  } catch { return damaged; }
}

function place(ram: GuestRam, pieces: readonly Piece[], entry: number): Loaded<Kernel> {
  const whole = pieces.reduce((sum, p) => sum + p.memory, 0);
  if (whole > ram.size && pieces.every((p) => ram.isRam(p.address, p.memory))) return refused('is damaged: its segments overlap');
  for (const piece of pieces) if (!ram.isRam(piece.address, piece.memory)) return refused(tooSmall(ram, piece.address, piece.memory));
  for (const piece of pieces) {
    ram.write(piece.address, piece.bytes);
    ram.fill(piece.address + piece.bytes.length, piece.memory - piece.bytes.length, 0);
  }
  return loaded({ entry, start: Math.min(...pieces.map((p) => p.address)), end: Math.max(...pieces.map((p) => p.address + p.memory)) });
}

function tooSmall(ram: GuestRam, address: number, length: number): string {
  if (address < ram.base)
    return `wants to be at 0x${address.toString(16)}, but memory begins at 0x`
      + `${ram.base.toString(16)}${ram.base > RAM_BASE ? `: ${RESERVED}; relink it` : ''}`;
  const needed = Math.ceil((address + length - ram.base) / MIB) + TREE_ROOM / MIB;
  return `does not fit: it needs ${needed} MiB of memory, the VM has ${Math.floor(ram.size / MIB)} MiB; give it more with --memory`;
}

/** The address of the device tree. */
export const treePlace = (ram: GuestRam): number => ram.base + Math.min(ram.size, TREE_BELOW) - TREE_ROOM;

export function loadInitrd(ram: GuestRam, bytes: Uint8Array, kernel: Kernel): Loaded<MemoryRange> {
  const start = Math.floor((treePlace(ram) - bytes.length) / PAGE) * PAGE;
  if (start < kernel.end) {
    const left = Math.max(0, Math.floor((treePlace(ram) - kernel.end) / MIB));
    return refused(
      `does not fit: it has ${Math.ceil(bytes.length / MIB)} MiB, the kernel leaves ${left} MiB; give the VM more with --memory`);
  }
  ram.write(start, bytes);
  return loaded({ start, end: start + bytes.length });
}

export function loadTree(ram: GuestRam, tree: Uint8Array, kernel: Kernel): Loaded<number> {
  const at = treePlace(ram);
  if (at < kernel.end || tree.length > TREE_ROOM)
    return refused(`leaves no room for the device tree; give the VM more than ${Math.floor(ram.size / MIB)} MiB with --memory`);
  ram.write(at, tree);
  return loaded(at);
}
