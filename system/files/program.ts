/** Checks that a file is a riscv64 Linux program before a system is started for it, so that a mistake gets one line. */

/** The default PATH, for programs named without a slash. */
export const DEFAULT_PATH = '/usr/local/bin:/usr/local/sbin:/usr/bin:/usr/sbin:/bin:/sbin';

const ELF_HEADER = 64, PROGRAM_HEADER = 56;
const CLASS_64 = 2, LITTLE = 1, MACHINE_RISCV = 243, EXEC = 2, DYN = 3, LOAD = 1;
const machines: Record<number, string> = {
  3: 'x86 (32 bits)', 40: 'ARM (32 bits)', 62: 'x86-64', 183: 'ARM64', 8: 'MIPS', 21: 'PowerPC', 22: 's390'
};

/** Why these bytes cannot run as a program; undefined when they can. */
export function whyNotProgram(bytes: Uint8Array): string | undefined {
  if (bytes.length === 0) return 'is empty';
  if (bytes[0] === 0x23 && bytes[1] === 0x21) return undefined; // a script
  if (bytes[0] !== 0x7f || String.fromCharCode(...bytes.subarray(1, 4)) !== 'ELF')
    return 'is no ELF program and no script that begins with #!';
  if (bytes.length < ELF_HEADER) return `is cut short: ${bytes.length} bytes are less than an ELF header`;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const machine = view.getUint16(18, true);
  if (machine !== MACHINE_RISCV) return `is a program for ${machines[machine] ?? `machine ${machine}`}, not for riscv64`;
  if (bytes[4] !== CLASS_64) return 'is a 32-bit program, not one for riscv64';
  if (bytes[5] !== LITTLE) return 'is a big-endian program';
  const type = view.getUint16(16, true);
  if (type !== EXEC && type !== DYN) return type === 1 ? 'is an object file that has not been linked' : 'is not executable';
  return whyNotSegments(view);
}

function whyNotSegments(view: DataView): string | undefined {
  const start = Number(view.getBigUint64(32, true)), count = view.getUint16(56, true);
  if (start + count * PROGRAM_HEADER > view.byteLength) return 'is cut short: its program headers are missing';
  let loads = 0;
  for (let at = start; at < start + count * PROGRAM_HEADER; at += PROGRAM_HEADER) {
    if (view.getUint32(at, true) !== LOAD) continue;
    loads++;
    const end = Number(view.getBigUint64(at + 8, true)) + Number(view.getBigUint64(at + 32, true));
    if (end > view.byteLength) return `is cut short: a segment ends at byte ${end} of ${view.byteLength}`;
  }
  return loads === 0 ? 'has nothing to load' : undefined;
}
