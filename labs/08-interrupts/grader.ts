/** Grader of lab 8: a device that interrupts at random, and the trace: which thread ran when, was recalled, and resumed. */
import { Server, spawn, valueOf, type Answer, type Env, type Program, type Sys, type Syscalls } from '../../index.ts';
import { CapRight, Cause, Kind, Ops, Own, capPage } from '../../microkernel/abi/index.ts';
import { ofKind, operands, type Fact } from '../grading/evidence.ts';
import { program, same, type Lab, type Seen, type Say, type World } from '../grading/lab.ts';

const ATTACH = 0x2500, DONE = 0x2501, RESULT = 0x2502, SLACK = 12_000, QUICK = 15_000;
interface Numbers { readonly rounds: number; readonly slice: number; readonly priority: number }
interface Notes { readonly signals: number[]; done: number; result: number[] | undefined; attached: boolean }

/** The device: gives its semaphore to a client that attaches, signals it after each of `pauses` (ns), and receives the result. */
const device = (pauses: readonly number[], notes: Notes): Program => program('device', function* (sys, env: Env) {
  const line = env.selector();
  yield* sys.must(Own.factory, Ops.factory.createSemaphore, [line, 0]);
  function* attach(own: Syscalls): Sys<Answer> {
    const dest = own.utcb.word(0);
    if (!notes.attached) valueOf(yield* spawn(own, env, signals, { priority: 130, name: 'device line' }));
    notes.attached = true;
    return { status: 0, items: [{ flexpage: capPage(line, 0, CapRight.use | CapRight.control), dest }] };
  }
  function* signals(own: Syscalls): Sys<void> {
    for (const pause of pauses) {
      yield* own.receive(0, pause);
      notes.signals.push(own.now());
      yield* own.invoke(line, Ops.semaphore.up);
    }
  }
  function* done(): Sys<Answer> { notes.done++; return { status: 0 }; }
  function* result(own: Syscalls): Sys<Answer> {
    notes.result = [0, 1, 2].map((i) => own.utcb.word(i));
    return { status: 0 };
  }
  yield* new Server(env, 'device', new Map([[ATTACH, attach], [DONE, done], [RESULT, result]]), { open: () => 0, bufferOrder: 0 }).run(sys);
});
/** Lets the world run until there is a result, or for this many ns. */
const watcher = (notes: Notes, patience: number): Program => program('watcher', function* (sys) {
  for (let waited = 0; waited < patience && notes.result === undefined; waited += 100_000) yield* sys.receive(0, 100_000);
});

interface Slice { readonly worker: number; readonly from: number; readonly to: number; readonly seq: number }

/** From the permission to run to the recall. */
function slices(seen: Seen): { slices: Slice[]; recalls: Fact[]; workers: number[] } {
  const all = ofKind(seen.trace, Kind.event, Kind.resume, Kind.recall).filter((f) => f.from === 'slicer' || f.to === 'slicer'),
    open = new Map<number, number>(), found: Slice[] = [], recalls: Fact[] = [], workers = new Set<number>();
  for (const fact of all) {
    if (fact.kind === Kind.resume) open.set(fact.object, fact.time);
    else if (fact.kind === Kind.event && (fact.a === Cause.startup || fact.a === Cause.recall)) workers.add(fact.actor);
    else if (fact.kind === Kind.recall && fact.status === 0) {
      recalls.push(fact);
      const from = open.get(fact.object);
      if (from !== undefined) found.push({ worker: fact.object, from, to: fact.time, seq: fact.seq });
      open.delete(fact.object);
    }
  }
  return { slices: found, recalls, workers: [...workers] };
}

/** Cycles that a thread ran in [from, to). */
function ran(seen: Seen, thread: number, from = 0, to = Infinity): number {
  let sum = 0, since = -1;
  for (const fact of ofKind(seen.trace, Kind.schedule)) {
    if (since >= 0) sum += Math.max(0, Math.min(fact.time, to) - Math.max(since, from));
    since = fact.actor === thread ? fact.time : -1;
  }
  return sum;
}

