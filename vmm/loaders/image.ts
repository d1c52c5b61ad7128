/**
 * The header of a Linux `Image` for RISC-V: 64 bytes, little-endian, at the start of the flat kernel.
 *
 *   0 code (jump to the kernel)   8 text_offset u64   16 image_size u64   24 flags u64 (bit 0 big-endian)   56 magic "RSC\x05"
 *
 * @spec linux Documentation/arch/riscv/boot-image-header.rst
 */
import { type Loaded, loaded, refused } from './result.ts';

export interface Image {
  /** From the start of RAM. */ readonly textOffset: number; /** Memory it occupies, .bss included. */
  readonly memory: number
}

const HEADER = 64, MAGIC_AT = 56;
const magics: Record<string, string> = { 'RSC\x05': 'RISC-V', 'ARM\x64': 'AArch64' };
const LARGEST = 2 ** 40;

const magicOf = (file: Uint8Array): string => String.fromCharCode(...file.subarray(MAGIC_AT, MAGIC_AT + 4));
export const isImage = (file: Uint8Array): boolean => file.length >= HEADER && magicOf(file) in magics;
export const isGzip = (file: Uint8Array): boolean => file[0] === 0x1f && file[1] === 0x8b;

/** The error completes a sentence that begins with the file's name. */
export function readImage(file: Uint8Array): Loaded<Image> {
  if (magics[magicOf(file)] !== 'RISC-V') return refused(`is a kernel for ${magics[magicOf(file)]}, not for RISC-V`);
  const data = new DataView(file.buffer, file.byteOffset, HEADER);
  if (data.getUint32(24, true) & 1) return refused('is a big-endian kernel');
  const textOffset = Number(data.getBigUint64(8, true)), size = Number(data.getBigUint64(16, true));
  if (textOffset > LARGEST || size > LARGEST) return refused('is damaged: its header asks for memory that no machine has');
  return loaded({ textOffset, memory: Math.max(size, file.length) });
}
