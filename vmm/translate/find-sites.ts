/**
 * Sensitive instructions of a kernel, found before it is ever run: from every function on, along branches and calls. Where one byte would
 * belong to two instructions nothing is named. Instructions that no path reaches are not listed; they still trap, if the processor makes
 * them trap (pre-virtualization; LeVasseur et al., "Pre-virtualization: soft layering for virtual machines", 2008).
 */
import { createDecoder } from '../../hardware/isa/decode.ts';
import { disassemble } from '../../hardware/isa/disassemble.ts';
import { FULL_ISA } from '../../hardware/isa/table.ts';
import { directTarget, isConditional, isJump } from '../interpreter/branch.ts';
import { isLong, isSensitive } from './sensitive.ts';

const decode = createDecoder(FULL_ISA);
const Half = { unseen: 0, start: 1, inside: 2 } as const;

/** `at`: bytes from the kernel's beginning. `word`: the word there. */
export interface Site { readonly at: number; readonly word: number }
export interface FoundSites { readonly sites: readonly Site[]; readonly instructions: number; readonly doubtful: number }

/** `entries`: offsets in `bytes` at which functions begin. */
export function findSites(bytes: Uint8Array, entries: Iterable<number>): FoundSites {
  const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.length), halves = new Uint8Array(bytes.length >> 1);
  const open = [...entries].filter((at) => at % 2 === 0 && at >= 0 && at < bytes.length), sites = new Map<number, number>();
  let instructions = 0, doubtful = 0;
  for (let from = open.pop(); from !== undefined; from = open.pop()) {
    for (let at = from; at + 4 <= bytes.length && halves[at >> 1] !== Half.start;) {
      const low = data.getUint16(at, true), word = isLong(low) ? data.getInt32(at, true) : low, decoded = decode(word);
      if (decoded.index === 0) break;
      if (halves[at >> 1] === Half.inside || (isLong(low) && halves[(at >> 1) + 1] === Half.start)) {
        doubtful++;
        sites.delete(at - 2);
        sites.delete(at + 2);
        break;
      }
      halves[at >> 1] = Half.start;
      if (isLong(low)) halves[(at >> 1) + 1] = Half.inside;
      instructions++;
      if (isSensitive(word)) sites.set(at, word);
      const target = directTarget(decoded, at);
      if (target !== undefined && target >= 0 && target < bytes.length) open.push(target);
      if (decoded.row.name === 'ebreak' || decoded.row.name === 'sret') break;
      if (isJump(decoded) && !isConditional(decoded) && (decoded.operands.rd ?? 0) === 0) break;
      at += decoded.length;
    }
  }
  return { sites: [...sites].map(([at, word]) => ({ at, word })).toSorted((a, b) => a.at - b.at), instructions, doubtful };
}

// ── the list as a file ──

const LINE = /^0x([0-9a-f]{1,10}) ([0-9a-f]{8}) /, FIRST = '# sites of a kernel, for tessera vm --virt pre';
export const MOST_SITES = 1_000_000;

/** A line a site: where, its word, and what a reader calls it. */
export const writeSites = (sites: readonly Site[]): string =>
  [FIRST, ...sites.map(({ at, word }) =>
    `0x${at.toString(16)} ${(word >>> 0).toString(16).padStart(8, '0')} ${disassemble(decode(word))}`)].join('\n') + '\n';

/** The error completes a sentence that begins with the file's name. */
export function readSites(text: string): readonly Site[] | string {
  const [first, ...lines] = text.split('\n');
  if (first !== FIRST) return 'is no list of sites (tessera afterburn makes one)';
  const sites: Site[] = [];
  for (const [i, line] of lines.entries()) {
    if (line === '') continue;
    const [, at, word] = LINE.exec(line) ?? [];
    if (at === undefined || !isSensitive(parseInt(word!, 16) | 0)) return `names no sensitive instruction in line ${i + 2}`;
    if (sites.push({ at: parseInt(at, 16), word: parseInt(word!, 16) | 0 }) > MOST_SITES) return `has more than ${MOST_SITES} sites`;
  }
  return sites;
}
