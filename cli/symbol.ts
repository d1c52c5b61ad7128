/** Adds functions to addresses in messages: the function's name follows `pc 0x100e4`, where the program's file has symbols. */
import { parseElf } from '../machine/loader/elf.ts';
import { visible } from '../trace/visible.ts';

/** Text of a message; `file`: the program that its `pc 0x…` belongs to. */
export function withSymbol(text: string, file: Uint8Array | undefined): string {
  const at = Number.parseInt(/\bpc 0x([0-9a-f]+)/.exec(text)?.[1] ?? '', 16),
    elf = file && Number.isFinite(at) ? parseElf(file) : undefined;
  if (!elf?.ok || elf.value.relocatable) return text;
  let best: [string, number] | undefined;
  for (const [name, address] of elf.value.symbols)
    if (address <= at && at - address < 0x10000 && /^[A-Za-z_.]/.test(name) && (!best || address > best[1])) best = [name, address];
  return best ? `${text} (${visible(best[0])}${at > best[1] ? `+0x${(at - best[1]).toString(16)}` : ''})` : text;
}

const INTERP = 3;
/**
 * The interpreter that a dynamically linked program names (its dynamic linker); undefined for a static program or a file other than ELF.
 */
export function interpreterOf(file: Uint8Array): string | undefined {
  if (file.length < 64 || file[0] !== 0x7f || file[1] !== 0x45) return undefined;
  const view = new DataView(file.buffer, file.byteOffset, file.length), start = Number(view.getBigUint64(32, true)),
    count = view.getUint16(56, true);
  for (let at = start; at < start + 56 * count && at + 56 <= file.length; at += 56) {
    if (view.getUint32(at, true) !== INTERP) continue;
    const from = Number(view.getBigUint64(at + 8, true)), size = Number(view.getBigUint64(at + 32, true));
    return size > 0 && size < 4096 && from + size <= file.length
      ? new TextDecoder().decode(file.subarray(from, from + size)).replace(/\0.*$/s, '')
      : undefined;
  }
  return undefined;
}
