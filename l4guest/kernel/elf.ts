/** ELF files: checking and mapping. */
import { Window } from '../../microkernel/abi/index.ts';
import type { Inode } from '../fs/inode.ts';
import { RegularInode } from '../fs/regular.ts';
import type { Frames } from '../mm/frames.ts';
import type { Mm } from '../mm/mm.ts';
import { mapArea, roundUp } from '../mm/mmap.ts';
import { KernelIo, clearUser, textOf } from '../mm/uaccess.ts';
import type { Mappable } from '../mm/vma.ts';
import { E } from '../abi/errno.ts';
import { Map_, PAGE, Prot } from '../abi/linux.ts';

const Pt = { LOAD: 1, INTERP: 3, PHDR: 6, GNU_STACK: 0x6474e551 } as const;
const ET_EXEC = 2, ET_DYN = 3, EM_RISCV = 243;

export interface Segment {
  readonly type: number;
  readonly flags: number;
  readonly offset: number;
  readonly va: number;
  readonly fileSize: number;
  readonly size: number
}
export interface Elf {
  readonly inode: ImageInode;
  readonly fixed: boolean;
  readonly entry: number;
  readonly phoff: number;
  readonly phnum: number;
  readonly segments: readonly Segment[];
  readonly interpreter: string | undefined
}

/** The longest name of an interpreter. */
const PATH_MAX = 4096;
/** A file that can be mapped: only such a file can be a program. */
export type ImageInode = Inode & Mappable;
export const isImage = (i: Inode): i is ImageInode => 'frameToRead' in i;

/** Bytes of a file; fewer if it ends first. */
export function readAt(frames: Frames, inode: ImageInode, offset: number, length: number): Uint8Array {
  const out = new Uint8Array(Math.max(0, Math.min(length, inode.size - offset)));
  if (inode instanceof RegularInode) { inode.readTo(new KernelIo(out), offset); return out; }
  for (let done = 0; done < out.length; ) {
    const at = (offset + done) % PAGE, n = Math.min(PAGE - at, out.length - done),
      pfn = inode.frameToRead(Math.floor((offset + done) / PAGE));
    if (pfn <= 0) return out.subarray(0, done);
    Window.copy(out, done, frames.page(pfn), at, n);
    done += n;
  }
  return out;
}

/** Why a file is no runnable ELF program, as text; undefined when it is. */
export function whyNotElf(head: Uint8Array): string | undefined {
  const view = new DataView(head.buffer, head.byteOffset, head.length);
  if (head.length < 4 || view.getUint32(0) !== 0x7f454c46) return 'not an ELF program';
  if (head.length < 64) return 'a truncated ELF file';
  if (head[4] !== 2) return 'a 32-bit program; only 64-bit RISC-V programs run here';
  if (head[5] !== 1) return 'a big-endian program; only little-endian RISC-V programs run here';
  if (view.getUint16(18, true) !== EM_RISCV) return 'a program for another processor; only riscv64 programs run here';
  const type = view.getUint16(16, true);
  if (type !== ET_EXEC && type !== ET_DYN) return 'an ELF file, but not a program';
  return undefined;
}

