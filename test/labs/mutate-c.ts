/** Small mistakes in a program in C: an operator, a number, a condition, a statement that is left out. */
import type { Mutant } from './mutate-javascript.ts';

/** What a token becomes; longer ones first. */
const SWAPS: readonly (readonly [RegExp, readonly string[]])[] = [
  [/ == /g, [' != ']], [/ != /g, [' == ']], [/ >= /g, [' > ']], [/ <= /g, [' < ']], [/ < /g, [' <= ', ' > ']], [/ > /g, [' >= ']], 
  [/ && /g, [' || ']], [/ \|\| /g, [' && ']], [/ \+ /g, [' - ']], [/ - /g, [' + ']], [/ % /g, [' / ']],
  [/ & /g, [' | ']], [/ \| /g, [' & ']], [/ \+= /g, [' -= ', ' = ']], [/ -= /g, [' += ']], [/\+\+/g, ['--']], [/!\(/g, ['(']],
  [/\bFLAG_NEXT\b/g, ['FLAG_WRITE']], [/\bFLAG_WRITE\b/g, ['FLAG_NEXT']], [/\bDONE\b/g, ['END']], [/\bEND\b/g, ['DONE']],
  [/\bCOLLECT\b/g, ['IDLE', 'DISCARD']], [/\bDISCARD\b/g, ['COLLECT']], [/\bIDLE\b/g, ['COLLECT']], [/\b\d+\b/g, ['#+1', '#-1']],
];

/** All mutants, in the order of the source. Comments, includes, fences and lines that the starter has too are left alone. */
export function mutantsOf(source: string, starter = ''): Mutant[] {
  const lines = source.split('\n'), given = new Set(starter.split('\n')), found: Mutant[] = [];
  const change = (i: number, what: string, text: string): void => {
    if (text !== lines[i]) found.push({ what: `line ${i + 1}: ${what}: ${lines[i]!.trim()} → ${text.trim() || 'nothing'}`,
      source: [...lines.slice(0, i), text, ...lines.slice(i + 1)].join('\n') });
  };
  lines.forEach((line, i) => {
    if (given.has(line) || /^\s*(\/\*|#|$)/.test(line) || line.includes('__asm__')) return;
    for (const [token, others] of SWAPS) for (const match of line.matchAll(token)) for (const other of others) {
      const text = other.startsWith('#') ? String(Number(match[0]) + Number(other.slice(1))) : other;
      if (!text.startsWith('-') || text.startsWith('--')) change(i, 'another',
        line.slice(0, match.index) + text + line.slice(match.index + match[0].length));
    }
    if (/^\s+[\w*>.[\]()% +-]+ (=|\+=|-=) .*;$|^\s+[\w>.-]+(\+\+|--);$/.test(line) &&
      !/^\s+(struct|u16|u32|return)\b/.test(line)) change(i, 'leaves it out', '');
    const condition = /^(\s*)(?:if|while) \((.*)\) (return|continue|[\w(]).*$/.exec(line);
    if (condition) change(i, 'never', line.replace(condition[2]!, `0 && (${condition[2]!})`));
  });
  return found;
}
