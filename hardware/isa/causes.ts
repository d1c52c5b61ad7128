/** Exceptions in words, by their code. @spec priv 12.1.8 */
const WORDS: readonly (string | undefined)[] = [
  'instruction address misaligned', 'instruction access fault', 'illegal instruction', 'breakpoint', 'load address misaligned',
  'load access fault', 'store address misaligned', 'store access fault',
  'environment call', 'environment call', 'environment call', 'environment call', 'instruction page fault', 'load page fault', undefined,
  'store page fault',
  'double trap', undefined, undefined, undefined, 'instruction guest-page fault', 'load guest-page fault', 'virtual instruction',
  'store guest-page fault',
];

export const causeText = (code: number): string => WORDS[code] ?? `exception ${code}`;
