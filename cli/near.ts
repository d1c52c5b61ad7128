/** "Did you mean": the name that is nearest to what was written. */

/** Letters that have to be put in, left out or changed. */
export function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    row = next;
  }
  return row[b.length]!;
}

/** The nearest of `names` when it is near enough to be what was meant. */
export function nearest(word: string, names: readonly string[]): string | undefined {
  const w = word.toLowerCase(), ranked = names.map((name) => ({ name, far: distance(w, name.toLowerCase()) })).sort((a, b) => a.far - b.far);
  return ranked[0] && ranked[0].far <= Math.max(1, Math.floor(word.length / 3)) ? ranked[0].name : undefined;
}

/** `; did you mean 'x'?`, or nothing. */
export function didYouMean(word: string, names: readonly string[]): string {
  const name = nearest(word, names);
  return name === undefined ? '' : `; did you mean '${name}'?`;
}
