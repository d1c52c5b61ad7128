/** Type-checks a folder's TypeScript files against the declarations of 'tessera'. */
import { spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join, resolve } from 'node:path';
import { projectRoot } from '../images/where.ts';
import { removeFolder, temporaryFolder } from '../temporary.ts';

/** The `tsconfig.json` for files that import 'tessera' from `api`. */
export const compilerOptions = (api: string): Record<string, unknown> => ({
  target: 'ES2023', lib: ['ES2023'], module: 'ESNext', moduleResolution: 'Bundler', strict: true, noFallthroughCasesInSwitch: true,
  allowImportingTsExtensions: true, erasableSyntaxOnly: true,
  verbatimModuleSyntax: true, noEmit: true, skipLibCheck: true, types: [], paths: { tessera: [api] },
});

/** Globals of a program besides the language itself. */
export const GLOBALS = `declare const console: { log(...what: unknown[]): void };
declare class TextEncoder { encode(text?: string): Uint8Array; }
declare class TextDecoder { decode(bytes?: Uint8Array): string; }
`;

function compiler(): string | undefined {
  try {
    const require = createRequire(join(projectRoot(), 'package.json')),
      path = join(dirname(require.resolve('typescript/package.json')), 'bin/tsc');
    return existsSync(path) ? path : undefined;
  } catch {
    return undefined;
  }
}

/** One line for each error, with its place; undefined where no compiler is installed. `api`: the file that 'tessera' resolves to. */
export function typeErrors(files: readonly string[], api = join(projectRoot(), 'labs/api.ts')): string[] | undefined {
  const tsc = compiler();
  if (tsc === undefined) return undefined;
  const folder = temporaryFolder('types'), globals = join(folder, 'globals.d.ts'),
    own = new Set(files.map((f) => resolve(f)));
  try {
    writeFileSync(globals, GLOBALS);
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions: compilerOptions(api), files: [globals, ...own] }));
    const run = spawnSync(process.execPath, [tsc, '-p', folder, '--pretty', 'false'], { encoding: 'utf8', cwd: folder });
    return run.stdout.split('\n').map((l) => /^(.*)\((\d+),\d+\): error TS\d+: (.*)$/.exec(l)).filter((m) => m !== null)
      .filter((m) => own.has(resolve(folder, m[1]!))).map((m) => `${m[3]!.replace(/\.$/, '')} (${basename(m[1]!)}:${m[2]})`);
  } finally {
    removeFolder(folder);
  }
}