function world(name: string, n: Numbers, pauses: readonly number[]): World {
  const notes: Notes = { signals: [], done: 0, result: undefined, attached: false };
  return {
    name, budget: 4e7,
    components: (submission) => ({
      device: { program: device(pauses, notes), provides: ['device'], priority: 130 },
      slicer: { program: submission.program('slicer.s'), caps: { device: 'device' }, provides: ['never'], exit: 'any' },
      watcher: { program: watcher(notes, 3 * n.rounds * n.slice + 2e6), priority: 140 },
    }),
    judge: (seen, say) => judged(seen, say, n, notes, pauses.length > 0),
  };
}

/** The workers' parameters; this lab does not use their pages and labels. */
function made(seen: Seen, say: Say): void {
  const asked = ofKind(seen.trace, Kind.invoke).filter((f) => f.from === 'slicer' && f.status === 0);
  const words = (operation: number, n: number): number[] =>
    asked.filter((f) => f.a === operation).map((f) => operands(seen.trace, f)[n] ?? 0);
  const utcbs = words(Ops.factory.createThread.label, 3), labels = words(Ops.factory.createPortal.label, 2).slice(0, 2);
  const own = new Set(utcbs).size === 2 && utcbs.every((va) => va !== 0 && va % 4096 === 0);
  say('workers', own, 'each worker has a UTCB page of its own',
    `UTCBs at ${utcbs.map((va) => `0x${va.toString(16)}`).join(' and ') || 'no address'}`);
  say('workers', labels.join() === '0,1', 'the portals of the workers have labels 0 and 1',
    `labels ${labels.join(' and ') || 'of no portal'}`);
}

function judged(seen: Seen, say: Say, n: Numbers, notes: Notes, interrupted: boolean): void {
  const { slices: all, recalls, workers } = slices(seen), why = seen.lines('roottask').find((l) => l.includes('slicer')) ?? 'nothing',
    [first, second] = workers, slice = (s: Slice): string => `${Math.round(s.to - s.from)} ns`;
  const recordOf = recalls[0]?.seq;
  say('workers', workers.length === 2 && all.length > 0, 'two threads begin with a startup event, and are let go on',
    `${workers.length} threads with events, ${all.length} slices (${why})`, recordOf);
  made(seen, say);
  const priorities = [...new Set(ofKind(seen.trace, Kind.schedule).filter((f) => workers.includes(f.actor)).map((f) => f.a))];
  say('workers', priorities.join() === String(n.priority), `the workers run with priority ${n.priority}`,
    priorities.join(', ') || 'they do not run', recordOf);
  say('recall', recalls.length === n.rounds, `${n.rounds} recalls`, `${recalls.length}`, recordOf);
  say('turns', all.length > 1 && all.every((s, i) => s.worker === (i % 2 ? second : first)),
    'slices of the first and the second worker in turn',
    all.map((s) => (s.worker === first ? '1' : s.worker === second ? '2' : '?')).join(' ') || 'no slices', recordOf);
  const at = (s: Slice): number | undefined => notes.signals.find((t) => t >= s.from - 1 && t <= s.to);
  // An interrupt that comes behind the end of a slice, while nobody waits for it, ends the next one as it begins.
  const whole = all.filter((s, i) => !notes.signals.some((t) => t >= (all[i - 1]?.to ?? s.from) - SLACK && t <= s.to));
  const odd = whole.find((s) => s.to - s.from < n.slice || s.to - s.from > n.slice + SLACK);
  say('slice', whole.length > 0 && odd === undefined, `a slice without interrupt is ${n.slice} ns long (and at most ${SLACK} more)`,
    odd ? slice(odd) : 'no slice', odd?.seq);
  const both = all.find((s) => workers.some((w) => w !== s.worker && ran(seen, w, s.from + 2000, s.to) > 0)),
    // (an interrupt may end a slice before its worker could run for long)
    idle = all.find((s) => s.to - s.from > 2 * QUICK && ran(seen, s.worker, s.from, s.to) < (s.to - s.from) * 0.5);
  say('alone', all.length > 1 && both === undefined && idle === undefined, 'in a slice its worker runs, and no other',
    all.length < 2 ? 'no slices' : both ? 'both ran' : 'it did not run', (both ?? idle)?.seq);
  if (interrupted) {
    const late = all.find((s) => { const t = at(s); return t !== undefined && s.to - t > QUICK; }),
      hit = all.filter((s) => at(s) !== undefined).length;
    say('interrupt', hit > 0 && late === undefined, `an interrupt ends the slice within ${QUICK} ns`,
      hit === 0 ? 'no slice was interrupted' : late ? `${Math.round(late.to - at(late)!)} ns` : '', late?.seq);
    const taken = notes.signals.filter((t) => t <= (all.at(-1)?.to ?? 0)).length;
    say('done', Math.abs(notes.done - taken) <= 1 && notes.done > 0, `DONE once for each of the ${taken} interrupts`,
      `${notes.done} times`);
    same(say, 'result', 'interrupts that RESULT tells', notes.done, notes.result?.[2] ?? 'no result');
  } else {
    say('done', notes.done === 0, 'no DONE without an interrupt', `${notes.done}`);
    same(say, 'result', 'interrupts that RESULT tells', 0, notes.result?.[2] ?? 'no result');
  }
  workers.slice(0, 2).forEach((worker, i) => {
    const expected = ran(seen, worker) / 4, told = notes.result?.[i] ?? -1;
    say('result', Math.abs(told - expected) < expected * 0.1 + 50,
      `the count of worker ${i + 1}, about ${Math.round(expected)} (it ran ${Math.round(expected * 4)} cycles)`,
      notes.result ? String(told) : 'no result');
  });
}

