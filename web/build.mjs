// Builds the page: a folder of static files that any web server can serve, below any path.
//
//   node web/build.mjs [OUT]                       dist/web (npm run web:build)
//   node web/build.mjs --images [OUT]              with Debian's images from images/, if present
//   node web/build.mjs --serve [PORT [ADDRESS]]    builds with them, and serves on 127.0.0.1 (npm run web)
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { later } from './later.mjs';
import { cut } from './parts.mjs';
import { serve } from './serve.mjs';

const here = dirname(fileURLToPath(import.meta.url)),
  root = dirname(here);

/** The page's permissions: only its own files and WebAssembly. The header adds who may frame it. */
export const POLICY =
  "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; " +
  "worker-src 'self'; manifest-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'";

const FROM_PAGE = `
declare const self: { location: { href: string } };
/** One of the small programs that come with Tessera; the page keeps them beside its scripts. */
export async function guestBytes(path: string): Promise<Uint8Array> {
  const answer = await fetch(new URL('../' + path, self.location.href));
  if (!answer.ok) throw new Error(path + ' cannot be fetched: ' + answer.status);
  return new Uint8Array(await answer.arrayBuffer());
}`;

/** The page runs only Tessera's scenarios, which tests have checked. */
const UNCHECKED = 'export function check() {}';

const SQL_HERE = "export { openDatabase } from '../../web/worker/sql.ts';";

