/** Inserts counters into a submission's loops, so that an endless loop ends with an error that names its line instead of a time-out. */
import { Edits, treeOf, walk, type AnyNode } from './syntax.ts';

const LOOPS: ReadonlySet<string> = new Set(['WhileStatement', 'DoWhileStatement', 'ForStatement', 'ForInStatement', 'ForOfStatement']);

/**
 * `placeOf`: file and line (from 1) of the submission for a line and column (from 0) of the source; undefined for what is not the
 * submission's.
 */
export function countLoops(source: string, placeOf: (line: number, column: number) => { file: string; line: number } | undefined): string {
  const edits = new Edits();
  walk(treeOf(source), (node) => {
    if (!LOOPS.has(node.type)) return;
    const { line, column } = node.loc!.start, place = placeOf(line - 1, column), body = node['body'] as AnyNode;
    if (!place) return;
    const count = `turn$(${JSON.stringify(place.file)},${place.line});`;
    if (body.type === 'BlockStatement') edits.insert(body.start + 1, count);
    else { edits.insert(body.start, `{${count}`); edits.insert(body.end, '}'); }
  });
  return edits.apply(source);
}
