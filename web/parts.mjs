// Cuts the system into scripts that the worker loads when it needs them: what the first system call needs comes first, the network when a
// program opens a socket, a monitor when a virtual machine is created. A worker may load a script synchronously (importScripts), so a
// missing part stops the machine for some milliseconds of host time and no virtual time; the sources need no change for it.
//
// How it is cut: an entry, a module that is imported by `import()`, and a module that `later` names begin a part. A part contains the
// imports of its first modules. Modules of several parts go to the part that all of them follow, or to a separate script. The table `$`
// holds the names that cross from one script to another.
import { Parser } from 'acorn';
import { createHash } from 'node:crypto';
import { dirname, join, relative } from 'node:path';
import { Sources } from './sources.mjs';

const quoted = JSON.stringify;
/** The script loaded first, and the script shared by independent parts. */
const MAIN = 'main', COMMON = 'common';

/** The part that each module begins, and the parts that need it. `later(path)`: { part, after } for modules that come later. */
class Parts {
  /** Part → its first modules; module → the part that it begins; part → the part it follows; module → parts that contain it. */
  roots = new Map();
  begins = new Map();
  above = new Map();
  owners = new Map();
  named = new Set();

  constructor(sources, main, extras, later, early) {
    this.early = new Set([MAIN, ...early]);
    this.begin(MAIN, main);
    for (const { path } of sources.modules.values()) {
      const found = later(relative(sources.root, path));
      if (extras.has(path)) this.begin(extras.get(path), path, MAIN);
      else if (found) { this.begin(found.part, path, found.after ?? MAIN); this.named.add(found.part); }
    }
    for (const m of sources.modules.values()) for (const { path } of m.later) {
      if (!this.begins.has(path)) this.begins.set(path, relative(sources.root, path));
    }
    // A part found during the walk is visited after the earlier ones: a Map may grow during iteration.
    for (const [part, paths] of this.roots) this.walk(sources, part, new Set(paths));
  }
  begin(part, path, after) {
    this.roots.set(part, [...(this.roots.get(part) ?? []), path]);
    this.begins.set(path, part);
    if (after !== undefined) this.above.set(part, after);
  }
  walk(sources, part, seen) {
    for (const path of seen) {
      this.owners.set(path, [...(this.owners.get(path) ?? []), part]);
      const module = sources.modules.get(path);
      for (const used of [...sources.uses(module), ...sources.handedOn(module)]) {
        if (!this.begins.has(used.path) || this.begins.get(used.path) === part) seen.add(used.path);
      }
      for (const { path: target } of module.later) {
        const name = this.begins.get(target);
        if (!this.roots.has(name)) this.begin(name, target, part);
      }
    }
  }
  /** The parts that are loaded before a part, and itself. */
  line(part) { return part === undefined ? [] : [...this.line(this.above.get(part)), part]; }
  isAfter(part, other) { return this.line(part).includes(other); }
  /** The script that contains a module; undefined when none needs it. */
  scriptOf(path) {
    const owners = this.owners.get(path);
    if (owners === undefined) return undefined;
    const common = this.line(owners[0]).filter((p) => owners.every((q) => this.isAfter(q, p))).at(-1);
    if (common !== MAIN || owners.some((p) => this.early.has(p))) return common;
    return owners.every((p) => this.named.has(p)) ? owners.join('+') : COMMON;
  }
}

/** The names that cross from script to script, and how each module is written in its script. */
class Crossing {
  keys = new Map();
  /** Script → its names in the table; script → scripts that are loaded before it. */
  rows = new Map();
  needs = new Map();

  constructor(sources, parts) { Object.assign(this, { sources, parts }); }

  key(path, name) {
    const id = `${path}\0${name}`, script = this.parts.scriptOf(path);
    if (this.keys.has(id)) return this.keys.get(id);
    const { variable } = this.sources.modules.get(path);
    if (variable.has(name)) throw new Error(`parts: ${name} of ${path} changes: no other script can have it`);
    const key = `k${this.keys.size.toString(36)}`;
    this.keys.set(id, key);
    this.rows.set(script, [...(this.rows.get(script) ?? []), { path, name, key }]);
    return key;
  }
  needed(by, script) { this.needs.set(by, (this.needs.get(by) ?? new Set()).add(script)); }

