/** Grader of lab 10: the trace shows which thread ran when, before and after budgets change. */
import { Server, type Answer, type Env, type Program, type Sys, type Syscalls } from '../../index.ts';
import { Kind, Ops, Own } from '../../microkernel/abi/index.ts';
import { ofKind } from '../grading/evidence.ts';
import { program, type Lab, type Say, type Seen, type World } from '../grading/lab.ts';
import type { Random } from '../grading/random.ts';

const START = 0x2600, WAIT = 0x2601, REPORT = 0x2602, PHASE = 3_500_000, THREAD_OBJECT = 3;
/** An uninterrupted kernel operation plus a thread switch: the delay at the end of a budget. */
const SLACK = 6000, SWITCH = 600;
/** A part of a budget that higher priorities kept from running before the time that is looked at may run in it. */
const LATE = 0.5;

interface Activity { budget: number; readonly period: number }
interface Change { readonly activity: number; readonly budget: number }
interface Notes { started: number; readonly modes: number[]; over: number; report: number[] | undefined }

const monitor = (changes: readonly Change[], notes: Notes): Program => program('monitor', function* (sys, env: Env) {
  const clock = env.selector();
  let next = 0;
  function* start(own: Syscalls): Sys<Answer> { notes.started = own.now(); return { status: 0 }; }
  function* wait(own: Syscalls): Sys<Answer> {
    yield* own.invoke(clock, Ops.semaphore.down, [0], PHASE); // nobody signals it: time passes
    const change = changes[next++];
    if (change) { notes.modes.push(own.now()); return { status: 0, words: [change.budget, change.activity] }; }
    notes.over = own.now();
    return { status: 0, words: [0, 3] };
  }
  function* report(own: Syscalls): Sys<Answer> { notes.report = [0, 1, 2, 3].map((i) => own.utcb.word(i)); return { status: 0 }; }
  yield* sys.must(Own.factory, Ops.factory.createSemaphore, [clock, 0]);
  yield* new Server(env, 'monitor', new Map([[START, start], [WAIT, wait], [REPORT, report]]), { open: () => 0, bufferOrder: 0 }).run(sys);
});
const watcher = (notes: Notes, patience: number): Program => program('watcher', function* (sys) {
  for (let waited = 0; waited < patience && notes.report === undefined; waited += 200_000) yield* sys.receive(0, 200_000);
});
/** A thread that is always ready, of lower priority than any activity. */
const load = program('load', function* (sys) { for (let i = 0; ; i++) { sys.charge(3000); yield* sys.receive(0, 500 + (i % 7) * 300); } });

interface Run { readonly from: number; readonly to: number; readonly priority: number }
function runsOf(seen: Seen): Map<number, Run[]> {
  const runs = new Map<number, Run[]>();
  let last: { thread: number; time: number; priority: number } | undefined;
  for (const fact of ofKind(seen.trace, Kind.schedule)) {
    if (last) {
      const all = runs.get(last.thread) ?? [];
      runs.set(last.thread, all);
      all.push({ from: last.time, to: fact.time, priority: last.priority });
    }
    last = { thread: fact.actor, time: fact.time, priority: fact.a };
  }
  return runs;
}
const within = (runs: readonly Run[], from: number, to: number): number =>
  runs.reduce((n, r) => n + Math.max(0, Math.min(r.to, to) - Math.max(r.from, from)), 0);

function world(name: string, activities: readonly Activity[], changes: readonly Change[]): World {
  const notes: Notes = { started: 0, modes: [], over: 0, report: undefined };
  return {
    name, budget: 6e7,
    components: (submission) => ({
      monitor: { program: monitor(changes, notes), provides: ['monitor'], priority: 195 },
      control: { program: submission.program('control.s'), caps: { monitor: 'monitor' }, provides: ['never'], exit: 'any', priority: 190 },
      load: { program: load, priority: 10, provides: ['nothing'], exit: 'any' },
      watcher: { program: watcher(notes, PHASE * (changes.length + 2)), priority: 196 },
    }),
    judge: (seen, say) => judge(seen, say, activities, changes, notes),
  };
}

