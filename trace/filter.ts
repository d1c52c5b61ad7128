/**
 * The filter language of `trace view`, `trace stats --filter` and `trace export --filter`: terms separated by blanks, all of which must
 * hold.
 *
 *   task:linux cause:syscall nr:openat latency>5us      field, comparison, value
 *   kind:event,resume   nr:read*                        one of several; * matches any text
 *   -kind:schedule      !spaceSwitch                    not
 *   seq:100..240        time>=1.5ms                     ranges; durations in ns, us, ms, s, or cycles (= ns) without a unit
 *   openat "page fault"                                 words of the record's own line
 *
 * An answer (receive, reply, resume) has the cause, system call and operation of its request, so that `nr:openat` shows whole calls.
 */
import { calls } from '../l4guest/abi/calls.ts';
import { Cause, Kind, Status, causeName, statusName } from '../microkernel/abi/index.ts';
import { latencies, latencyAt } from './causality.ts';
import { objectName, originOf, sentence } from './decode.ts';
import { labelName, labelNames } from './labels.ts';
import { Part } from './payload.ts';
import { registerOf, syscallName } from './said.ts';
import type { TraceFile, TraceSource } from './reader.ts';
import { accessOf, stateBytes, RecordView } from './record.ts';

/** A mistake in a filter; the message is one line that says what to write. */
export class FilterError extends Error {}

type Test = (r: RecordView, index: number) => boolean;
interface TextField {
  words: (r: RecordView, trace: TraceFile, origin: () => RecordView) => (string | undefined)[];
  known?: (trace: TraceFile) => string[];
  doc: string
}
interface NumberField { value: (r: RecordView, index: number, filter: Filter) => number; unit: 'time' | 'number'; doc: string }

const nameList = (trace: TraceFile, ...kinds: string[]): string[] => [
  ...new Set([...trace.names.values()].filter((n) => kinds.includes(n.kind)).map((n) => n.text))
];

const threadNames = (trace: TraceFile): string[] => [
  ...new Set([...trace.names.values()].filter((n) => n.kind === 'thread').map((n) => objectName(trace, n.id)))
];

/** A thread switch: its `object` stops, its `actor` runs. */
const isSwitch = (r: RecordView): boolean => r.kind === Kind.schedule && r.object !== 0;

export const textFields: Record<string, TextField> = {
  task: {
    words: (r, t) => [fromTask(r, t), r.object ? t.taskOf(r.object) : undefined], known: (t) => nameList(t, 'task'),
    doc: 'task of either end'
  },
  from: {
    words: (r, t) => [isSwitch(r) ? t.taskOf(r.object) : fromTask(r, t)], known: (t) => nameList(t, 'task'),
    doc: 'task that acts; of a thread switch the one that stops'
  },
  to: {
    words: (r, t) => [isSwitch(r) ? fromTask(r, t) : r.object ? t.taskOf(r.object) : undefined], known: (t) => nameList(t, 'task'),
    doc: 'task acted on; of a thread switch the one that runs'
  },
  thread: {
    words: (r, t) => [r.actor ? objectName(t, r.actor) : 'kernel', r.object ? objectName(t, r.object) : undefined], known: threadNames,
    doc: 'thread at either end'
  },
  object: { words: (r, t) => [r.object ? t.name(r.object) : undefined, String(r.object)], doc: 'object by name or number' },
  kind: { words: (r) => [r.kindName], known: () => Object.keys(Kind), doc: 'kind of record' },
  cause: {
    words: (_r, _t, origin) => [origin().kind === Kind.event ? causeName(origin().a) : undefined], known: () => Object.keys(Cause),
    doc: 'cause of an event and its answer'
  },
  nr: {
    words: (_r, _t, origin) =>
      (origin().kind === Kind.event && origin().a === Cause.syscall ? [syscallName(origin().c), String(origin().c)] : []),
    known: knownCalls, doc: 'system call, by name or number'
  },
  op: {
    words: (_r, _t, origin) => (hasLabel(origin().kind) ? [labelName(origin().a), labelName(origin().a).split('.')[1]] : []),
    known: labelNames, doc: 'operation or request'
  },
  device: {
    words: (_r, _t, origin) => [registerOf(origin())?.device], known: (t) => (t.words.devices ?? []).map((d) => d.name),
    doc: 'device of a virtual machine that was accessed'
  },
  register: { words: (_r, _t, origin) => [registerOf(origin())?.register], doc: 'register of that device' },
  access: {
    words: (_r, _t, origin) => [isFault(origin()) ? accessOf(origin().b) || undefined : undefined], known: () => ['fetch', 'load', 'store'],
    doc: 'access of a page fault or to a device'
  },
  text: {
    words: (r, t, origin) => [...textsOf(t, r), ...(origin() === r ? [] : textsOf(t, origin()))],
    doc: 'text that a system call points to, where payload was captured'
  },
  status: { words: (r) => [statusName(r.status)], known: () => Object.keys(Status), doc: 'status code' },
};

