/** Grader of lab 2: runs queries over traces that the student has never seen; the expected results are computed from the records. */
import { Cause, Kind } from '../../microkernel/abi/index.ts';
import { unixStory } from '../../scenarios/unix.ts';
import { QueryError, TraceDatabase } from '../../trace/sql/query.ts';
import type { TraceFile } from '../../trace/index.ts';
import { ofKind, type Fact } from '../grading/evidence.ts';
import type { Lab, Say, Seen, World } from '../grading/lab.ts';
import type { Random } from '../grading/random.ts';

const PROGRAMS = ['sh', 'getppid', 'pagefault', 'echo', 'cat', 'tr', 'wc', 'seq', 'forktest'], MOST_ROWS = 20_000, SHOWN = 4;
type Value = number | string | null;
type Answer = readonly Value[];

/** A question, and a function that computes its expected result from the trace. */
interface Call { readonly event: Fact; readonly name: string; readonly answer: Fact | undefined }

class Expected {
  private readonly trace: TraceFile;
  private readonly all: Fact[];
  private readonly calls: Call[];
  private readonly call: string;
  private readonly slowest: number;
  constructor(trace: TraceFile, call: string, slowest: number) {
    this.trace = trace; this.call = call; this.slowest = slowest;
    this.all = ofKind(trace, ...Object.values(Kind));
    const answers = new Map(this.all.filter((f) => f.kind === Kind.resume).map((f) => [f.cause, f]));
    this.calls = this.all.filter((f) => f.kind === Kind.event && f.a === Cause.syscall).map((event) => ({
      event, name: trace.words.syscalls?.[event.c]?.[0] ?? String(event.c), answer: answers.get(event.seq)
    }));
  }
  rows(question: number): Answer[] {
    return [
      () => this.often(), () => this.longest(), () => this.life(), () => this.records(), () => this.faults(), () => this.users(),
      () => this.asks(), () => this.lives(), () => this.ran()
    ][question - 1]!();
  }

  private often(): Answer[] { return sorted([...counted(this.calls.map((c) => c.name))], (a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)); }
  private longest(): Answer[] {
    return this.calls.flatMap((c): [number, string, number][] => (c.answer ? [[c.event.seq, c.name, c.answer.time - c.event.time]] : []))
      .sort((a, b) => b[2] - a[2] || a[0] - b[0]).slice(0, this.slowest);
  }
  private between(c: Call): Fact[] { return this.all.filter((f) => f.seq >= c.event.seq && f.seq <= c.answer!.seq); }
  private answered(name: string): Call[] { return this.calls.filter((c) => c.name === name && c.answer); }
  private life(): Answer[] {
    return this.between(this.answered(this.call)[0]!).map((f) => [
      f.seq, Object.keys(Kind).find((k) => Kind[k as keyof typeof Kind] === f.kind)!, f.from
    ]);
  }
  private records(): Answer[] {
    const n = this.answered(this.call).map((c) => this.between(c).length);
    return [[Math.min(...n), Math.max(...n)]];
  }
  private faults(): Answer[] {
    const access = ['fetch', 'load', '', 'store'], found = new Map<string, [string, string, number, number]>();
    for (const fact of this.all.filter((f) => f.kind === Kind.event && f.a === Cause.pageFault)) {
      const name = access[((fact.b >>> 16) & 7) - 4]!, row = found.get(`${fact.from} ${name}`) ?? [fact.from, name, 0, 0];
      found.set(`${fact.from} ${name}`, row);
      row[2]++;
      row[3] += this.all.filter((f) => f.kind === Kind.map && f.cause === fact.seq && f.status === 0 && !(f.a & 8)).reduce(
        (n, f) => n + 2 ** f.b,
        0);
    }
    return [...found.values()].sort((a, b) => (a[0] === b[0] ? (a[1] < b[1] ? -1 : 1) : a[0] < b[0] ? -1 : 1));
  }
  /** Turns: from one switch of thread to the next. */
  private turns(): { seq: number; task: string; duration: number }[] {
    const switches = this.all.filter((f) => f.kind === Kind.schedule), end = this.all.at(-1)!.time;
    return switches.map((f, i) => ({ seq: f.seq, task: f.from, duration: (switches[i + 1]?.time ?? end) - f.time }));
  }
  private users(): Answer[] {
    const sums = new Map<string, [string, number, number]>();
    for (const turn of this.turns()) {
      const row = sums.get(turn.task) ?? [turn.task, 0, 0];
      sums.set(turn.task, row);
      row[1]++;
      row[2] += turn.duration;
    }
    return [...sums.values()].sort((a, b) => b[2] - a[2]).slice(0, 3);
  }
  private asks(): Answer[] {
    const labels = this.trace.words.labels ?? {}, servers = new Set(this.calls.map((c) => c.event.to)),
      asked = this.all.filter((f) => (f.kind === Kind.call || f.kind === Kind.send) && servers.has(f.from) && f.to !== f.from);
    const sent = asked.map((f) => `${f.to}\t${labels[f.a]?.[0] ?? `label 0x${f.a.toString(16)}`}`);
    return [...counted(sent)].sort(([a], [b]) => (a < b ? -1 : 1)).map(([k, n]) => [...k.split('\t'), n]);
  }
  private lives(): Answer[] {
    return this.calls.filter((c) => c.name === 'exit_group')
      .map((c): [string, number] => [
        c.event.from, c.event.time - this.all.find((f) => f.kind === Kind.event && f.from === c.event.from)!.time
      ])
      .sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  }
  private ran(): Answer[] {
    const turns = this.turns();
    return this.answered('write')
      .map((call): [number, number] => [
        call.event.seq,
        turns.filter((t) => t.seq >= call.event.seq && t.seq <= call.answer!.seq && t.task === call.event.to).reduce(
          (n, t) => n + t.duration, 0)
      ])
      .filter((r) => r[1] > 0);
  }
}
const sorted = <T>(all: T[], by: (a: T, b: T) => number): T[] => all.sort(by);
function counted(all: readonly string[]): Map<string, number> {
  const n = new Map<string, number>();
  for (const name of all) n.set(name, (n.get(name) ?? 0) + 1);
  return n;
}

