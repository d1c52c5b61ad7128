/** Grader of lab 9: threads of different priorities take locks and work; the trace shows each one's priority at every moment. */
import { ask, spawn, statusName, valueOf, type Env, type Program, type Sys, type Syscalls } from '../../index.ts';
import { CapRight, Kind, Ops, Own, Status, capPage, type Operation } from '../../microkernel/abi/index.ts';
import { ofKind, type Fact } from '../grading/evidence.ts';
import { program, type Lab, type Say, type Seen, type World } from '../grading/lab.ts';
import type { Random } from '../grading/random.ts';

const row = (label: number, doc: string): Operation => ({ label, in: [], out: [], doc });
const HELLO = row(0x2700, 'HELLO'), ACQUIRE = row(0x2701, 'ACQUIRE'), RELEASE = row(0x2702, 'RELEASE'), HOLDER = row(0x2703, 'HOLDER'),
  OTHER = row(0x27ff, 'request 0x27ff');
const STEP = 250_000, SHORT = 60_000, PART = 10_000;

/** One step of a script. work: this many ns of the processor, then (with `lock`) a release. ping: only shows the client's priority. */
interface Step {
  readonly who: number;
  readonly what: Operation | 'work' | 'ping';
  readonly lock?: number;
  readonly patience?: number;
  readonly ns?: number; /** ACQUIRE: once it has the lock it works for `ns` and releases this one. */
  readonly frees?: number
}
interface Script {
  readonly check: string;
  readonly name: string;
  readonly priorities: readonly number[];
  readonly steps: readonly Step[]; /** Steps whose answer must come within this many ns. */
  readonly within?: Readonly<Record<number, number>>
}
interface Answered { readonly step: number; readonly status: number; readonly words: readonly number[]; readonly at: number }
interface Notes { readonly after: Answered[][]; readonly asked: number[]; readonly pinged: Map<number, number> }

interface LockState { holder: number; queue: number[] }
/** The threads that must have an answer after each step, and the expected priorities. */
class Model {
  private readonly locks: LockState[];
  private readonly waiting = new Map<number, number>();
  private readonly script: Script;
  constructor(script: Script, locks: number) {
    this.script = script;
    this.locks = Array.from({ length: locks }, () => ({ holder: -1, queue: [] }));
  }
  priority(worker: number, seen = new Set<number>()): number {
    if (seen.has(worker)) return 0;
    seen.add(worker);
    return Math.max(this.script.priorities[worker]!,
      ...this.locks.filter((l) => l.holder === worker).flatMap((l) => l.queue.map((q) => this.priority(q, seen))));
  }
  step(i: number, step: Step): { step: number; status: number; words: readonly number[] }[] {
    const lock = this.locks[step.lock ?? -1], one = (status: number, ...words: number[]) => [{ step: i, status, words }];
    if (step.what === 'ping' || step.what === 'work') return [];
    if (step.what === OTHER) return one(Status.badOp);
    if (!lock) return one(Status.badArgument);
    if (step.what === HOLDER) return one(0, lock.holder + 1, lock.queue.length);
    if (step.what === RELEASE) return lock.holder === step.who ? [...this.release(lock), ...one(0)] : one(Status.badRights);
    if (lock.holder === step.who) return one(Status.busy);
    if (lock.holder < 0) { lock.holder = step.who; return one(0); }
    if (step.patience !== undefined) return one(Status.timeout);
    lock.queue.push(step.who);
    this.waiting.set(step.who, i);
    return [];
  }
  private release(lock: LockState): { step: number; status: number; words: readonly number[] }[] {
    lock.holder = -1;
    if (lock.queue.length === 0) return [];
    const highest = Math.max(...lock.queue.map((q) => this.priority(q))),
      next = lock.queue.splice(lock.queue.findIndex((q) => this.priority(q) === highest), 1)[0]!;
    lock.holder = next;
    return [{ step: this.waiting.get(next)!, status: 0, words: [] }];
  }
}

