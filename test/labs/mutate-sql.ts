/** Small mistakes in queries: a word of the SQL changed, or a condition left out. */
import type { Mutant } from './mutate-javascript.ts';

const WORDS: Readonly<Record<string, readonly string[]>> = {
  '=': ['<>', '>='], '<>': ['='], '<': ['>', '<='], '>': ['<', '>='], '<=': ['>'], '>=': ['<'], and: ['or'], or: ['and'], min: ['max'],
  max: ['min'], sum: ['avg', 'max'], avg: ['sum', 'max'], count: ['max'], asc: ['desc'], desc: ['asc'],
  '+': ['-'], '-': ['+'], '*': ['+'], '/': ['*'], distinct: [''], not: [''], join: ['left join'], time: ['seq'], seq: ['time'],
  latency: ['time'], task: ['thread'], answer: ['seq'], sender: ['receiver'], receiver: ['sender'], between: ['not between'],
  load: ['store'], store: ['load'], bytes: ['maps'], maps: ['bytes'],
  events: ['records'], cause: ['server'], server: ['task'], words: ['items'], nr: ['result'], name: ['error'], duration: ['priority'],
  a: ['b'], b: ['a'], like: ['not like'], is: ['is not'], having: ['where'], group: ['order'], limit: ['limit 1 +'],
};

/** All mutants, in the order of the source; comments stay. */
export function mutantsOf(source: string): Mutant[] {
  const found: Mutant[] = [];
  const change = (at: number, length: number, text: string): void => {
    found.push({
      what: `line ${source.slice(0, at).split('\n').length}: ${source.slice(at, at + length)} → ${text || 'nothing'}`,
      source: source.slice(0, at) + text + source.slice(at + length)
    });
  };
  for (const match of source.matchAll(/--[^\n]*|'(?:[^']|'')*'|<>|<=|>=|[=<>*/+-]|\d+(?:\.\d+)?|\w+/g)) {
    const [word] = match, at = match.index;
    if (word.startsWith('--')) continue;
    if (word.startsWith("'")) change(at, word.length, `'${word.slice(1, -1)}x'`);
    else if (/^\d/.test(word)) for (const value of [Number(word) + 1, Number(word) === 0 ? 2 : 0]) change(at, word.length, String(value));
    else for (const other of WORDS[word.toLowerCase()] ?? []) change(at, word.length, other);
  }
  for (const match of source.matchAll(/\b(?:and|where)\s+[^()\n]*?(?=\s+and\b|\s+group\b|\s+order\b|;|\n)/gi))
    change(match.index, match[0].length, /^where/i.test(match[0]) ? 'where 1' : '');
  return found;
}
