/** Native programs: the segments of an ELF64 RISC-V executable and its entry. */
const EHDR = 64, PHDR = 56, PT_LOAD = 1, RISCV = 243, EXEC = 2;
const PF = { X: 1, W: 2, R: 4 } as const;

export interface Segment {
  readonly va: number;
  readonly offset: number;
  readonly fileSize: number;
  readonly size: number; /** Right.* bits */
  readonly rights: number
}
export interface Executable { readonly entry: number; readonly segments: readonly Segment[]; readonly base: number; readonly end: number }

const PAGE = 4096, USER_END = 2 ** 37;
const down = (n: number): number => n - (n % PAGE), up = (n: number): number => Math.ceil(n / PAGE) * PAGE;

/** Returns the executable, or a sentence that says what is wrong with the file. */
export function parseElf(file: Uint8Array): Executable | string {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  if (file.length < EHDR || view.getUint32(0) !== 0x7f454c46) return 'is not an ELF file';
  if (file[4] !== 2 || file[5] !== 1 || view.getUint16(18, true) !== RISCV) return 'is not a 64-bit little-endian RISC-V program';
  if (view.getUint16(16, true) !== EXEC) return 'is not a static executable: link it with -static -no-pie';
  const segments: Segment[] = [], at = Number(view.getBigUint64(32, true)), count = view.getUint16(56, true);
  if (at + count * PHDR > file.length) return 'is truncated';
  for (let header = at; header < at + count * PHDR; header += PHDR) {
    if (view.getUint32(header, true) !== PT_LOAD) continue;
    const [offset, va, , fileSize, size] = [8, 16, 24, 32, 40].map(o =>
      Number(view.getBigUint64(header + o, true))) as [number, number, number, number, number];
    if (size === 0) continue; // its address does not matter: linkers leave empty segments at 0
    if (offset + fileSize > file.length || fileSize > size) return 'is truncated';
    if (va < PAGE || va + size > USER_END)
      return `wants memory at 0x${va.toString(16)}, outside of what programs have (0x${PAGE.toString(16)} to 0x${USER_END.toString(16)}): `
        + `give the linker another address`;
    const flags = view.getUint32(header + 4, true);
    segments.push({ va, offset, fileSize, size, rights: (flags & PF.R ? 1 : 0) | (flags & PF.W ? 2 : 0) | (flags & PF.X ? 4 : 0) });
  }
  if (segments.length === 0) return 'has nothing to load: it was linked without code';
  return {
    entry: Number(view.getBigUint64(24, true)), segments, base: down(Math.min(...segments.map(s => s.va))),
    end: up(Math.max(...segments.map(s => s.va + s.size)))
  };
}

/** Runs of pages with equal rights: a page that two segments share has the rights of both. */
export function pageRuns(executable: Executable): { va: number; size: number; rights: number }[] {
  const runs: { va: number; size: number; rights: number }[] = [];
  const borders = [...new Set(executable.segments.flatMap(s => [down(s.va), up(s.va + s.size)]))].sort((a, b) => a - b);
  for (const [i, va] of borders.slice(0, -1).entries()) {
    const end = borders[i + 1]!, last = runs.at(-1);
    const rights = executable.segments.filter(s => s.va < end && up(s.va + s.size) > va).reduce((r, s) => r | s.rights, 0);
    if (rights === 0) continue;
    if (last && last.rights === rights && last.va + last.size === va) last.size += end - va;
    else runs.push({ va, size: end - va, rights });
  }
  return runs;
}
