#!/usr/bin/env node
// The `tessera` command of Node: runs the bundle in dist/; builds it first where it is missing or older than the sources; runs the sources
// through tsx where it cannot be built. (CommonJS, because that is what every Node takes a file without extension for in this folder.)
'use strict';
const { existsSync, statSync } = require('node:fs');
const { dirname, join } = require('node:path');
const { pathToFileURL } = require('node:url');

const { keepAside, quick, serves } = require('./quick.cjs');
const { enter, followParent, INSIDE } = require('./sandbox.cjs');

const root = dirname(__dirname);
const bundle = join(root, 'dist/tessera.mjs');
const sources = join(root, 'cli/main.ts');
const OLDEST_NODE = 20;
const load = (path) => import(pathToFileURL(path).href);

/** Is the bundle there, or could it be built now? */
async function bundled() {
  if (!existsSync(sources)) return true;
  const { build, newestSource } = await load(join(root, 'build.mjs'));
  const built = statSync(bundle, { throwIfNoEntry: false });
  if (built && built.mtimeMs >= newestSource()) return true;
  return build().then(() => true, () => false);
}

// Where Node keeps compiled code itself (22 and later), a start takes a fifth less.
require('node:module').enableCompileCache?.(join(root, 'dist/cache'));

/** What the user can mend, as the command itself says it (cli/errors.ts). */
function refuse(line) {
  process.stderr.write(`tessera: ${line}\n`);
  process.exitCode = 2;
}

/** Whoever stands in a folder that was removed cannot name a file by half a path. Anything else is a bug, and shown as one. */
function explain(error) {
  if (error.code !== 'ENOENT' || error.syscall !== 'uv_cwd') throw error;
  refuse('E_FOLDER: the current folder does not exist any more; change to another one (cd)');
}

async function start() {
  const inside = process.env[INSIDE] !== undefined, useBundle = inside || await bundled();
  if (!inside && useBundle) keepAside(root);
  if (useBundle && enter(__filename, process.argv.slice(2))) return;
  followParent();
  if (!useBundle) {
    const tsx = await import('tsx/esm/api').catch(() => undefined);
    if (tsx === undefined) return refuse(`E_INSTALL: the packages that Tessera needs are not installed; run: npm install (in ${root})`);
    tsx.register();
  }
  const words = process.argv.slice(2), fromScript = useBundle && serves(words) && quick(root);
  const main = fromScript || (await load(useBundle ? bundle : sources)).main;
  await main(words);
}

const { node } = process.versions;
if (Number.parseInt(node) < OLDEST_NODE) refuse(`E_NODE: Node ${node} is too old; install Node ${OLDEST_NODE} or later`);
else start().catch(explain);
