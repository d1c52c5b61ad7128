/**
 * Equivalence on the console: compares the guest's output under a technique and natively, line by line in any order. It ignores numbers,
 * because times, sizes and addresses differ. The remaining lines distinguish the two machines.
 */
export interface Differences {
  /** Lines only of the technique's guest; only of the native one. */ readonly more: readonly string[];
  readonly less: readonly string[]
}

const plain = (line: string): string => line.replace(/^\[ *\d+\.\d+\] /, '').replace(/\b0x[0-9a-f]+\b|\b[0-9a-f]{8,}\b|\d+/gi,
  '#').trimEnd();

function linesOf(text: string): Map<string, number> {
  const lines = new Map<string, number>();
  for (const line of text.split('\n').map(plain)) if (line !== '') lines.set(line, (lines.get(line) ?? 0) + 1);
  return lines;
}
const only = (a: Map<string, number>, b: Map<string, number>): string[] => [...a].filter(([line, n]) => n > (b.get(line) ??
  0)).map(([line]) => line).sort();

export function differences(native: string, other: string): Differences {
  const theirs = linesOf(other), natives = linesOf(native);
  return { more: only(theirs, natives), less: only(natives, theirs) };
}
