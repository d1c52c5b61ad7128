/** Root file systems: opens archives and folders, and looks up the program to run in them. */
import { joinTar, type Archive } from './archive.ts';
import { whyNotProgram } from './program.ts';
import { byteString, lookUp, type TarEntry } from './tar.ts';

/** The program's file among those of the guest; a name without a slash is looked up in `path`. */
export function programIn(files: Map<string, TarEntry>, program: string, path: string, cwd = '/'): TarEntry | undefined {
  const names = program.includes('/') ? [program] : path.split(':').map((folder) => `${folder}/${program}`);
  return names.map((name) => lookUp(files, byteString(name.startsWith('/') ? name : `${cwd}/${name}`))).find((entry) =>
    entry?.type === '0');
}

/** Why this file cannot run: the rest of a sentence that begins with its name; undefined when it can. */
export const whyNotRun = (entry: Pick<TarEntry, 'mode' | 'data'>): string | undefined =>
  ((entry.mode & 0o111) === 0 ? 'is not executable' : whyNotProgram(entry.data));

/** A root file system with additional files, which take precedence. */
export function layered(base: Uint8Array | Archive | undefined,
    over: Archive): { readonly length: number; copyTo(target: Uint8Array): void } {
  return base === undefined ? over : joinTar(base, over);
}
