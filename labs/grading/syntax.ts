/** Common tools for JavaScript syntax trees: parsing, walking, editing a source in places. */
import { parse, type Node, type Program } from 'acorn';

export type Tree = Program;
/** Any node, with its fields. */
export type AnyNode = Node & Record<string, unknown>;

/** Throws SyntaxError. */
export const treeOf = (source: string): Tree => parse(source, { ecmaVersion: 'latest', sourceType: 'module', locations: true });

const isNode = (v: unknown): v is AnyNode => typeof v === 'object' && v !== null && typeof (v as Node).type === 'string';

/** Every node with its parents, the nearest first; parents come before children. */
export function walk(root: Node, visit: (node: AnyNode, parents: readonly AnyNode[]) => void): void {
  const go = (node: AnyNode, parents: readonly AnyNode[]): void => {
    visit(node, parents);
    const within = [node, ...parents];
    for (const value of Object.values(node))
      for (const child of Array.isArray(value) ? value : [value]) if (isNode(child)) go(child, within);
  };
  go(root as AnyNode, []);
}

/** Insertions and deletions in a source, applied together. */
export class Edits {
  private readonly all: { readonly from: number; readonly to: number; readonly text: string }[] = [];
  insert(at: number, text: string): void { this.all.push({ from: at, to: at, text }); }
  replace(from: number, to: number, text: string): void { this.all.push({ from, to, text }); }
  apply(source: string): string {
    const ordered = this.all.map((e, i) => ({ ...e, i })).sort((a, b) => a.from - b.from || a.i - b.i);
    let out = '', at = 0;
    for (const edit of ordered) { out += source.slice(at, edit.from) + edit.text; at = Math.max(at, edit.to); }
    return out + source.slice(at);
  }
}
