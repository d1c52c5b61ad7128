/** Decides whether a file without a known header can be raw machine code, which starts at its first byte. */
import { createDecoder } from './decode.ts';
import { FULL_ISA } from './table.ts';

const LOOKED_AT = 64;
/** First bytes of other kinds of file, which must not run as code. */
const OTHERS: readonly (readonly [magic: string, what: string])[] = [
  ['\xfd7zXZ', 'is compressed with xz, which cannot be unpacked here'],
  ['\x28\xb5\x2f\xfd', 'is compressed with zstd, which cannot be unpacked here'],
  ['BZh', 'is compressed with bzip2, which cannot be unpacked here'],
  ['QFI\xfb', 'is a qcow2 disk image, not a kernel'], ['PK\x03\x04', 'is a zip archive, not a kernel'],
  ['070701', 'is an initrd (a cpio archive), not a kernel'], ['\xd0\x0d\xfe\xed', 'is a device tree, not a kernel'],
  ['MZ', 'is an EFI program for another processor, not for RISC-V'],
];

/** Why the file cannot be code: the rest of a sentence that begins with the file's name. Undefined when it can. */
export function whyNotCode(bytes: Uint8Array): string | undefined {
  const other = OTHERS.find(([magic]) => [...magic].every((c, i) => bytes[i] === c.charCodeAt(0)));
  if (other) return other[1];
  if (bytes.length < 2) return 'is too short to be a kernel';
  const start = bytes.subarray(0, LOOKED_AT);
  if (start.every((byte) => byte === 9 || byte === 10 || byte === 13 || (byte >= 32 && byte < 127))) return 'is not a kernel but text';
  const word = bytes[0]! | (bytes[1]! << 8) | ((bytes[2] ?? 0) << 16) | ((bytes[3] ?? 0) << 24);
  return createDecoder(FULL_ISA)(word).index === 0
    ? 'is not a kernel: neither a RISC-V Linux image nor an ELF file, and it does not begin with an instruction'
    : undefined;
}
