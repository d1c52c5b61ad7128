// Builds the package that others install: dist/lib/ with JavaScript for Node and browsers and its declarations.
//
//   node package.mjs build      dist/lib/ (npm run build:library)
//   node package.mjs prepack    what `npm pack` runs first: builds everything, and replaces package.json by the package's own manifest
//   node package.mjs stage DIR   the package laid out in a folder, for tests
//   node package.mjs postpack   … and afterwards: restores package.json
//
// The package's manifest has no dependencies: the package contains what the library needs. A command that needs more (the viewer a terminal
// library, scenarios a compiler) says so when it is used.
import { execFileSync } from 'node:child_process';
import { copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { deflateRawSync } from 'node:zlib';

const root = dirname(fileURLToPath(import.meta.url));
const lib = join(root, 'dist/lib');
const BUNDLED = ['eventemitter3', 'fflate', 'typed-emitter'];
const OPTIONAL = ['esbuild', 'ink', 'react', 'sql.js', 'node-sqlite3-wasm'];

/** Files below a folder, by their path from `base`, in order. */
function filesBelow(folder, base = folder) {
  return readdirSync(folder, { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((e) => (e.isDirectory() ? filesBelow(join(folder, e.name), base) : [relative(base, join(folder, e.name))]));
}

/** Replaces library/guests.ts, the source of the small guest programs. */
export const guestsFrom = (contents) => ({
  name: 'guests',
  setup(build) {
    build.onLoad({ filter: /\/library\/guests\.ts$/ }, () => ({ contents, loader: 'ts' }));
    build.onResolve({ filter: /^tessera:guests$/ }, () => ({ path: 'guests', namespace: 'tessera' }));
    build.onLoad({ filter: /^guests$/, namespace: 'tessera' }, () => ({ contents: packedGuests(), loader: 'js' }));
  },
});

/** All of guests/bin, packed, as a module. */
function packedGuests() {
  const folder = join(root, 'guests/bin');
  const entries = filesBelow(folder).map((name) => [
    `guests/bin/${name}`,
    deflateRawSync(readFileSync(join(folder, name)), { level: 9 }).toString('base64'),
  ]);
  return `export default ${JSON.stringify(Object.fromEntries(entries))};`;
}

const FROM_PACKAGE = `
import { inflateSync } from 'fflate';
/** One of the small programs that come with Tessera, by its path: 'guests/bin/linux/sh'. */
export async function guestBytes(path: string): Promise<Uint8Array> {
  const { default: packed } = await import('tessera:guests') as { default: Record<string, string> };
  if (!packed[path]) throw new Error(\`there is no '\${path}'\`);
  return inflateSync(Uint8Array.from(atob(packed[path]), (c) => c.charCodeAt(0)));
}`;

/** dist/lib: index.js for every host, node.js for Node with its files, types/. */
export async function buildLibrary() {
  const esbuild = await import('esbuild');
  rmSync(lib, { recursive: true, force: true });
  const shared = {
    absWorkingDir: root,
    outdir: 'dist/lib',
    chunkNames: 'chunks/[name]-[hash]',
    bundle: true,
    splitting: true,
    format: 'esm',
    target: 'es2023',
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'none',
    logLevel: 'silent',
    mainFields: ['module', 'main'],
    conditions: ['import', 'module', 'browser'],
  };
  await esbuild.build({
    ...shared,
    entryPoints: { index: 'index.ts', node: 'cli/library.ts' },
    platform: 'neutral',
    external: ['node:*'],
    plugins: [guestsFrom(FROM_PACKAGE)],
  });
  declarations(['index', 'cli/library']);
  writeFileSync(join(lib, 'tessera.1'), await manual(esbuild));
  writeFileSync(join(lib, 'THIRD-PARTY.txt'), BUNDLED.map(licence).join('\n'));
}

/** dist/tessera.1 for `npm link`, which puts it where `man tessera` looks. An installation goes on without it. */
async function writeManual() {
  try {
    const { default: esbuild } = await import('esbuild');
    mkdirSync(join(root, 'dist'), { recursive: true });
    writeFileSync(join(root, 'dist/tessera.1'), await manual(esbuild));
  } catch (error) {
    console.error(`package: no manual page: ${error.message}`);
  }
}

/** The command's manual page. */
async function manual(esbuild) {
  const place = join(root, `dist/.man-${process.pid}.mjs`);
  await esbuild.build({
    absWorkingDir: root,
    stdin: { contents: "export { manualPage } from './cli/man.ts';", resolveDir: root },
    outfile: place,
    bundle: true,
    format: 'esm',
    platform: 'node',
    logLevel: 'silent',
    external: ['esbuild', 'ink', 'react', 'sql.js', 'node-sqlite3-wasm'],
    banner: { js: "import { createRequire as __cr } from 'node:module'; const require = __cr(import.meta.url);" },
  });
  try {
    return (await import(pathToFileURL(place).href)).manualPage();
  } finally {
    rmSync(place, { force: true });
  }
}

/** The declarations that the entries reach, with imports that every resolver understands. */
function declarations(entries) {
  execFileSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-b', 'tsconfig.app.json'], {
    cwd: root,
    stdio: 'inherit',
  });
  const seen = new Set(),
    types = join(lib, 'types');
  const visit = (name) => {
    if (seen.has(name)) return;
    seen.add(name);
    const text = readFileSync(join(root, '.tsbuild', `${name}.d.ts`), 'utf8').replace(
      /((?:from|import\()\s*)['"]([^'"]+)['"]/g,
      (_, before, path) => {
        if (path === 'typed-emitter') return `${before}'${link(name, 'typed-emitter')}'`;
        if (!path.startsWith('.')) return `${before}'${path}'`;
        const target = join(dirname(name), path).replace(/\.ts$/, '');
        visit(target);
        return `${before}'${path.replace(/\.ts$/, '.js')}'`;
      },
    );
    const out = join(types, `${name}.d.ts`);
    mkdirSync(dirname(out), { recursive: true });
    // Node's types do not declare WebAssembly, and not every project has the browser's.
    writeFileSync(
      out,
      text
        .replace(/^\/\/# sourceMappingURL.*$/m, '')
        .replaceAll('WebAssembly.Memory', '{ readonly buffer: ArrayBuffer; grow(pages: number): number }'),
    );
  };
  for (const entry of entries) visit(entry);
  copyFileSync(join(root, 'node_modules/typed-emitter/index.d.ts'), join(types, 'typed-emitter.d.ts'));
}
const link = (from, to) => {
  const path = relative(dirname(from), to);
  return `${path.startsWith('.') ? '' : './'}${path}.js`;
};

function licence(name) {
  const folder = join(root, 'node_modules', name),
    file = readdirSync(folder).find((f) => /^licen[cs]e/i.test(f)),
    { version, license, author } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const holder = typeof author === 'string' ? author : (author?.name ?? `the authors of ${name}`);
  return `${name} ${version} (${license})\n\n${file ? readFileSync(join(folder, file), 'utf8') : `Copyright ${holder}`}\n`;
}

/** The manifest of the package. `chunks`: the command's, as the last build made them. */
function manifest(chunks) {
  const { name, version, description, license, type, engines, bin, dependencies, sideEffects } = JSON.parse(
    readFileSync(join(root, 'package.json'), 'utf8'),
  );
  return {
    name,
    version,
    description,
    license,
    private: true,
    type,
    engines,
    bin,
    sideEffects,
    exports: {
      '.': { types: './dist/lib/types/index.d.ts', default: './dist/lib/index.js' },
      './node': { types: './dist/lib/types/cli/library.d.ts', default: './dist/lib/node.js' },
      './package.json': './package.json',
    },
    files: ['bin', ...chunks, 'dist/lib', 'guests/bin', 'scenarios', '!scenarios/*.spec.ts', 'docs/embedding.md'],
    man: ['dist/lib/tessera.1'],
    peerDependencies: Object.fromEntries(OPTIONAL.map((p) => [p, dependencies[p]])),
    peerDependenciesMeta: Object.fromEntries(OPTIONAL.map((p) => [p, { optional: true }])),
  };
}

const ours = join(root, 'package.json'),
  kept = join(root, 'package.json.kept');

async function prepack() {
  postpack();
  const { build } = await import('./build.mjs'),
    chunks = await build();
  await buildLibrary();
  copyFileSync(ours, kept);
  writeFileSync(ours, `${JSON.stringify(manifest(chunks.map((path) => relative(root, path))), undefined, 2)}\n`);
}
/** Lays the package out in a folder, as it is in the tarball. For tests: package.json here stays as it is. */
export async function stage(folder) {
  const { build } = await import('./build.mjs'),
    chunks = await build();
  await buildLibrary();
  const ours = manifest(chunks.map((path) => relative(root, path)));
  for (const name of ours.files.filter((n) => !n.startsWith('!'))) cpSync(join(root, name), join(folder, name), { recursive: true });
  writeFileSync(join(folder, 'package.json'), JSON.stringify(ours, undefined, 2));
}
function postpack() {
  if (existsSync(kept)) renameSync(kept, ours);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const words = { build: buildLibrary, manual: writeManual, prepack, postpack, stage: () => stage(process.argv[3]) },
    run = words[process.argv[2] ?? 'build'];
  if (run) await run();
  else {
    console.error(`package: '${process.argv[2]}' is none of build, manual, stage, prepack, postpack`);
    process.exitCode = 2;
  }
}
