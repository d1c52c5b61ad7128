// The commands that run a machine, as one script with what V8 made of it beside it: bytecode that an earlier run has compiled
// (dist/quick-….cache), so that a start parses nothing. V8 refuses a cache of another release or of other flags, and a name in both files tells that they belong
// together; without a cache that fits, the script is compiled as ever.
'use strict';
const { existsSync, readFileSync, renameSync, statSync, writeFileSync } = require('node:fs');
const { dirname, join } = require('node:path');
const { pathToFileURL } = require('node:url');
const vm = require('node:vm');
const { permissions } = require('./sandbox.cjs');

const COMMANDS = new Set(['boot', 'run', 'vm', 'bare']);
/** Letters of the name that both files begin with. */
const NAME = 64;
const places = (root) => ({
  place: join(root, 'dist/quick.cjs'),
  cache: join(root, `dist/quick-${process.version}-${process.arch}.cache`),
  front: join(root, 'dist/front'),
});

/**
 * Is this a command line for the script? The bundle in modules answers all others, and shows the viewer: a script cannot load the viewer's
 * packages, which are modules.
 */
const serves = (argv) => COMMANDS.has(argv.find((word) => !word.startsWith('-'))) && !argv.includes('--view');

/** The script, its exports and its name. @throws Error of the file system where there is none */
function load(root, compiled) {
  const { place } = places(root), text = readFileSync(place, 'latin1'), name = text.slice(0, NAME);
  const source = `(function (exports, require, module, __url, __import) {${text}\n})`;
  const script = new vm.Script(source, { filename: place, cachedData: compiled?.(name) });
  const module = { exports: {} };
  script.runInThisContext()(module.exports, require, module, pathToFileURL(place).href, (module) => import(module));
  return { script, name, exports: module.exports };
}

/** What V8 has compiled of the script of that name. */
function kept(root, name) {
  try {
    const data = readFileSync(places(root).cache);
    return data.toString('latin1', 0, NAME) === name ? data.subarray(NAME) : undefined;
  } catch {
    return undefined;
  }
}

/** The script's `main`, or undefined where it has not been built. */
function quick(root) {
  try {
    return load(root, (name) => kept(root, name)).exports.main;
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Has V8's part been kept for this Node? If not, and the folder can be written, another process does it, once; a start without is slower. */
function keepAside(root) {
  try {
    if (!existsSync(places(root).place)) return;
    if (existsSync(places(root).cache)) return keepFront(root);
    writeFileSync(places(root).cache, ''); // it is tried once
    require('node:child_process').spawn(process.execPath, [__filename], { stdio: 'ignore', detached: true }).unref();
  } catch {
    // Somebody else's folder.
  }
}

/** bin/tessera.sh trusts the front only where it is younger than this Node, which may have been moved or linked since: it is told again. */
function keepFront(root) {
  const { front } = places(root);
  if (statSync(front).mtimeMs <= statSync(process.execPath).ctimeMs) writeFront(front);
}
const writeFront = (front) => write(front, `${process.execPath}\n${permissions({ files: [], network: false, trace: false }).join(' ')}\n`);

/** Runs small programs and keeps what V8 has compiled for them, and what bin/tessera.sh needs. As a process: `node bin/quick.cjs`. */
async function keep(root) {
  // V8 marks a cache with its flags at that time, and those of a machine are set only after the script is loaded.
  require('node:v8').setFlagsFromString = () => {};
  const { script, name, exports } = load(root), guests = join(root, 'guests/bin'), { cache, front } = places(root);
  await exports.main(['run', join(guests, 'linux/true')]);
  await exports.main(['bare', '--kernel', join(guests, 'exits.bin'), '--max-instructions', '1000']);
  write(cache, Buffer.concat([Buffer.from(name, 'latin1'), script.createCachedData()]));
  writeFront(front);
  process.exit(0);
}

function write(place, data) {
  writeFileSync(`${place}.${process.pid}`, data);
  renameSync(`${place}.${process.pid}`, place);
}

module.exports = { serves, quick, keepAside };
if (require.main === module) keep(dirname(__dirname));
