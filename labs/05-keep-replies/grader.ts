/**
 * Grader of lab 5: threads that put and get, one step after the other; after each step the model knows which threads must have an answer,
 * and which.
 */
import { ask, spawn, statusName, valueOf, type Env, type Program, type Sys, type Syscalls } from '../../index.ts';
import { Ops, Own, Status, type Operation } from '../../microkernel/abi/index.ts';
import { program, type Lab, type World } from '../grading/lab.ts';
import type { Random } from '../grading/random.ts';

const row = (label: number, name: string): Operation => ({ label, in: [], out: [], doc: name });
const PUT = row(0x2200, 'PUT'), GET = row(0x2201, 'GET'), CLOSE = row(0x2202, 'CLOSE'), LEVEL = row(0x2203, 'LEVEL'),
  FLUSH = row(0x2204, 'FLUSH'), OTHER = row(0x22ff, 'request 0x22ff');
const STEP = 200_000, SHORT = 40_000, WORKERS = 6;

/** One step: thread `who` makes a request. `patience`: it gives up after this many ns. */
interface Step { readonly who: number; readonly what: Operation; readonly word?: bigint; readonly patience?: number }
interface Answered { readonly step: number; readonly status: number; readonly words: readonly bigint[] }
interface Script {
  readonly check: string;
  readonly name: string;
  readonly steps: readonly Step[]; /** A client that waits in GET and ends before the first step. */
  readonly victim?: boolean
}

/** The expectation: the threads answered after each step. */
class Model {
  private readonly words: bigint[] = [];
  private readers: number[] = [];
  private writers: { step: number; word: bigint }[] = [];
  private closed = false;
  private readonly size: number;
  constructor(size: number) { this.size = size; }

  step(i: number, step: Step): Answered[] {
    const ok = (...words: bigint[]): Answered => ({ step: i, status: 0, words }),
      dead: Answered = { step: i, status: Status.dead, words: [] }, out: Answered[] = [];
    switch (step.what) {
      case PUT: if (this.closed) return [dead]; this.writers.push({ step: i, word: step.word! }); break;
      case GET: if (this.closed && this.words.length === 0) return [dead]; this.readers.push(i); break;
      case CLOSE:
        this.closed = true;
        out.push(...[...this.readers.splice(0), ...this.writers.splice(0).map((w) => w.step)].map((step) => ({ ...dead, step })), ok());
        break;
      case LEVEL: return [ok(BigInt(this.words.length), BigInt(this.readers.length), BigInt(this.writers.length))];
      case FLUSH: { const n = this.words.splice(0).length; out.push(...this.settle(), ok(BigInt(n))); break; }
      default: return [{ step: i, status: Status.badOp, words: [] }];
    }
    out.push(...this.settle());
    if (step.patience !== undefined && !out.some((a) => a.step === i)) {
      this.readers = this.readers.filter((r) => r !== i);
      this.writers = this.writers.filter((w) => w.step !== i);
      out.push({ step: i, status: Status.timeout, words: [] });
    }
    return out;
  }
  private settle(): Answered[] {
    const out: Answered[] = [];
    for (;;) {
      if (this.words.length > 0 && this.readers.length > 0)
        out.push({ step: this.readers.shift()!, status: 0, words: [this.words.shift()!] });
      else if (this.words.length < this.size && this.writers.length > 0) {
        const written = this.writers.shift()!;
        this.words.push(written.word);
        out.push({ step: written.step, status: 0, words: [] });
      } else return out;
    }
  }
}

