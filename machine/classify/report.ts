/** The classification as text of at most 100 columns. */
import type { Class, Classification, Exception, Pair, Thing } from './classify.ts';

const CLASSES: readonly Class[] = ['privileged', 'control-sensitive', 'behaviour-sensitive', 'innocuous', 'always traps'];
const KINDS = [['instruction', 'instructions'], ['read', 'CSR reads'], ['write', 'CSR writes'], ['window', 'in the window']] as const;
const WIDTH = 100;

export function reportOf({ model, things, pairs }: Classification): string {
  const kinds = KINDS.filter(([kind]) => things.some((t) => t.kind === kind));
  const count = (kind: Thing['kind'], c: Class): number => things.filter((t) => t.kind === kind && t.classes.includes(c)).length;
  return [
    `Processor ${model}: ${kinds.map(([kind, words]) => `${things.filter((t) => t.kind === kind).length} ${words}`).join(', ')}, each run `
      + `in ${Object.keys(things[0]!.modes).join(', ')}`,
    '',
    row('on the machine itself', kinds.map(([, words]) => words)),
    ...CLASSES.map((c) => row(c, kinds.map(([kind]) => String(count(kind, c))))),
    'One thing can be several of these; "always traps" in S mode, too.', '',
    'Sensitive, and privileged:',
    ...grouped(things.filter((t) => isSensitive(t) && t.classes.includes('privileged')).map((t) => [whyOf(t), t.name])), '',
    ...pairs.flatMap(theorem),
  ].join('\n') + '\n';
}

const row = (title: string, cells: readonly string[]): string => title.padEnd(24) + cells.map((c) => c.padStart(16)).join('');
const isSensitive = (t: Thing): boolean => t.classes.includes('control-sensitive') || t.classes.includes('behaviour-sensitive');

function whyOf(thing: Thing): string {
  const { changes, depends } = thing.modes.S!;
  return thing.kind === 'write' ? 'writes of'
    : thing.kind === 'read' ? 'reads of'
    : [
      ...(changes.length > 0 ? [`changes ${changes.join(', ')}`] : []), ...(depends.length > 0 ? [`depends on ${depends.join(', ')}`] : [])
    ].join(
      '; ');
}

const VERDICTS: Record<Pair['holds'], string> = {
  yes: 'every sensitive instruction is privileged: the theorem holds',
  closed: 'the theorem holds as long as the monitor keeps closed what it can',
  no: 'the theorem does not hold',
};

function theorem(pair: Pair): string[] {
  const [open, closable] = [pair.exceptions.filter((e) => !e.closed), pair.exceptions.filter((e) => e.closed)];
  const modesOf = ({ name, why, closed }: Exception): string =>
    pair.exceptions.filter((e) => e.name === name && e.why === why && e.closed === closed).map((e) => e.mode).join(' and ');
  const lines = (list: readonly Exception[]): string[] =>
    grouped(list.filter((e, i) =>
      list.findIndex((other) => other.name === e.name && other.why === e.why) === i).map((e) => [`in ${modesOf(e)}, ${e.why}`, e.name]));
  return [
    `Theorem 1, ${pair.name}: ${VERDICTS[pair.holds]}`,
    ...(open.length > 0 ? ['  never traps:', ...lines(open)] : []),
    ...(closable.length > 0 ? ['  traps while closed:', ...lines(closable)] : []), '',
  ];
}

/** `reason: name name …`, long lists cut. */
function grouped(pairs: readonly (readonly [reason: string, name: string])[]): string[] {
  const groups = new Map<string, string[]>();
  for (const [reason, name] of pairs) groups.set(reason, [...(groups.get(reason) ?? []), name.replace(/^csr[rw] /, '')]);
  return [...groups].flatMap(([reason, names]) => wrapped(`  ${reason} (${names.length}): `, names));
}

const MOST_LINES = 6;
function wrapped(head: string, names: readonly string[]): string[] {
  const lines = [head];
  for (const name of names) {
    if (lines.at(-1)!.length + name.length + 1 > WIDTH) lines.push('    ');
    lines[lines.length - 1] += `${name} `;
  }
  const shown = lines.map((line) => line.trimEnd());
  return shown.length <= MOST_LINES ? shown : [...shown.slice(0, MOST_LINES - 1), '    … (--json has all)'];
}
