/** `tessera afterburn`: from a kernel's file to the list of its sensitive instructions (vmm/translate/find-sites.ts). */
import { kallsyms } from '../system/panic/kallsyms.ts';
import { isElf, readElf } from '../vmm/loaders/elf.ts';
import { isImage, readImage as readHeader } from '../vmm/loaders/image.ts';
import { unpack } from '../vmm/loaders/load.ts';
import { findSites, writeSites, type Site } from '../vmm/translate/find-sites.ts';
import { CliError, Exit } from './errors.ts';
import { readImage, writeOutput } from './files.ts';
import { writeNow } from './output.ts';
import { kernelSymbols } from './profile.ts';

interface Code {
  readonly bytes: Uint8Array;
  /** Bytes from the kernel's beginning. */
  readonly at: number;
  readonly entries: readonly number[];
}

export function afterburn(path: string, output?: string): number {
  const { text, count, instructions, doubtful } = listOf(path), bytes = Buffer.from(text);
  if (output === undefined) writeNow(1, bytes);
  else writeOutput('list of sites', output, bytes);
  process.stderr.write(`afterburn: ${count} sites among ${instructions} instructions; ${doubtful} places in doubt are left alone\n`);
  return Exit.ok;
}

/** The list, and the number of instructions scanned. @throws CliError */
export function listOf(path: string): { text: string; count: number; instructions: number; doubtful: number } {
  const file = unpack(readImage('kernel', path));
  if (!file.ok) throw new CliError('E_FORMAT', `kernel '${path}' ${file.error}`);
  const sites: Site[] = [];
  let instructions = 0, doubtful = 0;
  for (const { bytes, at, entries } of codeOf(path, file.value)) {
    const found = findSites(bytes, entries);
    for (const site of found.sites) sites.push({ at: at + site.at, word: site.word });
    instructions += found.instructions;
    doubtful += found.doubtful;
  }
  if (instructions === 0)
    throw new CliError('E_FORMAT', `kernel '${path}' names no function to begin with`, 'give one with kallsyms or symbols');
  return { text: writeSites(sites), count: sites.length, instructions, doubtful };
}

function codeOf(path: string, bytes: Uint8Array): Code[] {
  if (isElf(bytes)) return elfCode(path, bytes);
  if (!isImage(bytes))
    throw new CliError('E_FORMAT', `kernel '${path}' is bare code: nothing says where its functions are`, 'give its ELF file');
  const header = readHeader(bytes), symbols = kallsyms(bytes);
  if (!header.ok) throw new CliError('E_FORMAT', `kernel '${path}' ${header.error}`);
  if (!symbols) throw new CliError('E_FORMAT', `kernel '${path}' has no kallsyms to say where its functions are`);
  const start = new Map(symbols).get('_start') ?? Math.min(...symbols.map(([, address]) => address));
  return [{ bytes, at: 0, entries: [0, ...symbols.map(([, address]) => address - start)] }];
}

function elfCode(path: string, bytes: Uint8Array): Code[] {
  const elf = readElf(bytes);
  if (!elf.ok) throw new CliError('E_FORMAT', `kernel '${path}' ${elf.error}`);
  const { pieces, entry } = elf.value, start = Math.min(...pieces.map((p) => p.address)), symbols = [...kernelSymbols(path)];
  const code = executable(bytes), isCode = (address: number): boolean => code.some(({ from, to }) => address >= from && address < to);
  const functions = [entry, ...symbols.filter(([name, address]) => !name.startsWith('$') && isCode(address)).map(([, address]) => address)];
  return pieces.map((p) => ({ bytes: p.bytes, at: p.address - start, entries: functions.map((address) => address - p.address) }));
}

/** Sections of instructions: symbols elsewhere are data. @spec elf 1-10 */
function executable(bytes: Uint8Array): { from: number; to: number }[] {
  const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.length), at = Number(data.getBigUint64(40, true)),
    size = data.getUint16(58, true), count = data.getUint16(60, true);
  const EXECINSTR = 4n, found: { from: number; to: number }[] = [];
  for (let i = 0, header = at; i < count && header + 64 <= bytes.length; i++, header += size) {
    const from = Number(data.getBigUint64(header + 16, true));
    if ((data.getBigUint64(header + 8, true) & EXECINSTR) !== 0n)
      found.push({ from, to: from + Number(data.getBigUint64(header + 32, true)) });
  }
  return found;
}
