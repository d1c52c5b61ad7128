// Bundles the command into dist/: tessera.mjs and one chunk per lazily loaded part, so that start-up reads little.
// Run by `npm install` (prepare), by `npm run build`, and by bin/tessera when a source is newer than the bundle.
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = dirname(fileURLToPath(import.meta.url));
const sources = [
  'hardware', 'network', 'machine', 'microkernel', 'roottask', 'vmm', 'l4guest', 'trace', 'system', 'library', 'cli', 'web', 'scenarios', 'labs', 'index.ts', 'build.mjs',
];

/** Time of the newest source file in milliseconds. Looked for at each start from a clone, so with few questions. */
export function newestSource() {
  return sources.reduce((newest, name) => Math.max(newest, /\./.test(name) ? timeOf(join(root, name)) : newestIn(join(root, name))), 0);
}

function newestIn(folder) {
  let newest = 0;
  for (const entry of existsSync(folder) ? readdirSync(folder, { withFileTypes: true }) : []) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) newest = Math.max(newest, newestIn(path));
    else if (/\.(ts|mjs)$/.test(path) && !path.endsWith('.spec.ts')) newest = Math.max(newest, timeOf(path));
  }
  return newest;
}

const timeOf = (path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;

/**
 * Bundles; the entry is put in place last and at once, so that a command started meanwhile sees an old bundle or a new one.
 * Returns the files that were made.
 */
export async function build() {
  const esbuild = await import('esbuild');
  const result = await esbuild.build({
    absWorkingDir: root,
    entryPoints: { tessera: 'cli/main.ts', 'trace-writer': 'cli/trace-writer.ts' },
    outdir: 'dist',
    outExtension: { '.js': '.mjs' },
    chunkNames: 'chunks/[name]-[hash]',
    bundle: true, splitting: true, format: 'esm', platform: 'node', target: 'node20',
    keepNames: false, minifySyntax: true, minifyWhitespace: true, sourcemap: false, legalComments: 'none', logLevel: 'silent',
    external: ['esbuild', 'tsx', 'ink', 'react', 'sql.js'],
    banner: { js: "import { createRequire as __cr } from 'node:module'; const require = __cr(import.meta.url);" },
    write: false,
  });
  const started = Date.now();
  mkdirSync(join(root, 'dist/chunks'), { recursive: true });
  const entryFirst = [...result.outputFiles].sort((a, b) => Number(basename(a.path) === 'tessera.mjs') - Number(basename(b.path) === 'tessera.mjs'));
  for (const file of entryFirst) {
    writeFileSync(`${file.path}.${process.pid}`, file.contents);
    renameSync(`${file.path}.${process.pid}`, file.path);
  }
  rmSync(join(root, 'dist/cache'), { recursive: true, force: true });
  const current = new Set(result.outputFiles.map((file) => file.path));
  for (const name of readdirSync(join(root, 'dist/chunks'))) {
    const path = join(root, 'dist/chunks', name);
    if (!current.has(path) && statSync(path, { throwIfNoEntry: false })?.mtimeMs < started - 600_000) rmSync(path, { force: true });
  }
  return [...current];
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  try {
    await build();
  } catch (error) {
    // An installation goes on without a bundle: bin/tessera then builds it, or runs the sources.
    console.error(`build: ${error?.code === 'ERR_MODULE_NOT_FOUND' ? 'esbuild is not installed' : error.message}`);
    process.exitCode = process.env.npm_lifecycle_event === 'prepare' ? 0 : 1;
  }
}
