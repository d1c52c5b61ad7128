/**
 * TypeScript without its types: what is only for the compiler becomes blanks, so that every character keeps its line and column. What has
 * no meaning without a compiler (enum, namespace, parameter properties) is refused.
 */
import { tsPlugin } from '@sveltejs/acorn-typescript';
import { Parser, type Node } from 'acorn';
import { SubmissionError } from '../../labs/grading/submission.ts';
import { Edits, walk, type AnyNode } from '../../labs/grading/syntax.ts';

const parser = Parser.extend(tsPlugin() as unknown as (base: typeof Parser) => typeof Parser);

/** Nodes that vanish as a whole. */
const GONE: ReadonlySet<string> = new Set([
  'TSTypeAnnotation', 'TSTypeParameterDeclaration', 'TSTypeParameterInstantiation', 'TSExpressionWithTypeArguments'
]);
/** Statements that vanish; a semicolon stays, so that their neighbours stay apart. */
const GONE_STATEMENTS: ReadonlySet<string> = new Set(['TSInterfaceDeclaration', 'TSTypeAliasDeclaration', 'TSDeclareFunction']);
/** Expressions of which only the inner one stays. */
const WRAPPERS: ReadonlySet<string> = new Set([
  'TSAsExpression', 'TSSatisfiesExpression', 'TSNonNullExpression', 'TSTypeAssertion', 'TSInstantiationExpression'
]);
const REFUSED: Readonly<Record<string, string>> = {
  TSEnumDeclaration: 'an enum', TSModuleDeclaration: 'a namespace', TSParameterProperty: 'a parameter property',
  TSImportEqualsDeclaration: 'import =', TSExportAssignment: 'export ='
};
const MODIFIERS = /\b(?:private|public|protected|readonly|override|abstract|declare)\b\s*/g;

/** Throws SubmissionError, with the line. */
export function withoutTypes(file: string, source: string): string {
  const blanks: [number, number, string][] = [];
  const blank = (from: number, to: number, first = ' '): void => { if (to > from) blanks.push([from, to, first]); };
  walk(treeOf(file, source), (node) => {
    if (REFUSED[node.type])
      throw new SubmissionError(`${REFUSED[node.type]} is more than a type; a lab can do without (${file}:${lineAt(source, node.start)})`);
    if (isOnlyType(node)) blank(node.start, node.end, ';');
    else if (GONE.has(node.type) || (node['abstract'] === true && node.type !== 'ClassDeclaration') || node.type.startsWith('TSAbstract'))
      blank(node.start, node.end);
    else if (node['abstract']
        === true) { const at = source.lastIndexOf('abstract', source.indexOf('class', node.start)); blank(at, at + 'abstract'.length); }
    else if (WRAPPERS.has(node.type)) {
      const inner = node['expression'] as Node;
      blank(node.start, inner.start);
      blank(inner.end, node.end);
    }
    else if (node.type === 'ImportSpecifier'
        || node.type === 'ExportSpecifier') {
          if (node['importKind'] === 'type' || node['exportKind'] === 'type') blank(node.start, afterComma(source, node.end));
        }
    if (node['optional'] === true
        && node.type === 'Identifier') { const at = source.indexOf('?', node.start + (node['name'] as string).length); blank(at, at + 1); }
    if (node['definite'] === true) { const at = source.indexOf('!', ((node['id'] ?? node['key']) as Node).start); blank(at, at + 1); }
    if (node.type === 'PropertyDefinition' || node.type === 'MethodDefinition')
      for (const match of source.slice(node.start, (node['key'] as Node).start).matchAll(MODIFIERS))
        blank(node.start + match.index, node.start + match.index + match[0].length);
    if (Array.isArray(node['implements']) && node['implements'].length
            > 0) { const list = node['implements'] as Node[]; blank(source.lastIndexOf('implements', list[0]!.start), list.at(-1)!.end); }
    const first = (node['params'] as AnyNode[] | undefined)?.[0];
    if (first?.type === 'Identifier' && first['name'] === 'this') blank(first.start, afterComma(source, first.end));
  });
  const out = [...source];
  for (const [from, to, first] of blanks) for (let i = from; i < to; i++) if (out[i] !== '\n') out[i] = i === from ? first : ' ';
  return out.join('');
}

function isOnlyType(node: AnyNode): boolean {
  switch (node.type) {
    case 'ImportDeclaration': return node['importKind'] === 'type';
    case 'ExportNamedDeclaration':
    case 'ExportAllDeclaration':
      return node['exportKind'] === 'type' || GONE_STATEMENTS.has((node['declaration'] as AnyNode | null)?.type ?? '');
    default: return GONE_STATEMENTS.has(node.type) || node['declare'] === true;
  }
}

function afterComma(source: string, at: number): number {
  const comma = /^\s*,/.exec(source.slice(at));
  return at + (comma ? comma[0].length : 0);
}
const lineAt = (source: string, at: number): number => source.slice(0, at).split('\n').length;

function treeOf(file: string, source: string): Node {
  try {
    return parser.parse(source, { ecmaVersion: 'latest', sourceType: 'module', locations: true });
  } catch (error) {
    const { message, loc } = error as { message: string; loc?: { line: number } };
    throw new SubmissionError(`${message.replace(/ \(\d+:\d+\)$/, '')}${loc ? ` (${file}:${loc.line})` : ''}`);
  }
}

/** Each `yield` tells that the program has been elsewhere: turns of loops are counted anew (`turned$`). */
export function withYields(code: string): string {
  const edits = new Edits();
  walk(parser.parse(code, { ecmaVersion: 'latest', sourceType: 'module', locations: true }), (node, [parent]) => {
    if (node.type !== 'YieldExpression') return;
    const whole = parent?.type === 'ExpressionStatement';
    edits.insert(node.start, whole ? 'turned$(' : '(turned$(');
    edits.insert(node.end, whole ? ')' : '))');
  });
  return edits.apply(code);
}

/**
 * Imports by names from 'tessera' and from files of the submission, as addresses: a name that is only a type is then no error.
 * `addressOf` refuses what is neither.
 */
export function withAddresses(code: string, addressOf: (path: string) => string): string {
  const edits = new Edits();
  let n = 0;
  walk(parser.parse(code, { ecmaVersion: 'latest', sourceType: 'module', locations: true }), (node) => {
    if (node.type !== 'ImportDeclaration') return;
    const specifiers = node['specifiers'] as AnyNode[], address = JSON.stringify(addressOf((node['source'] as AnyNode)['value'] as string)),
      module = `module$${n++}`;
    const names = specifiers.map((specifier) =>
      [
        specifier.type === 'ImportDefaultSpecifier' ? 'default'
          : specifier.type === 'ImportNamespaceSpecifier' ? ''
          : (specifier['imported'] as AnyNode)['name'] as string,
        (specifier['local'] as AnyNode)['name'] as string
      ] as const);
    const taken = names.map(([from, to]) => (from === '' ? `const ${to} = ${module};` : `const ${to} = ${module}.${from};`)).join(' '),
      lines = '\n'.repeat(code.slice(node.start, node.end).split('\n').length - 1);
    edits.replace(node.start, node.end, `import * as ${module} from ${address}; ${taken}${lines}`);
  });
  return edits.apply(code);
}
