/** Finds mistakes in a TypeScript source without running it that its types do not show: a system call without `yield*`. */
import * as api from '../api.ts';
import { Syscalls } from '../../binding/index.ts';
import { treeOf, walk, type AnyNode } from './syntax.ts';

const GENERATOR = Object.getPrototypeOf(function* () { yield 0; }) as object;
const isGenerator = (f: unknown): boolean => typeof f === 'function' && Object.getPrototypeOf(f) === GENERATOR;

/** Functions of the API, and methods of `sys`, that are system calls. */
const FUNCTIONS: ReadonlySet<string> = new Set(Object.entries(api).filter(([, f]) => isGenerator(f)).map(([n]) => n));
const METHODS: ReadonlySet<string> = new Set(Object.getOwnPropertyNames(Syscalls.prototype).filter((n) =>
  isGenerator(Object.getOwnPropertyDescriptor(Syscalls.prototype, n)?.value)));

/** One line for each mistake, with its place. `code`: the source without its types; lines refer to the source. Throws SyntaxError. */
export function mistakesIn(name: string, code: string, source: string): string[] {
  const found: string[] = [], own = new Set<string>(), tree = treeOf(code);
  walk(tree, (n) => { if (n.type === 'FunctionDeclaration' && n['generator'] === true) own.add(nameOf(n['id'] as AnyNode | undefined)); });
  const lines = source.split('\n');
  walk(tree, (n, [parent, outer]) => {
    if (n.type !== 'CallExpression') return;
    const callee = n['callee'] as AnyNode, called = calledName(callee);
    const isCall = callee.type === 'Identifier'
      ? FUNCTIONS.has(called) || own.has(called)
      : callee.type === 'MemberExpression' && nameOf(callee['object'] as AnyNode) === 'sys' && METHODS.has(called);
    if (!isCall || (parent?.type === 'YieldExpression' && parent['delegate'] === true) || !isLost(parent, outer)) return;
    const words = code.slice(callee.start, callee.end),
      line = lines.findIndex((l) =>
        l.includes(`${words}(`) && !new RegExp(`yield\\*\\s*${words.replaceAll('.', '\\.')}\\(|function\\*?\\s*${words}\\(`).test(l));
    found.push(`'${words}(…)' is a system call that is never made: write 'yield* ${words}(…)' (${name}${line < 0 ? '' : `:${line + 1}`})`);
  });
  return found;
}

/** Is a generator in this position dropped, or mistaken for its result? */
function isLost(parent: AnyNode | undefined, outer: AnyNode | undefined): boolean {
  switch (parent?.type) {
    case 'ExpressionStatement': case 'YieldExpression': case 'IfStatement': case 'BinaryExpression': case 'LogicalExpression':
    case 'UnaryExpression': case 'MemberExpression': case 'AwaitExpression': case 'TemplateLiteral': return true;
    case 'VariableDeclarator': return outer?.type === 'VariableDeclaration';
    default: return false;
  }
}
const nameOf = (n: AnyNode | undefined): string => (n?.type === 'Identifier' ? n['name'] as string : '');
const calledName = (callee: AnyNode): string =>
  (callee.type === 'MemberExpression' ? nameOf(callee['property'] as AnyNode) : nameOf(callee));