/** xterm writes <style> elements and style attributes, which the policy forbids; it allows sheets and the object model. */
const strictTerminal = {
  name: 'strict-terminal',
  setup(build) {
    build.onLoad({ filter: /xterm[\\/]lib[\\/]xterm\.mjs$/ }, ({ path }) => {
      const text = readFileSync(path, 'utf8'),
        [sheets, attributes] = [/[\w.]+\.createElement\("style"\)/g, /(\w+)\.setAttribute\("style",/g];
      for (const pattern of [sheets, attributes])
        if (text.match(pattern) === null) throw new Error(`xterm has nothing like ${pattern} any more: look at strictTerminal again`);
      const strict = text.replace(sheets, 'strictStyle()').replace(attributes, '((text)=>{$1.style.cssText=text})(');
      return {
        contents: `import { strictStyle } from ${JSON.stringify(join(here, 'app/strict-style.ts'))};${strict}`,
        loader: 'js',
        resolveDir: dirname(path),
      };
    });
  },
};

const filesBelow = (folder, base = folder) =>
  readdirSync(folder, { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((e) => (e.isDirectory() ? filesBelow(join(folder, e.name), base) : [relative(base, join(folder, e.name))]));

/** Parts that a first system call needs besides the main script. */
const FIRST = ['scenarios/getpid.ts', 'unix'];

/** Builds into the folder `out`. Returns the names of the files that a system call through the Unix server needs, and of all scripts. */
export async function buildPage(place, { images = false } = {}) {
  const esbuild = await import('esbuild'),
    out = `${place}.${process.pid}`;
  mkdirSync(join(out, 'assets'), { recursive: true });
  const shared = {
    absWorkingDir: root,
    bundle: true,
    format: 'esm',
    target: ['es2022', 'chrome110', 'firefox115', 'safari16.4'],
    minify: true,
    legalComments: 'none',
    logLevel: 'silent',
    metafile: true,
    jsx: 'automatic',
    jsxImportSource: 'preact',
    mainFields: ['module', 'main'],
    define: { 'process.env.NODE_ENV': '"production"' },
  };
  // The workers have fixed names: the page names them in `new Worker`, and the service worker takes care of versions.
  const entries = { main: 'web/worker/machine.ts', extra: { lab: 'web/worker/lab.ts' }, early: FIRST, api: 'labs/api.ts' };
  const system = await cut({
    esbuild,
    root,
    ...entries,
    later,
    contents: { 'library/guests.ts': FROM_PAGE, 'scenarios/check.ts': UNCHECKED, 'trace/sql/engine.ts': SQL_HERE },
    options: shared,
  });
  for (const { file, text } of system.files) writeFileSync(join(out, 'assets', file), text);
  writeFileSync(join(out, 'assets/lab.js'), "importScripts('machine.js');self.$load('lab');");
  writeFileSync(join(out, 'assets/lab-api.js'), system.apiText);
  for (const name of ['sql-wasm.js', 'sql-wasm.wasm']) cpSync(join(root, 'node_modules/sql.js/dist', name), join(out, 'assets', name));
  const page = await esbuild.build({
    ...shared,
    entryPoints: { main: 'web/app/main.tsx', style: 'web/style/main.css' },
    outdir: join(out, 'assets'),
    entryNames: '[name]-[hash]',
    chunkNames: 'p-[hash]',
    splitting: true,
    plugins: [strictTerminal],
  });
  const named = (entry) => `assets/${basename(Object.entries(page.metafile.outputs).find(([, o]) => o.entryPoint === entry)[0])}`;
  const html = readFileSync(join(here, 'index.html'), 'utf8')
    .replace('POLICY', POLICY)
    .replace('STYLE', named('web/style/main.css'))
    .replaceAll('MAIN', named('web/app/main.tsx'));
  writeFileSync(join(out, 'index.html'), html);
  for (const name of ['icon.svg', 'manifest.webmanifest']) cpSync(join(here, name), join(out, name));
  await buildLabs(join(out, 'labs'));
  cpSync(join(root, 'guests/bin'), join(out, 'guests/bin'), { recursive: true });
  const files = filesBelow(out),
    version = createHash('sha256')
      .update(files.map((f) => readFileSync(join(out, f)).toString('base64')).join())
      .digest('hex')
      .slice(0, 12);
  await esbuild.build({
    ...shared,
    entryPoints: { sw: 'web/worker/offline.ts' },
    outdir: out,
    define: { FILES: JSON.stringify(['./', ...files.filter((f) => f !== 'index.html')]), VERSION: JSON.stringify(version) },
  });
  // The page asks for this list; an empty list is valid.
  mkdirSync(join(out, 'images'));
  if (images) await copyImages(join(out, 'images'));
  else writeFileSync(join(out, 'images/index.json'), '{}');
  // A server that runs meanwhile finds the whole old page or the whole new one.
  rmSync(place, { recursive: true, force: true });
  renameSync(out, place);
  const inAssets = (files) => files.map((file) => `assets/${file}`);
  return { first: inAssets(system.filesOf(FIRST)), all: inAssets(system.files.map((f) => f.file)) };
}

/** The labs that the page can check: their pages as HTML, their starter files, and a list. */
async function buildLabs(to) {
  const { marked } = await import('marked'),
    { labNames, findLab } = await moduleOf('labs/catalogue.ts'),
    library = readFileSync(join(root, 'labs/start/lib.s'), 'utf8'),
    list = [];
  for (const name of labNames()) {
    const { number, title, hours, language, files } = await findLab(name),
      folder = join(root, 'labs', name);
    if (language === 'sql' || language === 'c') continue;
    mkdirSync(join(to, name), { recursive: true });
    writeFileSync(
      join(to, name, 'page.html'),
      pictured(linked(await marked.parse(readFileSync(join(folder, 'README.md'), 'utf8'))), name),
    );
    for (const picture of readdirSync(folder).filter((f) => f.endsWith('.svg'))) cpSync(join(folder, picture), join(to, name, picture));
    for (const file of files)
      writeFileSync(
        join(to, name, file),
        readFileSync(join(folder, 'starter', file), 'utf8').replace(/^\{\{lib\}\}\n/m, () => library),
      );
    list.push({ name, number, title, hours, language, files });
  }
  writeFileSync(join(to, 'index.json'), JSON.stringify(list));
}

/** Links to scenarios' pages run them here; links to other files of the project become plain text. */
const linked = (html) =>
  html.replace(/<a href="([^"]*)">(.*?)<\/a>/g, (all, to, words) => {
    const scenario = /scenarios\/([\w-]+)\.md$/.exec(to)?.[1];
    return scenario && existsSync(join(root, 'scenarios', `${scenario}.ts`))
      ? `<a href="#/run/${scenario}">${words}</a>`
      : to.startsWith('https:')
        ? all
        : words;
  });

