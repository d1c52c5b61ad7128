/** Queries on a scenario's trace, for its page. */
import { Kind } from '../microkernel/abi/index.ts';
import { stateBytes } from '../trace/record.ts';
import { Filter, RecordView, answerOf, cyclesText, ends, isAnswer, latencyAt, originOf, sentence, type TraceFile } from '../trace/index.ts';

export type Figure = readonly [what: string, value: number | string];

export interface Page {
  /** Tasks whose payload is recorded. */
  readonly payload: string;
  /** The filter for the picture. */
  readonly picture: (look: Look) => string;
  /** The figures of the table. */
  readonly figures: (look: Look) => Figure[];
  /** Shows standard error. */
  readonly report?: boolean;
  /** Debian's images: figures then depend on Debian's version, and a page's may be a quarter off. */
  readonly images?: boolean;
  /** Under its load every change of a server changes the run: figures may be half or twice those of the page. */
  readonly wild?: boolean;
  /** Another test boots it. */
  readonly elsewhere?: string;
  /** The same scenario on several processors: a second table of the page, a line each. */
  readonly sweep?: Sweep;
}

export interface Sweep {
  readonly columns: readonly string[];
  /** The first column, and the option's value. */
  readonly values: readonly (readonly [name: string, value: string])[];
  /** `--cpu`, or `--set` a parameter. */
  readonly option: '--cpu' | '--set';
  /** The cells need no trace. */
  readonly untraced?: boolean;
  /** The status of each run. */
  readonly status?: readonly number[];
  readonly cells: (stats: Stats, said: string, seen?: Look) => readonly number[];
}
export interface Stats { readonly cycles: number; readonly kernelEntries: number; readonly worldSwitches: number;
  readonly guest: { readonly exits: { readonly vu: number; readonly vs: number } };
   readonly tlb: { readonly misses: number; readonly guestMisses: number; readonly guestFences: number };
  readonly exits: Readonly<Record<string, number>> }

/** The records that each entry into the kernel leaves in a trace. */
const ENTRIES: ReadonlySet<number> = new Set([Kind.send, Kind.call, Kind.reply, Kind.event, Kind.resume, Kind.invoke]);

export class Look {
  readonly trace: TraceFile;
  readonly output: string;
  constructor(trace: TraceFile, output: string) { this.trace = trace; this.output = output; }

  /** Numbers of the records that match a filter. */
  private found(filter: string): number[] {
    const test = new Filter(filter, this.trace), view = new RecordView(), found: number[] = [];
    test.prepareNow();
    for (let i = 0; i < this.trace.length; i++) if (test.test(this.trace.at(i, view), i)) found.push(i);
    return found;
  }
  private nth(filter: string, n: number): [number, number] {
    const first = this.found(filter)[n - 1];
    if (first === undefined) throw new Error(`no ${n} records match '${filter}'`);
    const answer = answerOf(this.trace, first);
    return [first, answer < 0 ? first : answer];
  }
  private seq(from: number, to: number): string { return `seq:${this.trace.at(from).sequence}..${this.trace.at(to).sequence}`; }

  count(filter: string): number { return this.found(filter).length; }
  median(filter: string): string {
    const all = this.found(filter).map((i) => latencyAt(this.trace, i)).filter((t) => !Number.isNaN(t)).sort((a, b) => a - b);
    return cyclesText(all[all.length >> 1]!);
  }
  /** Bytes of state that a record that matches moves, on average. */
  bytes(filter: string): number {
    const all = this.found(filter).map((i) => stateBytes(this.trace.at(i).b)), sum = all.reduce((a, b) => a + b, 0);
    return all.length > 0 ? Math.round(sum / all.length) : 0;
  }
  /** Lines of the output that match. */
  said(pattern: RegExp): number { return this.output.split('\n').filter((l) => pattern.test(l)).length; }
  tasks(pattern: RegExp): number { return [...this.trace.names.values()].filter((n) => n.kind === 'task' && pattern.test(n.text)).length; }

  /** A filter for the first `n` requests that match, to the last one's answer. `from`: which is the first. */
  spans(filter: string, n: number, from = 1): string { return this.seq(this.nth(filter, from)[0], this.nth(filter, from + n - 1)[1]); }
  /** A filter from the first record that matches to the first after it that matches `until`, at most to `last`. */
  between(filter: string, until: string, last: string): string {
    const [start] = this.nth(filter, 1), end = this.found(until).find((i) => i > start) ?? this.found(last).find((i) => i > start) ?? start;
    return this.seq(start, Math.max(end, answerOf(this.trace, end)));
  }
  /** A filter for the request that takes longest among those that match. */
  longest(filter: string): string { return this.seq(...this.slowest(filter)); }
  private slowest(filter: string): [number, number] {
    const all = this.found(filter), worst = all.reduce((a, b) => (latencyAt(this.trace, b) > latencyAt(this.trace, a) ? b : a));
    return [worst, answerOf(this.trace, worst)];
  }

  /** Records of a kind between the n-th request that matches and its answer. */
  within(filter: string, n: number, kind: keyof typeof Kind): number {
    const [from, to] = n === 0 ? this.slowest(filter) : this.nth(filter, n);
    return this.countOf(from, to, (k) => k === Kind[kind]);
  }
  /**
   * Kernel entries, address space switches and time from the n-th request that matches (0: the slowest) to its answer, including the
   * return.
   */
  cost(what: string, filter: string, n: number): Figure[] {
    const [from, to] = n === 0 ? this.slowest(filter) : this.nth(filter, n), back = this.back(to);
    return [
      [`kernel entries of ${what}`, this.countOf(from, to, (k) => ENTRIES.has(k))],
        [`address space switches`, this.countOf(from, back, (k) => k === Kind.spaceSwitch)],
      ['time from request to answer', cyclesText(this.trace.at(to).time - this.trace.at(from).time)],
    ];
  }
  private countOf(from: number, to: number, counts: (kind: number) => boolean): number {
    const view = new RecordView();
    let n = 0;
    for (let i = from; i <= to; i++) if (counts(this.trace.at(i, view).kind)) n++;
    return n;
  }
  /** Times since the first record that matches: of the first record from there that matches each of the others. */
  times(filter: string, others: readonly (readonly [what: string, filter: string])[]): Figure[] {
    const [start] = this.nth(filter, 1);
    return others.map(([what, until]) => {
      const end = this.found(until).find((i) => i >= start);
      if (end === undefined) throw new Error(`no record from the first '${filter}' on matches '${until}'`);
      return [what, `+${cyclesText(this.trace.at(end).time - this.trace.at(start).time)}`];
    });
  }
  /** The last record of the return from an answer: thread and address space have been switched. */
  private back(answer: number): number {
    const view = new RecordView();
    let at = answer;
    while (at + 1 < this.trace.length && [Kind.schedule, Kind.spaceSwitch].includes(this.trace.at(at + 1, view).kind as 10)) at++;
    return at;
  }

  /** The first request that matches, record by record. */
  steps(filter: string): Figure[] {
    const [from, to] = this.nth(filter, 1), start = this.trace.at(from).time, rows: Figure[] = [];
    for (let i = from; i <= this.back(to); i++) {
      const record = this.trace.at(i),
        what = isAnswer(record.kind) || record.kind === Kind.event ? sentence(record, originOf(this.trace, record)) : '';
      rows.push([`\`${record.kindName}\` ${ends(this.trace, record)}${what ? `: ${what}` : ''}`, `+${cyclesText(record.time - start)}`]);
    }
    return rows;
  }
}
