/**
 * The auxiliary vector of a process, from its first stack: GDB learns from it where a position-independent program lies.
 *
 *   sp → argc, argv[0] … argv[argc - 1], 0, environment …, 0, (type, value) …, (0, 0)
 *
 * @spec riscv-elf-psabi 8
 */
const WORD = 8;
/** Words looked at, environment included, before the search is given up. */
const LONGEST = 4096;

/** `read` answers one 64-bit word of the process's memory. Undefined: there is no such vector. */
export function auxiliaryVector(sp: bigint, read: (address: bigint) => bigint | undefined): Uint8Array | undefined {
  const argc = read(sp);
  if (argc === undefined || argc > BigInt(LONGEST)) return undefined;
  let at = sp + BigInt(WORD) * (argc + 2n);
  for (let n = 0; n < LONGEST; n++, at += BigInt(WORD)) {
    const word = read(at);
    if (word === undefined) return undefined;
    if (word === 0n) return pairs(at + BigInt(WORD), read);
  }
  return undefined;
}

function pairs(from: bigint, read: (address: bigint) => bigint | undefined): Uint8Array | undefined {
  const words: bigint[] = [];
  for (let at = from; words.length < LONGEST; at += 2n * BigInt(WORD)) {
    const type = read(at);
    const value = read(at + BigInt(WORD));
    if (type === undefined || value === undefined) return undefined;
    words.push(type, value);
    if (type === 0n) return new Uint8Array(BigUint64Array.from(words).buffer);
  }
  return undefined;
}