export const numberFields: Record<string, NumberField> = {
  seq: { value: (r) => r.sequence, unit: 'number', doc: 'sequence number' },
  time: { value: (r) => r.time, unit: 'time', doc: 'virtual time' },
  latency: { value: (_, index, f) => f.latency(index), unit: 'time', doc: 'time to the answer, or since the cause' },
  hart: { value: (r) => r.hart, unit: 'number', doc: 'hart' },
  bytes: {
    value: (r) => (r.kind === Kind.event || r.kind === Kind.resume ? stateBytes(r.b) : NaN), unit: 'number', doc: 'bytes of state moved'
  },
  address: { value: (r) => addressOf(r), unit: 'number', doc: 'faulting or mapped address' },
};

const isFault = (r: RecordView): boolean => r.kind === Kind.event && (r.a === Cause.pageFault || r.a === Cause.guestPageFault);
const decoder = new TextDecoder();
const textsOf = (trace: TraceFile, r: RecordView): string[] =>
  trace.payload(r.sequence).filter((p) => p.part === Part.text).map((p) => decoder.decode(p.bytes));
const fromTask = (r: RecordView, trace: TraceFile): string => (r.actor ? trace.taskOf(r.actor) : 'kernel');
function knownCalls(): string[] { return Object.keys(calls); }
const hasLabel = (kind: number): boolean => kind === Kind.call || kind === Kind.send || kind === Kind.invoke;
function addressOf(record: RecordView): number {
  if (record.kind === Kind.event) return record.a === Cause.pageFault || record.a === Cause.guestPageFault ? Math.abs(record.c) : NaN;
  return (record.kind === Kind.map || record.kind === Kind.unmap) && !(record.a & 8) ? record.c : NaN;
}

export class Filter {
  readonly text: string;
  /** True when the filter uses latencies: `prepare` then saves much time. */
  readonly usesLatency: boolean;
  private readonly trace: TraceFile;
  private readonly tests: Test[];
  private known: Float32Array | undefined;
  /** Uses an existing index of latencies, in cycles by record number; `prepare` then has nothing to do. */
  latencySource: ((index: number) => number) | undefined;
  private readonly origin = new RecordView();

  /** Throws FilterError. */
  constructor(text: string, trace: TraceFile) {
    this.text = text.trim();
    this.trace = trace;
    const terms = words(this.text);
    this.tests = terms.map((term) => this.compile(term));
    this.usesLatency = terms.some((t) => /^[-!]?latency/.test(t));
  }

  /** Does record number `index`, which is `r`, match? */
  test(record: RecordView, index: number): boolean {
    for (const test of this.tests) if (!test(record, index)) return false;
    return true;
  }

  /** Finds all latencies in one pass, in slices. */
  *prepare(): Generator<void, void> {
    if (this.usesLatency && !this.known && !this.latencySource) this.known = yield* latencies(this.trace);
  }

  /** The same in one step, for callers without a user interface. */
  prepareNow(): void { for (const steps = this.prepare(); !steps.next().done; ); }

  latency(index: number): number {
    return this.latencySource ? this.latencySource(index)
      : this.known && index < this.known.length ? this.known[index]!
      : latencyAt(this.trace, index);
  }