function driver(script: Script, notes: Notes): Program {
  return program('driver', function* (sys, env: Env) {
    const turn: number[] = [], contexts: number[] = [], next: number[] = [], back: Answered[] = [];
    function* labour(own: Syscalls, worker: number, ns: number, frees: number | undefined): Sys<void> {
      for (let n = 0; n < ns; n += PART) { own.charge(PART); yield* own.invoke(Own.factory, Ops.factory.account); }
      if (frees !== undefined) yield* ask(own, env.cap(`client${worker}`), RELEASE, [frees]);
    }
    const worker = (who: number) => function* (own: Syscalls): Sys<void> {
      const done = (step: number, status: number, words: readonly number[] = []): void => {
        back.push({ step, status, words, at: own.now() });
      };
      yield* own.down(turn[who]!, Ops.semaphore.down);
      yield* ask(own, env.cap(`client${who}`), HELLO, [script.priorities[who]!],
        { items: [{ flexpage: capPage(contexts[who]!, 0, CapRight.use | CapRight.control), dest: 0 }] });
      for (;;) {
        yield* own.down(turn[who]!, Ops.semaphore.down);
        const at = next[who]!, step = script.steps[at]!;
        if (step.what === 'ping') { notes.pinged.set(at, own.now()); continue; }
        if (step.what === 'work') {
          yield* labour(own, who, step.ns!, step.lock);
          continue;
        }
        const status = yield* ask(own, env.cap(`client${who}`), step.what, [step.lock ?? 0],
          step.patience === undefined ? {} : { timeout: step.patience });
        done(at, status, status === 0 && step.what === HOLDER ? [own.utcb.word(0), own.utcb.word(1)] : []);
        if (step.frees !== undefined) yield* labour(own, who, step.ns!, step.frees);
      }
    };
    for (const [client, priority] of script.priorities.entries()) {
      turn[client] = env.selector();
      yield* sys.must(Own.factory, Ops.factory.createSemaphore, [turn[client]!, 0]);
      contexts[client] = valueOf(yield* spawn(sys, env, worker(client), { name: `client ${client}`, priority })).context!;
      yield* sys.invoke(turn[client]!, Ops.semaphore.up);
      yield* sys.receive(0, STEP);
    }
    for (const [i, step] of script.steps.entries()) {
      next[step.who] = i;
      notes.asked.push(sys.now());
      yield* sys.invoke(turn[step.who]!, Ops.semaphore.up);
      yield* sys.receive(0, step.what === 'work' && script.within ? STEP / 4 : STEP);
      notes.after.push(back.splice(0));
    }
    if (script.within) { yield* sys.receive(0, 20e6); notes.after.push(back.splice(0)); }
  });
}

function told(step: Step): string {
  const release = step.lock === undefined ? '' : `, then RELEASE ${step.lock}`;
  const what = step.what === 'ping' ? 'running' : step.what === 'work' ? `work for ${step.ns} ns${release}`
    : `${step.what.doc} ${step.lock ?? ''}`.trim();
  return `${what} of client ${step.who}`;
}
const words = (all: readonly { step: number; status: number; words: readonly number[] }[], script: Script): string =>
  (all.length === 0
    ? 'nobody is answered'
    : [...all].sort((a, b) => a.step - b.step)
      .map((a) =>
        `${told(script.steps[a.step]!)} (step ${a.step + 1}) → ${a.status === 0 ? a.words.join(' ') || 'ok' : statusName(a.status)}`)
      .join(', '));

function world(locks: number, script: Script): World {
  const notes: Notes = { after: [], asked: [], pinged: new Map() }, clients = script.priorities.map((_, w) => `client${w}`);
  return {
    name: script.name,
    components: (submission) => ({
      lock: { program: submission.program('lock.ts'), args: { locks }, provides: ['lock'], priority: 170, kernelMemory: '2M' },
      driver: {
        program: driver(script, notes), priority: 180, kernelMemory: '2M',
        caps: Object.fromEntries(clients.map((c) => [c, { from: 'lock', label: c }]))
      },
    }),
    judge: (seen, say) => judge(seen, say, script, locks, notes),
  };
}

function judge(seen: Seen, say: Say, script: Script, locks: number, notes: Notes): void {
  const why = seen.end('lock').why || (notes.after.length === 0 ? seen.why : ''), model = new Model(script, locks),
    runs = ofKind(seen.trace, Kind.schedule);
  const priorityAt = (w: number, time: number): Fact | undefined => runs.findLast((f) =>
    f.time <= time && seen.trace.name(f.actor) === `client ${w}`);
  if (script.within) {
    const answers = notes.after.flat();
    for (const [step, most] of Object.entries(script.within)) {
      const i = Number(step), answer = answers.find((x) => x.step === i), took = answer ? answer.at - notes.asked[i]! : undefined,
        run = answer && priorityAt(script.steps[i]!.who, answer.at);
      say(script.check, took !== undefined && answer!.status === 0 && took <= most,
        `step ${i + 1}, ${told(script.steps[i]!)}: it has the lock within ${most} ns`,
        took === undefined ? why || 'it never gets it' : answer!.status ? statusName(answer!.status) : `${Math.round(took)} ns`, run?.seq);
    }
    return;
  }
  script.steps.forEach((step, i) => {
    const expected = words(model.step(i, step), script),
      got = notes.after[i] === undefined ? why || 'the world ended before' : words(notes.after[i], script);
    if (step.what === 'ping') {
      const time = notes.pinged.get(i), run = time === undefined ? undefined : priorityAt(step.who, time),
        priority = model.priority(step.who);
      say(script.check, run?.a === priority, `step ${i + 1}: client ${step.who} has priority ${priority}`,
        run ? `priority ${run.a}` : why || 'it did not run', run?.seq);
      return;
    }
    say(script.check, got === expected, `step ${i + 1}, ${told(step)}: ${expected}`, got + (why && got !== why ? ` (${why})` : ''));
  });
}