/** `-- N. …` begins a question; its query is what follows. */
export function queriesOf(text: string): Map<number, string> {
  return new Map(text.split(/^--\s*(?=\d+\.)/m).slice(1).map((part) => [Number.parseInt(part, 10), part.replace(/^.*$/m, '').trim()]));
}

const value = (v: unknown): string =>
  (v === null || v === undefined ? 'null' : typeof v === 'number' ? String(Math.round(v * 100) / 100) : String(v));
const line = (r: Answer | undefined): string => (r ? r.map(value).join(' | ') : 'no row');

function asked(db: TraceDatabase, sql: string): Answer[] | string {
  if (sql === '') return 'no query';
  if (!/^(select|with|values)\b/i.test(sql.replace(/^(\s|--.*\n)*/, '')))
    return 'a query begins with select or with: the trace is not to be changed';
  if (/\b(recursive|attach|pragma|vacuum)\b/i.test(sql)) return 'a word that is not allowed: recursive, attach, pragma, vacuum';
  try {
    const rows: Answer[] = [];
    for (const row of db.query(sql).rows) { rows.push(row as Answer); if (rows.length > MOST_ROWS) return `more than ${MOST_ROWS} rows`; }
    return rows;
  } catch (error) {
    if (error instanceof QueryError) return error.message;
    throw error;
  }
}

async function judge(seen: Seen, say: Say, call: string, slowest: number): Promise<void> {
  const db = await TraceDatabase.of(seen.trace), expected = new Expected(seen.trace, call, slowest),
    queries = queriesOf(seen.submission.text('queries.sql'));
  for (let n = 1; n <= 9; n++) {
    const want = expected.rows(n), got = asked(db, queries.get(n) ?? '');
    // Skips a question whose result would be empty.
    if (want.length === 0 && typeof got !== 'string') continue;
    if (typeof got === 'string') { say(`q${n}`, false, `${want.length} rows, the first: ${line(want[0])}`, got); continue; }
    const wrong = want.findIndex((r, i) => line(r) !== line(got[i])), at = wrong >= 0 ? wrong : want.length;
    say(`q${n}`, wrong < 0 && got.length === want.length,
      `${want.length} rows; from row ${at + 1}: ${want.slice(at, at + SHOWN).map(line).join(' ‖ ') || 'no more'}`,
      `${got.length} rows; from row ${at + 1}: ${got.slice(at, at + SHOWN).map(line).join(' ‖ ') || 'no more'}`,
      typeof want[at]?.[0] === 'number' ? want[at]![0] as number : undefined);
  }
  db.close();
}

function world(name: string, command: string, call: string, slowest: number): World {
  const story = unixStory(['/bin/sh', '-c', command], PROGRAMS);
  return {
    name, components: () => story.components, files: story.files, log: story.log, budget: 10e9, ram: '96M',
    judge: (seen, say) => judge(seen, say, call, slowest)
  };
}

const lab: Lab = {
  number: 2, name: '02-follow-a-call', title: 'Follow a system call', hours: [2, 4], language: 'sql', files: ['queries.sql'],
  checks: [
    { id: 'q1', points: 8, title: 'how often is each system call made?', mistake: 'group by name; two columns, and both orders' },
    { id: 'q2', points: 10, title: 'which calls take longest?', mistake: 'latency is null where there was no answer; order, then limit' },
    {
      id: 'q3', points: 12, title: 'the life of one call', mistake: 'events has the answer\'s seq: records between the two, both included'
    },
    {
      id: 'q4', points: 12, title: 'how many records does a call make?',
      mistake: 'first count for each call (group by), then the least and the greatest of these counts'
    },
    { id: 'q5', points: 10, title: 'page faults', mistake: 'the table faults has a row for each, with what came with its answer' },
    { id: 'q6', points: 12, title: 'who used the processor?', mistake: 'runs has a row for each turn: sum durations by task' },
    {
      id: 'q7', points: 12, title: 'what does the server ask others for?',
      mistake: 'messages whose sender is a server of system calls (events), and that go to another task'
    },
    {
      id: 'q8', points: 12, title: 'how long does a process live?',
      mistake: 'from the earliest of all its events (faults too), to the call of exit_group, which has no answer'
    },
    {
      id: 'q9', points: 12, title: 'how long does the server itself run?',
      mistake: 'turns (runs) of the server\'s task that began between event and answer; sum them for each call'
    },
  ],
  variant: (random) => ({ call: random.pick(['getppid', 'close', 'clone']), slowest: random.between(3, 6) }),
  worlds: (variant, random: Random) => {
    const call = String(variant['call']), slowest = Number(variant['slowest']);
    return [
      world('a pipeline', `getppid ${random.between(5, 25)}; echo ${random.word(5)} | cat; seq ${random.between(3, 9)} | wc`, call,
        slowest),
      world('faults and forks',
        `getppid ${random.between(3, 9)}; pagefault ${random.between(20, 90)}; forktest; echo ${random.word(9)} | tr a-m A-M | cat`, call,
        slowest),
    ];
  },
};
export default lab;