  private compile(term: string): Test {
    const not = /^[-!]./.test(term), plain = not ? term.slice(1) : term;
    const match = /^([A-Za-z]+)(:|!=|<=|>=|=|<|>)(.*)$/.exec(plain);
    const test = match && !plain.startsWith('"')
      ? this.comparison(match[1]!.toLowerCase(), match[2]!, match[3]!)
      : this.wordTest(unquote(plain).toLowerCase());
    return not ? (r, i) => !test(r, i) : test;
  }

  private comparison(field: string, operator: string, value: string): Test {
    const number = own(numberFields, field), text = own(textFields, field);
    if (!number && !text)
      throw new FilterError(`no field '${field}'; ${nearest(field, [...Object.keys(textFields), ...Object.keys(numberFields)])}`);
    if (value === '') throw new FilterError(`'${field}${operator}' wants a value, such as ${example(field)}`);
    return number ? this.numberTest(field, number, operator, value) : this.textTest(field, text!, operator, unquote(value));
  }

  private textTest(field: string, { words: of, known }: TextField, operator: string, value: string): Test {
    if (operator !== ':' && operator !== '=' && operator !== '!=')
      throw new FilterError(`'${field}' is a name and cannot be compared with '${operator}'; write ${field}:${value}`);
    const choices = value.split(',').filter(Boolean);
    for (const choice of choices) if (known) checkKnown(field, choice, known(this.trace));
    const patterns = choices.map(glob), verdicts = new Map<string, boolean>();
    const matches = (word: string): boolean => {
      let verdict = verdicts.get(word);
      if (verdict === undefined) verdicts.set(word, (verdict = patterns.some((p) => p.test(word))));
      return verdict;
    };
    const test: Test = (r) => of(r, this.trace, () => originOf(this.trace, r, this.origin) ?? r).some((w) => w !== undefined && matches(w));
    return operator === '!=' ? (r, i) => !test(r, i) : test;
  }

  private numberTest(field: string, { value: of, unit }: NumberField, operator: string, text: string): Test {
    const [low, high] = text.includes('..')
      ? text.split('..', 2).map((t, n) => (t === '' ? (n ? Infinity : -Infinity) : quantity(field, t, unit)))
      : [quantity(field, text, unit)];
    if (high !== undefined) {
      if (operator !== ':' && operator !== '=') throw new FilterError(`a range goes with ':'; write ${field}:${text}`);
      return (r, i) => { const v = of(r, i, this); return v >= low! && v <= high; };
    }
    const compare = comparisons[operator]!;
    return (r, i) => { const v = of(r, i, this); return !Number.isNaN(v) && compare(v, low!); };
  }

  private wordTest(word: string): Test {
    return (record) => {
      const line = `${record.kindName} ${sentence(record, originOf(this.trace, record, this.origin))} `
        + `${record.actor ? objectName(this.trace, record.actor) : 'kernel'} ${record.object ? objectName(this.trace, record.object) : ''}`;
      return line.toLowerCase().includes(word);
    };
  }
}

/** The field of a table that a word names; inherited properties (`constructor`) are not fields. */
const own = <T>(table: Readonly<Record<string, T>>, word: string): T | undefined => (Object.hasOwn(table, word) ? table[word] : undefined);

const comparisons: Record<string, (a: number, b: number) => boolean> = {
  ':': (a, b) => a === b, '=': (a, b) => a === b, '!=': (a, b) => a !== b, '<': (a, b) => a < b, '>': (a, b) => a > b,
  '<=': (a, b) => a <= b, '>=': (a, b) => a >= b,
};
const scale: Record<string, number> = { '': 1, ns: 1, us: 1e3, µs: 1e3, ms: 1e6, s: 1e9 };

function quantity(field: string, text: string, unit: 'time' | 'number'): number {
  const match = /^(0x[0-9a-f]+|\d+(?:\.\d+)?)(ns|us|µs|ms|s)?$/i.exec(text);
  if (!match || (unit === 'number' && match[2]))
    throw new FilterError(`'${text}' is not a ${unit === 'time' ? 'duration' : 'number'}; write for example ${example(field)}`);
  return Number(match[1]) * scale[(match[2] ?? '').toLowerCase()]!;
}