/** Each worker thread waits for its turn at a semaphore; the main thread gives turns and checks which workers have returned. */
function driver(script: Script, seen: Answered[][]): Program {
  return program('driver', function* (sys, env: Env) {
    const turn: number[] = [], next: (number | undefined)[] = [], back: Answered[] = [];
    const worker = (who: number) => function* (own: Syscalls): Sys<void> {
      for (;;) {
        yield* own.down(turn[who]!, Ops.semaphore.down);
        const at = next[who]!, step = script.steps[at]!,
          status = yield* ask(own, env.cap(`client${who}`), step.what, step.word === undefined ? [] : [Number(step.word)],
            step.patience === undefined ? {} : { timeout: step.patience });
        const n = step.what === LEVEL ? 3 : step.what === GET || step.what === FLUSH ? 1 : 0;
        back.push({ step: at, status, words: status === 0 ? Array.from({ length: n }, (_, i) => own.utcb.bigWord(i)) : [] });
      }
    };
    for (let who = 0; who < WORKERS; who++) {
      turn[who] = env.selector();
      yield* sys.must(Own.factory, Ops.factory.createSemaphore, [turn[who]!, 0]);
      valueOf(yield* spawn(sys, env, worker(who), { name: `client ${who}` }));
    }
    yield* sys.receive(0, 10 * STEP);
    for (const [i, step] of script.steps.entries()) {
      next[step.who] = i;
      yield* sys.invoke(turn[step.who]!, Ops.semaphore.up);
      yield* sys.receive(0, STEP);
      seen.push(back.splice(0));
    }
  });
}
const victim = program('victim', function* (sys, env) {
  valueOf(yield* spawn(sys, env, function* (own) { yield* ask(own, env.cap('buffer'), GET); }));
  yield* sys.receive(0, STEP);
});

const words = (all: readonly Answered[], script: Script): string =>
  (all.length === 0
    ? 'nobody is answered'
    : [...all].sort((a, b) => a.step - b.step)
      .map((a) =>
        `${script.steps[a.step]?.what.doc} of client ${script.steps[a.step]?.who} (step ${a.step + 1}) → `
          + `${a.status === 0 ? a.words.join(' ') || 'ok' : statusName(a.status)}`)
      .join(', '));

function world(size: number, script: Script): World {
  const seen: Answered[][] = [];
  return {
    name: script.name,
    components: (submission) => ({
      buffer: { program: submission.program('buffer.ts'), args: { size }, provides: ['buffer'] },
      ...(script.victim ? { victim: { program: victim, caps: { buffer: 'buffer' } } } : {}),
      driver: {
        program: driver(script, seen),
        caps: Object.fromEntries(Array.from({ length: WORKERS }, (_, w) => [`client${w}`, { from: 'buffer', label: `client${w}` }])),
        kernelMemory: '2M'
      },
    }),
    judge: (result, say) => {
      const model = new Model(size), why = result.end('buffer').why || (seen.length === 0 ? result.why : '');
      script.steps.forEach((step, i) => {
        const expected = words(model.step(i, step), script),
          got = seen[i] === undefined ? why || 'the world ended before' : words(seen[i], script);
        say(script.check, got === expected,
          `step ${i + 1}, ${step.what.doc}${step.word === undefined ? '' : ` ${step.word}`} of client `
            + `${step.who}${step.patience ? ` (gives up after ${step.patience} ns)` : ''}: ${expected}`,
          got + (why && got !== why ? ` (${why})` : ''));
      });
    },
  };
}

