/**
 * Grader of lab 1: a driver with two sessions calls the student's greeter, our greeter answers the student's visitor, and the student's two
 * programs run together.
 */
import { Server, Status, ask, getText, statusName, type Answer, type Sys, type Syscalls } from '../../index.ts';
import type { Operation } from '../../microkernel/abi/index.ts';
import { messages } from '../grading/evidence.ts';
import { program, same, type Lab, type World } from '../grading/lab.ts';
import type { Random } from '../grading/random.ts';

const op = (label: number): Operation => ({ label, in: [], out: [], doc: '' });
const GREET = op(0x2000), COUNT = op(0x2001), WORD = op(0x2002), FORGET = op(0x2003);
const NAMES = ['Ada', 'Grace', 'Edsger', 'Barbara', 'Dennis', 'Frances', 'Jochen', 'Liba', 'Zoë', 'Nguyễn', 'Björn', 'Ken'];
const WORDS = ['Hello', 'Salve', 'Bonjour', 'Servus', 'Hola', 'Ciao', 'Moin'];
const LONGEST_NAME = 40;

type Who = 'anna' | 'bert';
interface Step { readonly who: Who; readonly what: Operation; readonly text?: string; readonly check: string }
interface Reply { readonly status: number; readonly text: string; readonly words: readonly number[] }

/** A driver's request, and a model of the expected answer. */
class Model {
  private readonly clients = { anna: { word: '', n: 0 }, bert: { word: '', n: 0 } };
  private readonly word: string;
  private readonly limit: number;
  private total = 0;
  constructor(word: string, limit: number) { this.word = word; this.limit = limit; this.clients.anna.word = this.clients.bert.word = word; }
  expect({ who, what, text = '' }: Step): Reply {
    const client = this.clients[who], bad = { status: Status.badArgument, text: '', words: [] };
    switch (what) {
      case GREET:
        if (text === '' || text.length > LONGEST_NAME) return bad;
        client.n++;
        this.total++;
        return { status: 0, text: `${client.word}, ${text}!`, words: [] };
      case COUNT: return { status: 0, text: '', words: [client.n, this.total] };
      case WORD: if (text === '' || text.length > this.limit) return bad; client.word = text; return { status: 0, text: '', words: [] };
      case FORGET: client.word = this.word; client.n = 0; return { status: 0, text: '', words: [] };
      default: return { status: Status.badOp, text: '', words: [] };
    }
  }
}

function steps(random: Random, limit: number): Step[] {
  const long = (n: number): string => 'x'.repeat(n), who = (): Who => random.pick(['anna', 'bert']);
  const greet = (check = 'greets', text: string = random.pick(NAMES)): Step => ({ who: who(), what: GREET, text, check });
  return [
    { who: 'anna', what: COUNT, check: 'counts' }, greet(), greet(), { who: 'bert', what: COUNT, check: 'counts' },
    { who: 'anna', what: COUNT, check: 'counts' },
    greet('refuses', ''), greet('refuses', long(LONGEST_NAME + 1)), { who: 'anna', what: COUNT, check: 'refuses' },
    greet('greets', long(LONGEST_NAME)), { who: 'bert', what: COUNT, check: 'total' },
    { who: 'anna', what: WORD, text: random.word(limit), check: 'word' },
    { who: 'anna', what: GREET, text: random.pick(NAMES), check: 'word' },
    { who: 'bert', what: GREET, text: random.pick(NAMES), check: 'word' },
    { who: 'anna', what: WORD, text: random.word(limit + 1), check: 'limit' }, { who: 'bert', what: WORD, text: '', check: 'limit' },
    { who: 'anna', what: GREET, text: random.pick(NAMES), check: 'limit' },
    { who: 'bert', what: GREET, text: random.pick(NAMES), check: 'limit' },
    { who: 'bert', what: WORD, text: random.word(1), check: 'word' }, { who: 'bert', what: GREET, text: random.pick(NAMES), check: 'word' },
    { who: 'anna', what: COUNT, check: 'total' },
    { who: 'anna', what: FORGET, check: 'forgets' }, { who: 'anna', what: COUNT, check: 'forgets' },
    { who: 'anna', what: GREET, text: random.pick(NAMES), check: 'forgets' },
    { who: 'bert', what: GREET, text: random.pick(NAMES), check: 'forgets' },
    { who: 'anna', what: COUNT, check: 'forgets' }, { who: 'bert', what: COUNT, check: 'total' },
    { who: 'bert', what: op(0x2004 + random.between(0, 40)), check: 'refuses' },
    ...Array.from({ length: 6 }, () => greet()), { who: 'anna', what: COUNT, check: 'counts' },
    { who: 'bert', what: COUNT, check: 'total' },
  ];
}

