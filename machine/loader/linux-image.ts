/**
 * The Linux `Image`: a flat kernel with a 64-byte header that gives its place in memory.
 *
 *   offset  field
 *    0      code0, code1          jump to the kernel, or the MZ of the EFI stub
 *    8      text_offset   u64     from the start of RAM (2 MiB)
 *   16      image_size    u64     memory it uses, with .bss; 0 in very old kernels
 *   24      flags         u64     bit 0: big-endian
 *   32      version       u32     0.2
 *   48      magic         "RISCV\0\0\0" (deprecated)
 *   56      magic2        "RSC\x05"
 *
 * @spec linux Documentation/arch/riscv/boot-image-header.rst
 */
import { type Loaded, loaded, refused } from './result.ts';

export interface LinuxImage {
  readonly bytes: Uint8Array;
  /** Offset from the start of RAM where byte 0 goes. The entry point is byte 0. */
  readonly textOffset: number;
  /** Bytes of memory it occupies from there on, at least the file's length. */
  readonly memBytes: number;
}

const MAGIC2 = 0x0543_5352; // "RSC\x05"
const ARM64_MAGIC = 0x644d_5241; // "ARMd", at the same place
const HEADER_BYTES = 64;

export function isGzip(bytes: Uint8Array): boolean {
  return bytes.length >= 3 && bytes[0] === 0x1f && bytes[1] === 0x8b && bytes[2] === 8;
}

export function isLinuxImage(bytes: Uint8Array): boolean {
  return bytes.length >= HEADER_BYTES && magicOf(bytes) === MAGIC2;
}

export const isArm64Image = (bytes: Uint8Array): boolean => bytes.length >= HEADER_BYTES && magicOf(bytes) === ARM64_MAGIC;

/** Reads the header of an uncompressed `Image`. The error completes a sentence that starts with the file's name. */
export function parseLinuxImage(bytes: Uint8Array): Loaded<LinuxImage> {
  if (bytes.length < HEADER_BYTES) return refused('is too short to be a Linux kernel image');
  const magic = magicOf(bytes);
  if (magic === ARM64_MAGIC) return refused('is a Linux kernel image for AArch64, not for RISC-V');
  if (magic !== MAGIC2) return refused('is not a RISC-V Linux kernel image (its header has no "RSC" magic number)');
  const data = new DataView(bytes.buffer, bytes.byteOffset, HEADER_BYTES);
  if ((data.getUint32(24, true) & 1) !== 0) return refused('is a big-endian kernel image');
  const textOffset = Number(data.getBigUint64(8, true));
  const imageSize = Number(data.getBigUint64(16, true));
  if (textOffset > 2 ** 40 || imageSize > 2 ** 40) return refused('is damaged: its header asks for an impossible place in memory');
  return loaded({ bytes, textOffset, memBytes: Math.max(imageSize, bytes.length) });
}

function magicOf(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(56, true);
}