const example = (field: string): string =>
  own(numberFields, field)?.unit === 'time' ? `${field}>5us`
    : own(numberFields, field) ? `${field}:1`
    : field === 'nr' ? 'nr:openat'
    : field === 'kind' ? 'kind:event'
    : `${field}:NAME`;

function checkKnown(field: string, choice: string, known: string[]): void {
  if (/^\d+$/.test(choice) || choice.includes('*')) return;
  const short = field === 'op' ? known.map((k) => k.split('.')[1]!) : [];
  if ([...known, ...short, 'kernel'].some((k) => k.toLowerCase() === choice.toLowerCase())) return;
  throw new FilterError(`no ${field} '${choice}'`
    + `${field === 'task' || field === 'thread' || field === 'from' || field === 'to' ? ' in this trace' : ''}; ${nearest(choice, known)}`);
}

/** "did you mean 'x'?" or the first few that exist. */
function nearest(word: string, known: string[]): string {
  const best = known.map((k) => ({ k, d: distance(word.toLowerCase(), k.toLowerCase()) })).sort((a, b) => a.d - b.d)[0];
  if (best && best.d <= Math.max(1, word.length / 3)) return `did you mean '${best.k}'?`;
  return `there ${known.length === 1 ? 'is' : 'are'} ${known.slice(0, 12).join(', ')}${known.length > 12 ? ', …' : ''}`;
}

/** Edit distance of two words: letters inserted, deleted, changed or swapped with a neighbour. */
function distance(from: string, to: string): number {
  let before: number[] = [], row = Array.from({ length: to.length + 1 }, (_, i) => i);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      let best = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (from[i - 1] === to[j - 1] ? 0 : 1));
      if (i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1]) best = Math.min(best, before[j - 2]! + 1);
      next.push(best);
    }
    before = row;
    row = next;
  }
  return row[to.length]!;
}

const glob = (text: string): RegExp =>
  new RegExp(`^${text.split('*').map((p) => p.replace(/[.+?^${}()|[\]\\]/g, '\\$&')).join('.*')}$`, 'i');
const unquote = (text: string): string => text.replace(/"/g, '');

/** Splits at blanks outside quotes. */
function words(text: string): string[] {
  if ((text.split('"').length & 1) === 0) throw new FilterError('a quotation mark is not closed');
  return text.match(/(?:"[^"]*"|[^\s"])+/g) ?? [];
}

/** Completions of the last term of `text`: whole texts, best first. */
export function completions(text: string, trace: TraceFile): string[] {
  const term = /(?:"[^"]*"?|[^\s"])*$/.exec(text)![0], before = text.slice(0, text.length - term.length),
    sign = /^[-!]/.exec(term)?.[0] ?? '';
  const match = /^([A-Za-z]+)[:=](.*)$/.exec(term.slice(sign.length));
  if (!match) return fieldsFrom(term.slice(sign.length)).map((f) => before + sign + f);
  const field = match[1]!.toLowerCase(), done = match[2]!.slice(0, match[2]!.lastIndexOf(',') + 1),
    start = match[2]!.slice(done.length).toLowerCase();
  const values = (own(textFields, field)?.known?.(trace) ?? []).filter((v) => v.toLowerCase().startsWith(start));
  return values.map((v) => `${before}${sign}${field}:${done}${v.includes(' ') ? `"${v}"` : v}`);
}

const fieldsFrom = (start: string): string[] =>
  [...Object.keys(textFields).map((f) => `${f}:`), ...Object.keys(numberFields).map((f) => `${f}>`)].filter((f) =>
    f.startsWith(start.toLowerCase()));

/** The trace with only the records that match, for analyses and exporters. */
export function filtered(trace: TraceFile, filter: Filter): TraceSource {
  filter.prepareNow();
  return {
    names: trace.names, damage: trace.damage, words: trace.words, payload: (sequence) => trace.payload(sequence),
    name: (id) => trace.name(id), taskOf: (id) => trace.taskOf(id),
    *records() {
      let index = 0;
      for (const record of trace.records()) if (filter.test(record, index++)) yield record;
    },
  };
}
