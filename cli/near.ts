/** "Did you mean": finds the name nearest to the typed one. */

import { distance } from '../scenarios/distance.ts';

/** The nearest of `names`, if it is near enough. */
export function nearest(word: string, names: readonly string[]): string | undefined {
  const wanted = word.toLowerCase(),
    ranked = names.map((name) => ({ name, far: distance(wanted, name.toLowerCase()) })).sort((a, b) => a.far - b.far);
  return ranked[0] && ranked[0].far <= Math.max(1, Math.floor(word.length / 3)) ? ranked[0].name : undefined;
}

/** `; did you mean 'x'?`, or nothing. */
export function didYouMean(word: string, names: readonly string[]): string {
  const name = nearest(word, names);
  return name === undefined ? '' : `; did you mean '${name}'?`;
}