function scripts(size: number, random: Random): Script[] {
  const word = (): bigint => BigInt(random.between(1, 1_000_000)),
    put = (who: number, patience?: number): Step => ({ who, what: PUT, word: word(), patience }),
    get = (who: number, patience?: number): Step => ({ who, what: GET, patience }), level = (who = 5): Step => ({ who, what: LEVEL });
  const fill = (who = 0): Step[] => Array.from({ length: size }, () => put(who)),
    drain = (who = 1): Step[] => Array.from({ length: size }, () => get(who));
  const mix: Step[] = [], busy = new Set<number>(), model = new Model(size);
  for (let i = 0; i < 40; i++) {
    const free = [0, 1, 2, 3, 4, 5].filter((w) => !busy.has(w));
    if (free.length === 0) break;
    const step: Step = free.length === 1 ? { who: free[0]!, what: FLUSH }
      : random.next() & 1 ? put(random.pick(free))
      : get(random.pick(free));
    busy.add(step.who);
    mix.push(step);
    for (const answer of model.step(i, step)) busy.delete(mix[answer.step]!.who);
  }
  return [
    { check: 'through', name: 'words go through', steps: [put(0), get(1), ...fill(), ...drain(), put(2), get(2), { who: 3, what: OTHER }] },
    { check: 'empty', name: 'an empty buffer', steps: [get(0), put(1), get(2), get(3), put(1), put(1), ...fill(), ...drain()] },
    {
      check: 'full', name: 'a full buffer',
      steps: [...fill(), put(1), get(2), put(2), put(3), get(4), get(4), ...drain(), get(4), get(4)].slice(0, size + 8 + size - 2)
    },
    {
      check: 'order', name: 'who came first',
      steps: [get(3), get(1), get(4), put(0), put(0), put(0), ...fill(), put(4), put(2), put(1), get(0), get(0), get(0), ...drain(5)]
    },
    {
      check: 'patience', name: 'clients that give up',
      steps: [
        get(0, SHORT), put(1), get(1), get(2), get(0, SHORT), get(3), put(1), put(1), ...fill(), put(0, SHORT), put(2), put(0, SHORT),
        get(1), ...drain()
      ]
    },
    {
      check: 'close', name: 'the end of a full buffer',
      steps: [
        ...fill(), put(1), put(2), { who: 3, what: CLOSE }, put(1), get(2), put(1), ...drain().slice(1), get(0), { who: 3, what: CLOSE }
      ]
    },
    { check: 'close', name: 'the end of an empty buffer', steps: [get(1), get(2), { who: 3, what: CLOSE }, get(0), put(0)] },
    { check: 'gone', name: 'a client that has gone', victim: true, steps: [level(), put(0), get(1), get(2), put(0)] },
    {
      check: 'level', name: 'how full it is',
      steps: [
        level(), put(0), level(), ...fill().slice(1), level(), put(1), put(2), level(), get(3), level(), { who: 3, what: FLUSH }, level(),
        { who: 3, what: FLUSH }, get(1), get(2), level()
      ]
    },
    { check: 'mix', name: 'all mixed', steps: mix },
  ];
}

const lab: Lab = {
  number: 5, name: '05-keep-replies', title: 'A server that keeps replies', hours: [2, 4], language: 'typescript', files: ['buffer.ts'],
  checks: [
    {
      id: 'through', points: 10, title: 'words go through the buffer, first in, first out',
      mistake: 'PUT answers at once while there is room, GET while there is a word; take words from the front'
    },
    {
      id: 'empty', points: 15, title: 'GET of an empty buffer sleeps until somebody puts',
      mistake: 'keepReply and no answer (return undefined); the next PUT answers the reader'
    },
    {
      id: 'full', points: 15, title: 'PUT into a full buffer sleeps until somebody gets',
      mistake: 'the word waits with its writer, and goes into the buffer when there is room: then the writer is answered'
    },
    { id: 'order', points: 15, title: 'who waits longest is answered first', mistake: 'two queues, both first come, first served' },
    {
      id: 'patience', points: 15, title: 'a client that has given up loses no word, and puts none',
      mistake: 'answerKept says whether anybody still waited: take the word away, or put it in, only then'
    },
    {
      id: 'close', points: 10, title: 'CLOSE wakes all who wait; afterwards only what is left can be read',
      mistake: 'waiting clients get dead; PUT afterwards too; GET until the buffer is empty'
    },
    {
      id: 'gone', points: 10, title: 'a client that has gone no longer waits',
      mistake: 'closed(client) takes its waiting requests out of the queues'
    },
    {
      id: 'level', points: 5, title: 'LEVEL and FLUSH tell how many',
      mistake: 'words in the buffer, readers that wait, writers that wait; a FLUSH makes room for writers'
    },
    {
      id: 'mix', points: 5, title: 'all of it mixed',
      mistake: 'after every request, let words and waiting clients meet until nothing moves any more'
    },
  ],
  variant: (random) => ({ size: random.between(3, 5) }),
  worlds: (variant, random) => scripts(Number(variant['size']), random).map((s) => world(Number(variant['size']), s)),
};
export default lab;