export function parseElf(frames: Frames, inode: Inode): Elf | number {
  if (!isImage(inode)) return -E.ACCES;
  const head = readAt(frames, inode, 0, 64);
  if (whyNotElf(head)) return -E.NOEXEC;
  const view = new DataView(head.buffer), phoff = Number(view.getBigUint64(32, true)), phnum = view.getUint16(56, true);
  if (view.getUint16(54, true) !== 56 || phnum === 0 || phnum > 512) return -E.NOEXEC;
  const table = readAt(frames, inode, phoff, phnum * 56);
  if (table.length < phnum * 56) return -E.NOEXEC;
  const segments: Segment[] = [];
  for (let i = 0; i < phnum; i++) segments.push(segmentAt(new DataView(table.buffer, i * 56, 56)));
  const loads = segments.filter((s) => s.type === Pt.LOAD);
  if (loads.length === 0 || loads.some((s) => !isSane(s, inode.size))) return -E.NOEXEC;
  const interp = segments.find((s) => s.type === Pt.INTERP);
  if (interp && (interp.fileSize < 2 || interp.fileSize > PATH_MAX)) return -E.NOEXEC;
  const interpreter = interp && textOf(readAt(frames, inode, interp.offset, interp.fileSize)).replace(/\0.*$/s, '');
  return { inode, fixed: view.getUint16(16, true) === ET_EXEC, entry: Number(view.getBigUint64(24, true)), phoff, phnum, segments,
    interpreter };
}
function segmentAt(view: DataView): Segment {
  const n = (at: number): number => Number(view.getBigUint64(at, true));
  return { type: view.getUint32(0, true), flags: view.getUint32(4, true), offset: n(8), va: n(16), fileSize: n(32), size: n(40) };
}
const isSane = (s: Segment, size: number): boolean =>
  s.size >= s.fileSize && s.offset + s.fileSize <= size && s.offset % PAGE === s.va % PAGE && s.va + s.size < 0x40_0000_0000;

export interface Loaded {
  readonly base: number;
  readonly entry: number;
  readonly phdr: number;
  readonly end: number;
  readonly codeStart: number;
  readonly codeEnd: number
}

/** Maps the segments; position-independent ones at `base` (0 = anywhere). Returns the addresses, or -errno. */
export function mapElf(mm: Mm, elf: Elf, base: number, name: string): Loaded | number {
  const loads = elf.segments.filter((s) => s.type === Pt.LOAD);
  const low = Math.floor(Math.min(...loads.map((s) => s.va)) / PAGE) * PAGE, high = Math.max(...loads.map((s) => s.va + s.size));
  let bias = 0;
  if (!elf.fixed) {
    const at = mapArea(mm, { at: base, length: high - low, prot: 0, flags: Map_.PRIVATE | Map_.ANONYMOUS | Map_.NORESERVE });
    if (at < 0) return at;
    bias = at - low;
  }
  let codeStart = Infinity, codeEnd = 0, phdr = 0;
  for (const segment of loads) {
    const failed = mapSegment(mm, elf, segment, bias, name);
    if (failed < 0) return failed;
    if (segment.flags & 1) {
      codeStart = Math.min(codeStart, segment.va + bias);
      codeEnd = Math.max(codeEnd, segment.va + segment.fileSize + bias);
    }
    if (elf.phoff >= segment.offset && elf.phoff < segment.offset + segment.fileSize) phdr = elf.phoff - segment.offset + segment.va + bias;
  }
  return { base: bias, entry: elf.entry + bias, phdr, end: high + bias, codeStart, codeEnd };
}
function mapSegment(mm: Mm, elf: Elf, segment: Segment, bias: number, name: string): number {
  const start = Math.floor((segment.va + bias) / PAGE) * PAGE, fileEnd = segment.va + bias + segment.fileSize,
    end = roundUp(segment.va + bias + segment.size);
  const prot = (segment.flags & 4 ? Prot.READ : 0) | (segment.flags & 2 ? Prot.WRITE : 0) | (segment.flags & 1 ? Prot.EXEC : 0),
    flags = Map_.PRIVATE | Map_.FIXED;
  if (segment.fileSize > 0) {
    const at = mapArea(mm, {
      at: start, length: fileEnd - start, prot, flags, object: elf.inode, first: Math.floor(segment.offset / PAGE), name
    });
    if (at < 0) return at;
    if (segment.size > segment.fileSize && fileEnd % PAGE !== 0 && prot & Prot.WRITE) clearUser(mm, fileEnd, PAGE - (fileEnd % PAGE));
  }
  const bss = segment.fileSize > 0 ? roundUp(fileEnd) : start;
  return end > bss ? mapArea(mm, { at: bss, length: end - bss, prot, flags: flags | Map_.ANONYMOUS }) : 0;
}