const lab: Lab = {
  number: 8, name: '08-interrupts', title: 'Interrupts and recall', hours: [3, 5], language: 'riscv', files: ['slicer.s'],
  checks: [
    {
      id: 'workers', points: 20, title: 'two workers begin with an event, and wait',
      mistake: 'thread, context, portal; setEvents for startup (bit 0) and recall (bit 1); bind; start. Their priority is below yours'
    },
    {
      id: 'recall', points: 15, title: 'each slice ends with one recall',
      mistake: 'thread.recall to the worker that runs; then wait for its event through its portal'
    },
    {
      id: 'turns', points: 15, title: 'the workers take turns',
      mistake: 'keep the reply of who has stopped; answer the kept one of the other'
    },
    { id: 'slice', points: 15, title: 'a slice has its length', mistake: 'wait with a time-out of SLICE after the worker was let go on' },
    {
      id: 'alone', points: 10, title: 'only one runs at a time',
      mistake: 'no worker may have been let go on while the other was not recalled'
    },
    {
      id: 'interrupt', points: 10, title: 'an interrupt ends the slice at once',
      mistake: 'what you wait for is semaphore.down on the line, with the slice as time-out'
    },
    { id: 'done', points: 5, title: 'the device is told about each interrupt', mistake: 'DONE when down has answered ok, and only then' },
    {
      id: 'result', points: 10, title: 'RESULT tells what was counted',
      mistake: 'both counters, then the number of interrupts; once, at the end'
    },
  ],
  variant: (random) => ({ rounds: 2 * random.between(6, 10), slice: 1000 * random.between(60, 120), priority: random.between(30, 80) }),
  worlds: (variant, random) => {
    const n = variant as unknown as Numbers,
      pauses = Array.from({ length: 5 }, () => Math.round(n.slice * (1.1 + random.between(0, 100) / 60)));
    return [world('no interrupts', n, []), world('a device that interrupts', n, pauses)];
  },
};
export default lab;