function scripts(random: Random): Script[] {
  const low = random.between(30, 50), mid = random.between(70, 90), high = random.between(120, 150), top = 160, all = [low, mid, high, top];
  const take = (who: number, lock = 0, patience?: number): Step => ({ who, what: ACQUIRE, lock, patience }),
    drop = (who: number, lock = 0): Step => ({ who, what: RELEASE, lock }), ping = (who: number): Step => ({ who, what: 'ping' }),
    holder = (who: number, lock = 0): Step => ({ who, what: HOLDER, lock }),
    work = (who: number, ns: number, lock?: number): Step => ({ who, what: 'work', ns, lock });
  return [
    {
      check: 'locks', name: 'locks', priorities: all,
      steps: [
        take(0), holder(1), take(1, 1), holder(0, 1), take(2), holder(3), drop(0), holder(3), drop(2), holder(3), take(3), drop(3),
        drop(1, 1), take(0, 1), drop(0, 1)
      ]
    },
    {
      check: 'order', name: 'the highest first', priorities: all,
      steps: [take(0), take(1), take(3), take(2), holder(0), drop(0), holder(0), drop(3), drop(2), holder(2), drop(1), holder(0)]
    },
    {
      check: 'order', name: 'of equals, who came first', priorities: [low, mid, mid, mid],
      steps: [take(0), take(2), take(3), take(1), drop(0), drop(2), drop(3), drop(1), holder(0)]
    },
    {
      check: 'inherits', name: 'a holder inherits', priorities: all,
      steps: [
        take(0), ping(0), take(1), holder(3), drop(0), ping(0), ping(1), take(0), take(2), drop(1), ping(1), drop(2), ping(2), ping(0),
        drop(0), ping(0)
      ]
    },
    {
      check: 'inversion', name: 'a thread in the middle', priorities: all, within: { 2: 1_600_000 },
      steps: [take(0), work(0, 1_000_000, 0), take(2), work(1, 6_000_000)]
    },
    {
      check: 'inversion', name: 'two in the middle', priorities: all, within: { 3: 1_900_000 },
      steps: [take(0, 1), work(0, 1_000_000, 1), work(1, 5_000_000), take(3, 1), work(2, 5_000_000)]
    },
    {
      check: 'chain', name: 'a chain of locks', priorities: all, within: { 4: 2_000_000 },
      steps: [take(0, 0), take(1, 1), work(0, 800_000, 0), { ...take(1, 0), ns: 200_000, frees: 1 }, take(3, 1), work(2, 8_000_000)]
    },
    {
      check: 'restores', name: 'two locks, two heirs', priorities: all,
      steps: [
        take(0, 0), take(0, 1), take(1, 0), take(2, 1), drop(0, 1), drop(0, 0), ping(0), take(0, 2), ping(0), drop(2, 1), drop(1, 0),
        ping(1), ping(2), drop(0, 2), ping(0)
      ]
    },
    {
      check: 'patience', name: 'who gives up', priorities: all,
      steps: [take(0), take(3, 0, SHORT), take(1), holder(2), drop(0), drop(1), holder(2)].filter((s) => s.what !== HOLDER)
    },
    {
      check: 'errors', name: 'what is refused', priorities: all,
      steps: [
        take(0), take(0), drop(1), { who: 1, what: OTHER }, take(1, 99), drop(1, 99), holder(1, 77), drop(0), drop(0), take(1), drop(1)
      ]
    },
  ];
}

const lab: Lab = {
  number: 9, name: '09-priority', title: 'Priority inversion, donation and helping', hours: [3, 5], language: 'typescript',
  files: ['lock.ts'],
  checks: [
    {
      id: 'locks', points: 15, title: 'a lock has one holder; the others sleep',
      mistake: 'keep the reply of who has to wait; answer it at the release. HOLDER tells the number of the client and how many wait'
    },
    {
      id: 'order', points: 15, title: 'the highest priority goes first, of equals who waits longest',
      mistake: 'look for the highest of all who wait, and take the first of these'
    },
    {
      id: 'inherits', points: 10, title: 'after a release everybody has the priority that is due',
      mistake: 'who has released goes back to his own priority; the new holder inherits from those who still wait'
    },
    {
      id: 'inversion', points: 25, title: 'a thread of middle priority does not keep a high one waiting',
      mistake: 'when somebody has to wait, set the holder\'s context to the priority of who waits (schedContext.set), before anything else'
    },
    {
      id: 'chain', points: 15, title: 'inheritance goes along a chain of locks',
      mistake: 'the holder may wait for another lock itself: go on to that one\'s holder'
    },
    {
      id: 'restores', points: 10, title: 'who holds two locks keeps what is due for the second',
      mistake: 'compute a priority from all locks that are held, not from the one that was released'
    },
    {
      id: 'patience', points: 5, title: 'who has given up does not get the lock',
      mistake: 'answerKept tells whether anybody still waited; if not, take the next'
    },
    {
      id: 'errors', points: 5, title: 'what makes no sense is refused',
      mistake: 'a lock that there is not: badArgument; one that one holds: busy; releasing another\'s: badRights; another request: badOp'
    },
  ],
  variant: (random) => ({ locks: random.between(3, 6) }),
  worlds: (variant, random) => scripts(random).map((s) => world(Number(variant['locks']), s)),
};
export default lab;