/** Addresses of a lab's pictures are relative to the page; their sizes are known before they come, so that no text moves. */
const pictured = (html, name) =>
  html.replace(/<img src="(?!https:|data:)([^"]*)"/g, (_all, file) => {
    const [, width, height] = /^<svg [^>]*\bwidth="(\d+)" height="(\d+)"/.exec(readFileSync(join(root, 'labs', name, file), 'utf8'));
    return `<img src="labs/${name}/${file}" width="${width}" height="${height}"`;
  });

/** A module of the project's sources, for use while building. */
async function moduleOf(entry) {
  const esbuild = await import('esbuild');
  const { outputFiles } = await esbuild.build({
    absWorkingDir: root,
    entryPoints: [entry],
    bundle: true,
    format: 'esm',
    platform: 'node',
    write: false,
    external: ['node:*'],
  });
  return import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString('base64')}`);
}

/** Debian's kernel, its initial RAM disk and busybox's root file system, if fetched. */
async function copyImages(to) {
  const from = join(root, 'images'),
    there = {};
  mkdirSync(to, { recursive: true });
  for (const [name, file] of [
    ['vmlinuz', 'vmlinuz'],
    ['initramfs', 'initramfs.cpio'],
  ]) {
    if (!existsSync(join(from, file))) continue;
    cpSync(join(from, file), join(to, file), { dereference: true });
    there[name] = file;
  }
  if (existsSync(join(from, 'rootfs'))) {
    writeFileSync(join(to, 'rootfs.tar.gz'), gzipSync(await archiveOf(join(from, 'rootfs'))));
    there.rootfs = 'rootfs.tar.gz';
  }
  writeFileSync(join(to, 'index.json'), JSON.stringify(there));
}

async function archiveOf(folder) {
  const { packTar } = await moduleOf('cli/pack.ts');
  return packTar([{ host: folder, guest: '' }]);
}

/** Compressed sizes: for the first screen, for a system call, in total. */
function report(out, { first, all }) {
  const packed = (names) => names.reduce((n, f) => n + brotliCompressSync(readFileSync(join(out, f))).length, 0),
    files = filesBelow(out).filter((f) => !f.startsWith('images/'));
  const page = files.filter((f) => /^assets\/(main|style)/.test(f) || f === 'index.html'),
    kb = (n) => `${Math.round(n / 1000)} kB`;
  console.log(
    `${relative(process.cwd(), out) || out}: ${files.length} files, ${kb(files.reduce((n, f) => n + statSync(join(out, f)).size, 0))}`,
  );
  console.log(
    `with brotli: first screen ${kb(packed(page))}, first system call ${kb(packed(first))}, all of the system ${kb(packed(all))}`,
  );
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const words = process.argv.slice(2),
    wanted = words.filter((w) => !w.startsWith('--')),
    serving = words.includes('--serve');
  const out = resolve(serving ? 'dist/web' : (wanted[0] ?? 'dist/web'));
  const system = await buildPage(out, { images: serving || words.includes('--images') });
  report(out, system);
  if (serving) {
    const server = await serve(out, Number(wanted[0] ?? 8421), POLICY, wanted[1]).catch((error) => {
      console.error(`web: the page cannot be served on port ${wanted[0] ?? 8421} (${error.code}); give another: npm run web -- 8500`);
      process.exit(1);
    });
    console.log(`http://${wanted[1] ?? '127.0.0.1'}:${server.address().port}/   (Ctrl-C ends it)`);
  }
}