const say = (r: Reply): string =>
  (r.status !== 0 ? `refused (${statusName(r.status)})` : r.text ? `'${r.text}'` : r.words.length ? r.words.join(' and ') : 'ok');
const requested = ({ what, text }: Step): string =>
  (what === GREET ? `GREET '${text}'` : what === COUNT ? 'COUNT' : what === WORD ? `WORD '${text}'` : what === FORGET ? 'FORGET'
    : `request 0x${what.label.toString(16)}`);
const asks = (s: Step): string => `${s.who}: ${requested(s)}`;

function greeterWorld(random: Random, word: string, limit: number): World {
  const script = steps(random, limit), replies: Reply[] = [];
  const driver = program('driver', function* (sys, env) {
    for (const step of script) {
      const status = yield* ask(sys, env.cap(step.who), step.what, [], step.text === undefined ? {} : { text: step.text }), utcb = sys.utcb;
      replies.push({
        status, text: status === 0 && step.what === GREET ? getText(utcb, 0) : '',
        words: status === 0 && step.what === COUNT ? [utcb.word(0), utcb.word(1)] : []
      });
    }
  });
  return {
    name: 'your greeter, two clients of ours',
    components: (submission) => ({
      greeter: { program: submission.program('greeter.ts'), args: { word, limit }, provides: ['greeting'] },
      driver: { program: driver, caps: { anna: { from: 'greeter', label: 'anna' }, bert: { from: 'greeter', label: 'bert' } } },
    }),
    judge: (seen, check) => {
      const model = new Model(word, limit), { why } = seen.end('greeter'), asked = messages(seen.trace, 'driver', 'greeter');
      script.forEach((step, i) => {
        const expected = say(model.expect(step)), got = replies[i];
        check(step.check, got !== undefined && say(got) === expected, `${asks(step)} → ${expected}`,
          got ? say(got) : why || seen.why || 'no answer', asked[i]?.seq);
      });
    },
  };
}

/** A greeter that refuses some names and logs its requests. */
function visitorWorld(random: Random, word: string): World {
  const names = random.some(NAMES, random.between(4, 7)),
    refused = new Map(random.some(names, 2).map((n, i) => [n, [Status.busy, Status.noQuota][i]!]));
  const asked: string[] = [], all = random.between(20, 90);
  function* greet(sys: Syscalls): Sys<Answer> {
    const name = getText(sys.utcb, 0), status = refused.get(name) ?? 0;
    asked.push(name);
    return status ? { status } : { status: 0, text: `${word}, ${name}, from lab 1!` };
  }
  function* count(): Sys<Answer> { asked.push('COUNT'); return { status: 0, words: [names.length - refused.size, all] }; }
  const greeter = program('greeter', function* (sys, env) {
    yield* new Server(env, 'greeting', new Map([[GREET.label, greet], [COUNT.label, count]]), { open: () => 0, bufferOrder: 0 }).run(sys);
  });
  return {
    name: 'your visitor, a greeter of ours',
    components: (submission) => ({
      greeter: { program: greeter, provides: ['greeting'] },
      visitor: { program: submission.program('visitor.ts'), args: { names }, caps: { greeter: 'greeter' }, exit: 'any' }
    }),
    judge: (seen, check) => {
      const end = seen.end('visitor'), lines = seen.lines('visitor');
      same(check, 'asks', 'requests that reach the greeter', [...names, 'COUNT'].join(', '), asked.join(', ') || end.why);
      same(check, 'says', 'lines of the log',
        [
          ...names.map((n) => (refused.has(n) ? `${n}: ${statusName(refused.get(n)!)}` : `${word}, ${n}, from lab 1!`)),
          `greeted ${names.length - refused.size} of ${all}`
        ].join(
          ' | '),
        lines.join(' | ') || end.why);
      check('status', end.state !== 'running' && end.status === refused.size && end.why === 'done',
        `it exits with the number of names that were refused, ${refused.size}, and the word 'done'`,
        end.state === 'running' ? 'it has not ended' : `status ${end.status}, '${end.why}'`);
    },
  };
}

