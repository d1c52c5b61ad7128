// Bundles the command into dist/: tessera.mjs and one chunk per lazily loaded part, so that start-up reads little.
// Run by `npm install` (prepare), by `npm run build`, and by bin/tessera when a source is newer than the bundle.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = dirname(fileURLToPath(import.meta.url));
const sources = [
  'hardware', 'network', 'machine', 'microkernel', 'binding', 'roottask', 'vmm', 'l4guest', 'trace', 'system', 'library', 'cli', 'web',
  'scenarios', 'labs', 'index.ts', 'build.mjs',
];

const options = {
  absWorkingDir: root, outdir: 'dist', bundle: true, platform: 'node', target: 'node20', write: false,
  // Fields are assigned: V8 defines those of classes with many subclasses slowly.
  tsconfigRaw: { compilerOptions: { useDefineForClassFields: false } },
  keepNames: false, minifySyntax: true, minifyWhitespace: true, sourcemap: false, legalComments: 'none', logLevel: 'silent',
  external: ['esbuild', 'tsx', 'ink', 'react', 'sql.js', 'node-sqlite3-wasm'],
};
/** The script of the commands that run a machine (bin/quick.cjs) leaves out what other commands load on demand. */
const otherCommands = {
  name: 'other-commands',
  setup(builder) {
    const others = /\/cli\/commands\/(?!run|vm|bare|boot)\w+\.ts$/;
    const isOther = ({ importer, kind }) => kind === 'dynamic-import' && others.test(importer);
    builder.onResolve({ filter: /^\./ }, (asked) => (isOther(asked) ? { path: asked.path, external: true } : undefined));
  },
};

/** Time of the newest source file in milliseconds. Every start from a clone needs it, so it makes few system calls. */
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

/** Modules of Node that most runs do not use: each is loaded when something of it is first asked for. */
const LATER = /=require\(("node:(?:child_process|dgram|dns|net|worker_threads|zlib)")\)/g;
const later = 'const __later = (name) => new Proxy({}, { get: (_, key) => require(name)[key] });';

/**
 * The text as bin/quick.cjs takes it. Its first 64 letters are a hash of the text, which matches the script with V8's code cache. Imports
 * go through a function, because a cached script has no importer. Letters are ASCII, one byte each.
 */
function asScript(text) {
  const escaped = (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`;
  const own = text.replace(/(?<![\w$.])import\(/g, '__import(').replace(/[^\0-\x7f]/g, escaped);
  const lazy = `${later}\n${own.replace(LATER, '=__later($1)')}`;
  return Buffer.from(`//${createHash('sha256').update(lazy).digest('hex').slice(0, 61)}\n${lazy}`);
}

/**
 * Bundles; replaces the entry last and atomically, so that a command started meanwhile sees the old bundle or the new one. Returns the
 * files that it wrote.
 */
export async function build() {
  const esbuild = await import('esbuild');
  const modules = await esbuild.build({
    ...options,
    entryPoints: { tessera: 'cli/main.ts', 'trace-writer': 'cli/trace-writer.ts' },
    outExtension: { '.js': '.mjs' }, chunkNames: 'chunks/[name]-[hash]', splitting: true, format: 'esm',
    banner: { js: "import { createRequire as __cr } from 'node:module'; const require = __cr(import.meta.url);" },
  });
  const script = await esbuild.build({
    ...options,
    entryPoints: { quick: 'cli/main.ts' }, outExtension: { '.js': '.cjs' }, format: 'cjs',
    define: { 'import.meta.url': '__url' }, plugins: [otherCommands],
  });
  const quick = { path: script.outputFiles[0].path, contents: asScript(script.outputFiles[0].text) };
  const files = [...modules.outputFiles, quick];
  const started = Date.now();
  mkdirSync(join(root, 'dist/chunks'), { recursive: true });
  const entryFirst = files.sort((a, b) => Number(basename(a.path) === 'tessera.mjs') - Number(basename(b.path) === 'tessera.mjs'));
  for (const file of entryFirst) {
    writeFileSync(`${file.path}.${process.pid}`, file.contents);
    renameSync(`${file.path}.${process.pid}`, file.path);
  }
  const outdated = readdirSync(join(root, 'dist')).filter((name) => /^quick-.*cache$|^front$|^cache$/.test(name));
  for (const name of outdated) rmSync(join(root, 'dist', name), { recursive: true, force: true });
  // Without it a start takes longer.
  spawnSync(process.execPath, [join(root, 'bin/quick.cjs')], { stdio: 'ignore', timeout: 30_000 });
  const current = new Set(files.map((file) => file.path));
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
    // An installation continues without a bundle: bin/tessera then builds it, or runs the sources.
    console.error(`build: ${error?.code === 'ERR_MODULE_NOT_FOUND' ? 'esbuild is not installed' : error.message}`);
    process.exitCode = process.env.npm_lifecycle_event === 'prepare' ? 0 : 1;
  }
}
