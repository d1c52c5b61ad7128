/** The answer of a loader: the result, or the mistake as the end of a sentence that begins with the file's name. */
export type Loaded<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: string };
export const loaded = <T>(value: T): Loaded<T> => ({ ok: true, value });
export const refused = (error: string): Loaded<never> => ({ ok: false, error });