function bothWorld(random: Random, word: string, limit: number): World {
  const names = random.some(NAMES, 5);
  return {
    name: 'your greeter and your visitor',
    components: (submission) => ({
      greeter: { program: submission.program('greeter.ts'), args: { word, limit }, provides: ['greeting'] },
      visitor: { program: submission.program('visitor.ts'), args: { names: [...names, ''] }, caps: { greeter: 'greeter' }, exit: 'any' }
    }),
    judge: (seen, check) =>
      same(check, 'together', 'lines of the log', [...names.map((n) => `${word}, ${n}!`), ': badArgument', 'greeted 5 of 5'].join(' | '),
        seen.lines('visitor').join(' | ') || seen.end('visitor').why || seen.why),
  };
}

const lab: Lab = {
  number: 1, name: '01-hello-ipc', title: 'Hello, IPC', hours: [2, 3], language: 'typescript', files: ['greeter.ts', 'visitor.ts'],
  checks: [
    {
      id: 'greets', points: 15, title: 'GREET answers a greeting for the name',
      mistake: 'the text of the reply is the word of this client, a comma, a space, the name, and an exclamation mark'
    },
    {
      id: 'refuses', points: 10, title: 'GREET refuses an empty or too long name, and nothing is counted',
      mistake: 'look at the name before anything changes; a request that there is not is refused by the library'
    },
    {
      id: 'counts', points: 15, title: 'COUNT tells a client its own greetings',
      mistake: 'each session has a state of its own: count there, not in a variable that all share'
    },
    {
      id: 'total', points: 10, title: 'COUNT tells the greetings of all clients',
      mistake: 'the second word is one number for the whole server; it never goes back'
    },
    {
      id: 'word', points: 15, title: 'WORD changes the greeting of one client',
      mistake: 'the word belongs to the session; other clients keep theirs'
    },
    {
      id: 'limit', points: 5, title: 'WORD refuses an empty or too long word, and nothing changes',
      mistake: 'the limit is in env.args.limit: a word of just that length is allowed, one more is not'
    },
    {
      id: 'forgets', points: 5, title: 'FORGET brings one client back to its beginning',
      mistake: 'both the word and the count of this client, and nothing of the others or of the total'
    },
    {
      id: 'asks', points: 10, title: 'the visitor asks once for each name, in order, then COUNT',
      mistake: 'a loop over all of env.args.names with one request each, then one COUNT'
    },
    {
      id: 'says', points: 10, title: 'the visitor logs what came back',
      mistake: 'a greeting as it came, a refusal as NAME: STATUS, and at the end the two counts'
    },
    {
      id: 'status', points: 3, title: 'the visitor exits with the number of refusals', mistake: "exit(sys, env, status, 'done') at the end"
    },
    {
      id: 'together', points: 2, title: 'both work together', mistake: 'what works with our halves must work with yours: compare the lines'
    },
  ],
  variant: (random) => ({ word: random.pick(WORDS), limit: random.between(8, 14) }),
  worlds: (variant, random) => {
    const word = String(variant['word']), limit = Number(variant['limit']);
    return [greeterWorld(random, word, limit), visitorWorld(random, word), bothWorld(random, word, limit)];
  },
};
export default lab;
