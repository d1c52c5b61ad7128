/** The counter for a submission's loops (loops.ts): an endless loop ends with an error that names its line. */

/** Most loop turns between two system calls. */
export const MOST_TURNS = 5_000_000;

/** Puts `turn$`, which loops call, into this context. Returns a function that resets the count, to be called at each system call. */
export function countTurns(): () => void {
  let turns = 0;
  Object.defineProperty(globalThis, 'turn$', {
    value: (file: string, line: number) => {
      if (++turns <= MOST_TURNS) return;
      turns = 0;
      throw new RangeError(`an endless loop: more than ${MOST_TURNS} turns without a system call, at ${file}:${line}`);
    },
  });
  return () => { turns = 0; };
}
