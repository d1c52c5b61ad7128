// The project's modules as JavaScript, with what they import and export. Names are resolved to the defining module through any list of
// exports (index.ts), so that a list adds only the names in use.
import { readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

export class Sources {
  /** Modules by path: { path, code, imports, later: import() calls, exports, stars, handed, variable, functions }. */
  modules = new Map();

  /** `contents`: other text for some files, by path from the root. */
  constructor(root, esbuild, Parser, contents) { Object.assign(this, { root, esbuild, Parser, contents }); }

  /** Reads a module and all that it imports. */
  async read(path) {
    if (this.modules.has(path)) return;
    const text = this.contents[relative(this.root, path)] ?? readFileSync(path, 'utf8');
    const { code } = await this.esbuild.transform(text, { loader: path.endsWith('x') ? 'tsx' : 'ts', target: 'es2022', sourcefile: path });
    const module = {
      path, code, imports: [], later: [], exports: new Map(), stars: [], handed: [], variable: new Set(), functions: new Set(),
    };
    this.modules.set(path, module);
    for (const node of this.Parser.parse(code, { ecmaVersion: 'latest', sourceType: 'module' }).body) this.statement(module, node);
    for (const m of code.matchAll(/\bimport\(\s*"(\.[^"]+)"\s*\)/g)) {
      module.later.push({ path: join(dirname(path), m[1]), start: m.index, end: m.index + m[0].length });
    }
    const named = [...module.imports, ...module.later, ...module.stars, ...module.exports.values()].map((i) => i.path);
    for (const target of new Set(named.filter(Boolean))) await this.read(target);
  }

  statement(module, node) {
    const { start, end } = node, path = node.source?.value.startsWith('.') ? join(dirname(module.path), node.source.value) : undefined;
    switch (node.type) {
      case 'ImportDeclaration':
        if (path) module.imports.push({ path, start, end, names: node.specifiers.map((s) => [importedName(s), s.local.name]) });
        break;
      case 'ExportAllDeclaration':
        if (path) { module.stars.push({ path }); module.handed.push({ start, end }); }
        break;
      case 'ExportNamedDeclaration':
        for (const s of node.specifiers) module.exports.set(s.exported.name, path ? { path, name: s.local.name } : { local: s.local.name });
        if (path) module.handed.push({ start, end });
        if (node.declaration) this.declaration(module, node.declaration);
        break;
      case 'ExportDefaultDeclaration': module.exports.set('default', {}); break;
      default: break;
    }
  }
  declaration(module, node) {
    for (const { id } of node.declarations ?? [node]) {
      module.exports.set(id.name, {});
      if (node.kind === 'let') module.variable.add(id.name);
      if (node.type === 'FunctionDeclaration') module.functions.add(id.name);
    }
  }

  /** Where a name of a module is defined: { path, name }. */
  origin(path, name) {
    if (name === '*') return { path, name };
    const module = this.modules.get(path), own = module.exports.get(name);
    if (own?.path) return this.origin(own.path, own.name);
    if (own) {
      const here = own.local ?? name, ofImport = (i) => i.names.filter(([, local]) => local === here).map(([n]) => [i.path, n]);
      const from = module.imports.flatMap(ofImport)[0];
      return from ? this.origin(...from) : { path, name };
    }
    for (const star of module.stars) { const there = this.origin(star.path, name); if (there) return there; }
    return undefined;
  }
  /** The imports of a module, by their definition: path, name, local name. */
  uses(module) {
    return module.imports.flatMap((i) => i.names.map(([name, local]) => {
      const there = this.origin(i.path, name);
      if (!there) throw new Error(`parts: ${module.path} imports ${name}, which ${i.path} does not have`);
      return { ...there, local };
    }));
  }
  /** Names that a module re-exports: where they are defined, and under which name. */
  handedOn(module) {
    const all = (m) => [...m.exports.keys(), ...m.stars.flatMap(starred)];
    const starred = (s) => all(this.modules.get(s.path)).filter((n) => n !== 'default');
    const listed = [...module.exports].filter(([, e]) => e.path).map(([name]) => name);
    return [...new Set([...listed, ...module.stars.flatMap(starred)])].map((as) => ({ ...this.origin(module.path, as), as }));
  }
}

const importedName = (s) => ({ ImportDefaultSpecifier: 'default', ImportNamespaceSpecifier: '*' })[s.type] ?? s.imported.name;