  /** An import of `used` in script `here`: from the same script, from a loaded one, or from one that is loaded on use. */
  importOf(used, here) {
    const { path, name, local } = used, there = this.parts.scriptOf(path);
    if (there === here) return `import ${name === '*' ? `* as ${local}` : `{ ${name} as ${local} }`} from ${quoted(path)};`;
    const key = this.key(path, name);
    if (there === MAIN || !this.parts.begins.has(path) || this.parts.isAfter(here, there)) {
      this.needed(here, there);
      return `const ${local} = $.${key};`;
    }
    const load = `$load(${quoted(there)})`;
    if (this.sources.modules.get(path).functions.has(name)) return `const ${local} = (...a) => (${load}, $.${key}(...a));`;
    return `import { ${name} as ${local} } from ${quoted(`later:${there}:${key}:${name}`)};`;
  }
  /** A name that a module re-exports. */
  exportOf({ path, name, as }, here) {
    const there = this.parts.scriptOf(path);
    if (there === here) return `export { ${name} as ${as} } from ${quoted(path)};`;
    this.needed(here, there);
    return `const ${as}$ = $.${this.key(path, name)}; export { ${as}$ as ${as} };`;
  }
  /** The module's text with the imports of script `here`. */
  written(module, here) {
    const imports = this.sources.uses(module).map((used) => this.importOf(used, here));
    const heads = [...imports, ...this.sources.handedOn(module).map((o) => this.exportOf(o, here))];
    const gone = [...module.imports, ...module.handed].map(({ start, end }) => ({ start, end, by: '' }));
    const loads = module.later.map(({ path, start, end }) => {
      const load = `($load(${quoted(this.parts.scriptOf(path))}), $.${this.key(path, '*')})`;
      return { start, end, by: `Promise.resolve().then(() => ${load})` };
    });
    let text = module.code;
    for (const { start, end, by } of [...gone, ...loads].sort((a, b) => b.start - a.start)) {
      text = text.slice(0, start) + by + text.slice(end);
    }
    return heads.join('') + text;
  }
  /** The beginning of a script: puts its names into the table, and runs entries. */
  entry(script, begun) {
    const rows = this.rows.get(script) ?? [];
    const taken = ({ path, name, key }) => `import ${name === '*' ? `* as v${key}` : `{ ${name} as v${key} }`} from ${quoted(path)};`;
    const kept = rows.map(({ key }) => `$.${key} = v${key};`);
    return [...rows.map(taken), ...kept, ...begun.map((path) => `import ${quoted(path)};`)].join('\n');
  }
  /** A module for scripts outside the parts, with the names of one of our modules. */
  outside(path) {
    const names = this.sources.handedOn(this.sources.modules.get(path)), scripts = new Set(names.map((n) => this.parts.scriptOf(n.path)));
    const loads = [...scripts].filter((s) => s !== MAIN).map((s) => `self.$load(${quoted(s)});`);
    const values = names.map((n) => `${n.as}=$.${this.key(n.path, n.name)}`);
    return `const $=self.$;${loads.join('')}export const ${values.join()};`;
  }
}

/**
 * Cuts `main` and what it imports. `later(path)`: the part that a module begins, if it is to come later ({ part, after }). `extra`: further
 * entries, each a part that is loaded by name. `early`: parts that are needed soon, so the main script contains what they share with
 * others. `api`: a module whose names an outside script may import.
 */
export async function cut({ esbuild, root, main, extra = {}, early = [], api, later, contents = {}, options }) {
  const sources = new Sources(root, esbuild, Parser, contents), mainPath = join(root, main);
  const extras = new Map(Object.entries(extra).map(([part, path]) => [join(root, path), part]));
  for (const path of [mainPath, ...extras.keys()]) await sources.read(path);
  const parts = new Parts(sources, mainPath, extras, later, early), crossing = new Crossing(sources, parts), scripts = new Map();
  for (const path of parts.owners.keys()) {
    const name = parts.scriptOf(path);
    scripts.set(name, [...(scripts.get(name) ?? []), path]);
  }
  const write = ([name, paths]) => paths.map((path) => [path, crossing.written(sources.modules.get(path), name)]);
  const texts = new Map([...scripts].flatMap(write)), apiText = api && crossing.outside(join(root, api));
  const files = new Map(), order = [...scripts.keys()].filter((s) => s !== MAIN), runs = (path) => path === mainPath || extras.has(path);
  for (const name of [...order, MAIN]) {
    const stdin = { contents: crossing.entry(name, scripts.get(name).filter(runs)), resolveDir: root };
    const banner = name === MAIN && { banner: { js: loader(files, crossing.needs, order) } };
    const how = { ...options, stdin, bundle: true, format: 'iife', write: false, plugins: [plugin(texts, runs)], ...banner };
    const result = await esbuild.build(how);
    const { text } = result.outputFiles[0], hash = createHash('sha256').update(text).digest('hex').slice(0, 8);
    files.set(name, { file: name === MAIN ? 'machine.js' : `m-${hash}.js`, text });
  }
  const after = (name) => [name, ...[...(crossing.needs.get(name) ?? [])].flatMap(after)];
  /** The files that are loaded before all of these parts can be used. */
  const filesOf = (wanted) => [...new Set([MAIN, ...wanted].flatMap(after))].map((n) => files.get(n).file);
  return { files: [...files.values()], filesOf, apiText };
}

/** Modules by their final text; names of later scripts are looked up on use. */
const plugin = (texts, runs) => ({
  name: 'parts',
  setup(build) {
    build.onResolve({ filter: /^later:/ }, ({ path }) => ({ path, namespace: 'later' }));
    build.onLoad({ filter: /.*/, namespace: 'later' }, ({ path }) => {
      const [, part, key, name] = path.split(':'), get = `() => ($load(${quoted(part)}), $.${key})`;
      return { contents: `Object.defineProperty(exports, ${quoted(name)}, { enumerable: true, get: ${get} })`, loader: 'js' };
    });
    build.onResolve({ filter: /^\// }, ({ path }) => (texts.has(path) ? { path, sideEffects: runs(path) } : undefined));
    build.onLoad({ filter: /\.tsx?$/ }, ({ path }) => (
      texts.has(path) ? { contents: texts.get(path), loader: 'js', resolveDir: dirname(path) } : undefined));
  },
});

/** The table, and the function that loads a script once, after those that it needs. */
function loader(files, needs, order) {
  const before = (name) => [...(needs.get(name) ?? [])].filter((n) => n !== MAIN);
  const rows = Object.fromEntries(order.map((name) => [name, [files.get(name).file, ...before(name)]]));
  return `var $=self.$={},$loaded={},$rows=${quoted(rows)};
function $load(n){if($loaded[n])return;$loaded[n]=1;var r=$rows[n];for(var i=1;i<r.length;i++)$load(r[i]);
importScripts(new URL(r[0],self.location.href))}
self.$load=$load;`;
}
