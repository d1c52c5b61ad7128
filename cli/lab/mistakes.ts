/** Finds mistakes in a TypeScript source without running it; esbuild removes the types. */
import { mistakesIn } from '../../labs/grading/mistakes.ts';

/** One line for each mistake, with its place. Files that cannot be parsed are left to the compiler. */
export async function mistakes(files: ReadonlyMap<string, string>): Promise<string[]> {
  const sources = [...files].filter(([name]) => name.endsWith('.ts'));
  if (sources.length === 0) return [];
  const { transformSync } = await import('esbuild');
  return sources.flatMap(([name, source]) => {
    try {
      return mistakesIn(name, transformSync(source, { loader: 'ts', target: 'es2022' }).code, source);
    } catch {
      return [];
    }
  });
}
