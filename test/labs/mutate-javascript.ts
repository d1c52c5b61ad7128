/** Small mistakes in a TypeScript program, made one at a time in its syntax tree: what a student might have written instead. */
import { transformSync } from 'esbuild';
import { treeOf, walk, type AnyNode } from '../../labs/grading/syntax.ts';

export interface Mutant { readonly what: string; readonly source: string }

const OPERATORS: Readonly<Record<string, readonly string[]>> = {
  '<': ['<=', '>='], '<=': ['<', '>'], '>': ['>=', '<='], '>=': ['>', '<'], '===': ['!=='], '!==': ['==='], '+': ['-'], '-': ['+'],
  '*': ['+'], '/': ['*'], '%': ['*'], '&&': ['||'], '||': ['&&'], '??': ['&&'],
  '&': ['|'], '|': ['&'], '<<': ['>>'], '>>': ['<<'], '>>>': ['<<'], '**': ['*'], '+=': ['-='], '-=': ['+='], '|=': ['&='], '&=': ['|='],
  '++': ['--'], '--': ['++'],
};

/** All mutants, in the order of the source. */
export function mutantsOf(source: string): Mutant[] {
  const { code } = transformSync(source, { loader: 'ts', target: 'es2022' }), found: Mutant[] = [];
  const line = (at: number): number => code.slice(0, at).split('\n').length;
  const change = (what: string, from: number, to: number, text: string): void => {
    if (code.slice(from, to) !== text)
      found.push({
        what: `line ${line(from)}: ${what}: ${code.slice(from, to).replace(/\s+/g, ' ').slice(0, 60)} → ${text.slice(0, 60) || 'nothing'}`,
        source: code.slice(0, from) + text + code.slice(to)
      });
  };
  walk(treeOf(code), (n, parents) => mutate(n, parents, code, change));
  return found;
}

type Change = (what: string, from: number, to: number, text: string) => void;

function mutate(n: AnyNode, parents: readonly AnyNode[], code: string, change: Change): void {
  const parent = parents[0], text = (x: AnyNode): string => code.slice(x.start, x.end);
  switch (n.type) {
    case 'Literal': literal(n, parent, change); return;
    case 'BinaryExpression': case 'LogicalExpression':
    case 'AssignmentExpression': operator(n, n['left'] as AnyNode, n['right'] as AnyNode, code, change); return;
    case 'UpdateExpression':
      change('counts the other way', n.start, n.end, text(n).includes('++') ? text(n).replace('++', '--') : text(n).replace('--', '++'));
      return;
    case 'IfStatement': {
      const test = n['test'] as AnyNode, otherwise = n['alternate'] as AnyNode | null;
      change('asks the contrary', test.start, test.end, `!(${text(test)})`);
      if (!otherwise) change('leaves out a case', n.start, n.end, ';');
      return;
    }
    case 'ConditionalExpression': {
      const [kept, dropped] = [n['consequent'] as AnyNode, n['alternate'] as AnyNode];
      change('takes the other branch', kept.start, dropped.end, `${text(dropped)} : ${text(kept)}`);
      return;
    }
    case 'ExpressionStatement': change('leaves out a statement', n.start, n.end, ';'); return;
    case 'YieldExpression':
      if (n['delegate'] === true) change('forgets yield*', n.start, n.end, `(${text(n['argument'] as AnyNode)})`);
      return;
    case 'CallExpression': {
      const args = n['arguments'] as AnyNode[];
      for (let i = 0; i + 1 < args.length; i++)
        if (text(args[i]!) !== text(args[i + 1]!))
          change('swaps two arguments', args[i]!.start, args[i + 1]!.end, `${text(args[i + 1]!)}, ${text(args[i]!)}`);
      return;
    }
    case 'Property':
      if (parent?.type === 'ObjectExpression' && n['kind'] === 'init' && n['method'] !== true)
        leaveOut(n, parent['properties'] as AnyNode[], change);
      return;
    default:
  }
}

function literal(n: AnyNode, parent: AnyNode | undefined, change: Change): void {
  const value = n['value'];
  if (parent?.type === 'ImportDeclaration' || (parent?.type === 'Property' && parent['key'] === n)) return;
  if (typeof value === 'number')
    for (const other of new Set([value + 1, Math.max(0, value - 1), value === 0 ? 7 : 0]))
      change('another number', n.start, n.end, String(other));
  if (typeof value === 'string' && value !== '' && parent?.type !== 'ExportNamedDeclaration')
    change('another text', n.start, n.end, JSON.stringify(`${value}~`));
  if (typeof value === 'boolean') change('the contrary', n.start, n.end, String(!value));
  if (typeof n['bigint'] === 'string') change('another number', n.start, n.end, `${BigInt(n['bigint']) + 1n}n`);
}

function operator(n: AnyNode, left: AnyNode, right: AnyNode, code: string, change: Change): void {
  const op = String(n['operator']), at = code.indexOf(op, left.end);
  if (at < 0 || at >= right.start) return;
  for (const other of OPERATORS[op] ?? []) change('another operator', at, at + op.length, other);
}

function leaveOut(n: AnyNode, all: readonly AnyNode[], change: Change): void {
  const i = all.indexOf(n), next = all[i + 1], before = all[i - 1];
  if (next) change('leaves out a property', n.start, next.start, '');
  else if (before) change('leaves out a property', before.end, n.end, '');
}
