/** A run as an address: subject, seed, position, view. `#/run/getpid?seed=1&at=4711&view=sequence`. */
export type View = 'list' | 'sequence' | 'timeline' | 'memory' | 'counts';
export const views: readonly View[] = ['list', 'sequence', 'timeline', 'memory', 'counts'];

/**
 * `what`: a scenario's name, 'shell' or 'minios'. `at`: the sequence number of the selected record. `keys`: typed input, packed (keys.ts).
 */
export interface Link {
  readonly what: string;
  readonly seed: number;
  readonly at?: number;
  readonly view?: View;
  readonly filter?: string;
  readonly keys?: string;
  readonly tour?: number
}

/** The run that an address names; undefined for the first screen. */
export function placeOf(hash: string): Link | undefined {
  const match = /^#\/run\/([\w-]+)(?:\?(.*))?$/.exec(hash);
  if (!match) return undefined;
  const query = new URLSearchParams(match[2] ?? ''),
    number = (key: string): number | undefined => (/^\d{1,15}$/.test(query.get(key) ?? '') ? Number(query.get(key)) : undefined);
  const view = views.find((v) => v === query.get('view'));
  return {
    what: match[1]!, seed: number('seed') ?? 1, at: number('at'), view, filter: query.get('filter') ?? undefined,
    keys: query.get('keys') ?? undefined, tour: number('tour')
  };
}

/** The lab that an address names. */
export const labOf = (hash: string): string | undefined => /^#\/lab\/([\w-]+)/.exec(hash)?.[1];

export function hashOf(place: Link): string {
  const query = new URLSearchParams();
  for (const key of ['seed', 'at', 'view', 'filter', 'tour', 'keys'] as const) {
    const value = place[key];
    if (value !== undefined && value !== '' && !(key === 'seed' && value === 1)) query.set(key, String(value));
  }
  const text = query.toString();
  return `#/run/${place.what}${text ? `?${text}` : ''}`;
}