function judge(seen: Seen, say: Say, activities: readonly Activity[], changes: readonly Change[], notes: Notes): void {
  const threads = ofKind(seen.trace, Kind.create).filter((f) => f.from === 'control' && f.a === THREAD_OBJECT && f.status === 0),
    runs = runsOf(seen), of = (i: number): readonly Run[] => runs.get(threads[i]?.object ?? -1) ?? [];
  const why = seen.lines('roottask').find((l) => l.includes('control')) ?? 'no such thread ran';
  say('threads', threads.length === 4 && [0, 1, 2, 3].every((i) => of(i).length > 0), 'four threads, all of which run',
    `${threads.length} threads, of which ${[0, 1, 2, 3].filter((i) => of(i).length > 0).length} run (${why})`, threads[0]?.seq);
  const priority = (i: number): number => of(i)[0]?.priority ?? -1,
    order = [0, 1, 2].sort((a, b) => activities[a]!.period - activities[b]!.period);
  say('priorities',
    of(0).length > 0 && order.every((a, i) => i === 0 || priority(order[i - 1]!) > priority(a)) && priority(3) < priority(order[2]!)
      && priority(3) > 10 && [0, 1, 2].every((i) => priority(i) < 190 && new Set(of(i).map((r) => r.priority)).size === 1),
    `the shorter its period, the higher its priority: activities ${order.join(', ')}, then 3, which is above 10`,
    [0, 1, 2, 3].map((i) => `activity ${i}: ${priority(i)}`).join(', '), threads[0]?.seq);
  const phases = [notes.started, ...notes.modes, notes.over], budgets = activities.map((a) => a.budget);
  for (let phase = 0; phase + 1 < phases.length && notes.started > 0; phase++) {
    const check = phase === 0 ? 'budget' : 'change', change = changes[phase - 1];
    if (change) budgets[change.activity] = change.budget;
    for (const [i, { period }] of activities.entries()) {
      const from = phases[phase]! + 2 * period, n = Math.floor((phases[phase + 1]! - from) / period),
        got = within(of(i), from, from + n * period),
        budget = budgets[i]!, what = `activity ${i}${phase > 0 ? ` after change ${phase}` : ''}: `;
      say(check, n > 3 && got > n * (budget - SWITCH) - SLACK, `${what}${budget} cycles in each of ${n} periods of ${period}`,
        `${Math.round(got / Math.max(1, n))} in each`, of(i)[0] && threads[i]!.seq);
      say(phase === 0 ? 'limit' : 'change', n > 3 && got < (n + LATE) * budget + SLACK
        && got > 0, `${what}no more than ${budget} cycles in a period`,
        n > 3 ? `${Math.round(got / n)} in each` : 'nothing', threads[i]?.seq);
    }
    const rest = phases[phase + 1]! - phases[phase]! - [0, 1, 2].reduce((sum,
      i) => sum + within(of(i), phases[phase]!, phases[phase + 1]!), 0),
      left = within(of(3), phases[phase]!, phases[phase + 1]!);
    say('rest', left > rest * 0.9, `the fourth thread takes what is left, about ${Math.round(rest)} cycles`, `${Math.round(left)} cycles`,
      threads[3]?.seq);
  }
  if (notes.modes.length < changes.length || notes.over === 0)
    say('change', false, `${changes.length} changes, then the end`, `${notes.modes.length} changes were asked for (${why})`);
  [0, 1, 2, 3].forEach((i) => {
    const ran = within(of(i), 0, notes.over), told = notes.report?.[i] ?? -1;
    say('report', ran > 0 && Math.abs(told - ran) < ran * 0.03 + SLACK, `consumed by activity ${i}: about ${Math.round(ran)} cycles`,
      notes.report ? String(told) : 'no report');
  });
}

const lab: Lab = {
  number: 10, name: '10-budget', title: 'A real-time budget', hours: [3, 4], language: 'riscv', files: ['control.s'],
  checks: [
    {
      id: 'threads', points: 15, title: 'four threads run',
      mistake: 'createThread, createSchedContext, bind, start; each with its own UTCB page'
    },
    {
      id: 'priorities', points: 15, title: 'the shorter the period, the higher the priority',
      mistake: 'rate-monotonic: order by period, whatever the budgets are; the fourth lowest, all below your own'
    },
    {
      id: 'budget', points: 20, title: 'each activity gets its budget in every period',
      mistake: 'words of createSchedContext: selector, priority, budget, period, in cycles'
    },
    {
      id: 'limit', points: 10, title: 'and no more than that',
      mistake: 'a context with budget 0 has no limit: look at the words that you passed'
    },
    {
      id: 'rest', points: 10, title: 'the fourth takes what is left',
      mistake: 'budget 0 and period 0: as long as nobody of higher priority wants to run'
    },
    {
      id: 'change', points: 20, title: 'a new budget holds from the next period on',
      mistake: 'schedContext.set takes priority, budget and period: all three; WAIT again until the activity is 3'
    },
    {
      id: 'report', points: 10, title: 'REPORT tells what each consumed',
      mistake: 'schedContext.consumed counts since the last question: ask each context once, at the end'
    },
  ],
  variant: (random) => {
    const periods = random.some([110_000, 140_000, 170_000, 210_000, 260_000, 310_000], 3),
      shares = [random.between(10, 22), random.between(10, 22), random.between(10, 18)];
    return Object.fromEntries(periods.flatMap((p, i) => [[`period${i}`, p], [`budget${i}`, Math.round(p * shares[i]! / 100)]]));
  },
  worlds: (drawn, random: Random) => {
    const activities = [0, 1, 2].map((i) => ({ budget: Number(drawn[`budget${i}`]), period: Number(drawn[`period${i}`]) })),
      some = random.some([0, 1, 2], 2);
    const changed = (i: number, by: number): Change => ({ activity: i, budget: Math.round(activities[i]!.budget * by) });
    return [
      world('as planned', activities, []),
      world('budgets change', activities, [changed(some[0]!, 0.5), changed(some[1]!, 0.7), changed(some[0]!, 1.2)])
    ];
  },
};
export default lab;
