/**
 * Chooses the threads' next moves, in the run of kernel and model: each step is a seed, and the move depends on the thread's objects in the
 * model. The first thread creates the others' tasks, prevents that all wait for ever, and sometimes interferes.
 */
import { FIRST_FREE_SELECTOR, Initial, IpcFlag, NEVER, Ops, capPage, memoryPage, type Operation } from '../abi/index.ts';
import { NOTHING, type Kind, type MItem, type MTask, type MThread, type Message, type Request } from './reference.ts';
import { Random } from './random-calls.ts';

export interface Move { readonly request: Request; readonly burn: number; readonly crash: boolean }

/** The last megabytes of the upper half. */
const UPPER = -8 * 2 ** 20;
const ACTORS = 4, RAM = 0x8040_0000, BASE = 0x4000_0000, WINDOW = 4 * 2 ** 20;
const CALL = 7;
/** The capabilities of each actor's task: 1 … 7 itself, 8 … 15 portals to all, 16 … a semaphore, another's task. */
const SLOT = { task: 1, thread: 2, factory: 3, context: 4, second: 5, portals: 8, semaphore: 16, other: 17 } as const;
/** Selectors of an actor's objects in the first task. */
const AT = { factory: 0, task: 1, thread: 2, second: 3, context: 4, secondContext: 5, portal: 6, secondPortal: 7, semaphore: 8 } as const;
const at = (actor: number, what: keyof typeof AT): number => FIRST_FREE_SELECTOR + 16 * actor + AT[what];

type Group = keyof typeof Ops;
interface Choice { readonly group: Group; readonly name: string; readonly op: Operation; readonly weight: number }
/** How often each operation is chosen; one for all others. */
const WEIGHTS: Record<string, number> = {
  map: 10, unmap: 6, createPortal: 2, createSemaphore: 3, up: 4, down: 4, keepReply: 5, start: 2, bind: 3, kill: 0.3, createThread: 3,
  createTask: 1.5, delete: 1, setEvents: 2
};
const CHOICES: readonly Choice[] = (Object.keys(Ops) as Group[]).flatMap(group =>
  Object.entries(Ops[group]).map(([name, op]) => ({ group, name, op: op as Operation, weight: WEIGHTS[name] ?? 1 })));
const TOTAL = CHOICES.reduce((sum, c) => sum + c.weight, 0);

const FLAGS = [
  IpcFlag.send, IpcFlag.receive, IpcFlag.receive, CALL, CALL, CALL, IpcFlag.reply, IpcFlag.reply | IpcFlag.receive,
  IpcFlag.reply | IpcFlag.receive, 3, 3, 0, 5, 15
] as const;
const TIMES = [0, 1000, 20_000, 300_000, 300_000, 2_000_000, NEVER] as const;

export class Moves {
  readonly #root: { task: MTask; thread: MThread };
  readonly #steps: readonly number[];
  readonly #harts: number;
  readonly #script: Request[] = [];
  #step = 0;
  #builds = 0;
  /** The last move as text. */
  last = '';

  constructor(root: { task: MTask; thread: MThread }, steps: readonly number[], harts: number) {
    this.#root = root;
    this.#steps = steps;
    this.#harts = harts;
    for (let i = 0; i < ACTORS; i++) this.#build(i);
    for (let i = 0; i < ACTORS; i++) this.#connect(i);
  }

  /** Undefined: the steps are used up. */
  next(thread: MThread): Move | undefined {
    const scripted = thread === this.#root.thread ? this.#script.shift() : undefined;
    if (scripted) return this.#say(thread, scripted);
    if (this.#step >= this.#steps.length) return undefined;
    const random = new Random(this.#steps[this.#step++] + 1);
    return thread === this.#root.thread
      ? this.#say(thread, this.#watch(random))
      : this.#say(thread, this.#request(random, thread),
        random.chance(25) ? random.pick([100, 1500, 12_000, 60_000, 400_000, 11_000_000]) : 0, random.below(400) === 0);
  }
  #say(thread: MThread, request: Request, burn = 0, crash = false): Move {
    const op = CHOICES.find(c => c.op.label === request.message.label);
    this.last = `${[...thread.caps].map(c => c.sel).join('/')}: `
      + `${crash ? 'crash' : request.flags === CALL && op ? `${op.group}.${op.name}` : `flags ${request.flags}`} ${request.cap} [`
      + `${request.message.words.join(', ')}] `
      + `${request.message.items.map(i => `${i.flexpage.toString(16)}→${i.dest.toString(16)}/${i.flags}`).join(' ')} `
      + `${request.sendTimeout}/${request.receiveTimeout} burn ${burn}`;
    return { request, burn, crash };
  }

  // ---- the first thread ------------------------------------------------------------------------------------------------

  #do(cap: number, op: Operation, words: number[], body = false): void { this.#script.push(call(cap, op, words, body)); }

  #build(i: number): void {
    const n = this.#builds++, factory = at(i, 'factory');
    this.#do(Initial.factory, Ops.factory.createFactory,
      [factory, 400_000 + 100_000 * (n % 4), n % 3 === 1 ? 45 : 60, n % 4 === 3 ? 2 ** (n % this.#harts) : 0]);
    this.#do(factory, Ops.factory.createTask, [at(i, 'task'), 0]);
    for (const [thread, context, portal] of [['thread', 'context', 'portal'], ['second', 'secondContext', 'secondPortal']] as const) {
      this.#do(factory, Ops.factory.createThread, [at(i, thread), at(i, 'task'), 4, 0, n % this.#harts], true);
      this.#do(factory, Ops.factory.createSchedContext,
        [at(i, context), 20 + 10 * (n % 3), n % 5 === 4 ? 50_000 : 0, n % 5 === 4 ? 400_000 : 0]);
      this.#do(factory, Ops.factory.createPortal, [at(i, portal), at(i, thread), 100 * n + AT[portal], 0]);
      if (thread === 'thread' || n % 2 === 0) this.#do(at(i, thread), Ops.thread.bind, [at(i, context)]);
    }
    this.#do(factory, Ops.factory.createSemaphore, [at(i, 'semaphore'), 1]);
    const give = (sel: number, to: number): void => this.#do(at(i, 'task'), Ops.task.map, [0, capPage(sel), to, 0]);
    for (const what of ['task', 'thread', 'factory', 'context', 'second'] as const) give(at(i, what), SLOT[what]);
    this.#do(at(i, 'task'), Ops.task.map, [0, memoryPage(RAM + (n % 2) * 2 ** 21, 21, 7), BASE, 0]);
    this.#do(at(i, 'task'), Ops.task.map, [0, memoryPage(RAM + (n % 64) * 0x8000, 15, 3), BASE + 2 ** 21 + 0x1000 * (n % 8), 0]);
  }
  /** Portals to everybody and a semaphore of another's; then it starts. */
  #connect(i: number): void {
    for (let j = 0; j < ACTORS; j++)
      for (const [k, portal] of (['portal', 'secondPortal'] as const).entries())
        this.#do(at(i, 'task'), Ops.task.map, [0, capPage(at(j, portal)), SLOT.portals + 2 * j + k, 0]);
    this.#do(at(i, 'task'), Ops.task.map, [0, capPage(at((i + 1) % ACTORS, 'semaphore')), SLOT.semaphore, 0]);
    if (i % 2 === 0) this.#do(at(i, 'task'), Ops.task.map, [0, capPage(at(i + 1, 'task')), SLOT.other, 0]);
    this.#do(at(i, 'thread'), Ops.thread.start, [0, 0, 0]);
    if (i % 2 === 0) this.#do(at(i, 'second'), Ops.thread.start, [0, 0, 0]);
  }

  /** Waits a while; meddles; makes an actor anew. */
  #watch(random: Random): Request {
    const i = random.below(ACTORS), what = random.below(22);
    if (what === 0) { // an end, and a new beginning
      this.#do(Initial.task, Ops.task.unmap, [capPage(at(i, 'factory'), 4), 1]);
      this.#build(i);
      this.#connect(i);
      return this.#script.shift()!;
    }
    if (what < 4)
      return call(at(i, random.pick(['thread', 'second'])),
        random.pick([Ops.thread.cancel, Ops.thread.recall, Ops.thread.cancel, Ops.thread.kill, Ops.thread.resume]), []);
    if (what < 7) return call(at(i, random.pick(['context', 'secondContext'])), Ops.schedContext.set, [random.below(60), 0, 0]);
    if (what < 9)
      return call(Initial.task, Ops.task.unmap,
        [memoryPage(RAM + random.below(64) * 0x1_0000, random.pick([12, 13, 16]), random.below(8)), 0]);
    return {
      ...call(0, Ops.thread.info, []), flags: IpcFlag.receive, receiveTimeout: random.pick([20_000, 200_000, 1_000_000]), message: NOTHING
    };
  }

  // ---- everybody else --------------------------------------------------------------------------------------------------

  #request(random: Random, thread: MThread): Request {
    const windows = {
      window: random.chance(50) ? 0 : memoryPage(this.#place(random, 21), random.pick([13, 21, 22]), 0),
      capWindow: random.chance(50) ? capPage(32, random.pick([0, 2, 5])) : 0
    };
    if (random.chance(35))
      return {
        ...windows, flags: random.pick(FLAGS),
        cap: random.chance(15) ? random.below(40) : random.chance(25) ? 0
          : this.#pick(random, thread, random.chance(25) ? ['reply', 'portal'] : ['portal']),
        sendTimeout: random.pick(TIMES), receiveTimeout: random.pick(TIMES), message: this.#message(random, thread), body: false
      };
    let weight = random.below(Math.floor(TOTAL)), choice = CHOICES[0];
    for (choice of CHOICES) if ((weight -= choice.weight) < 0) break;
    const { group, op, name } = choice, body = name === 'createThread' && random.chance(85);
    const label = random.below(60) === 0 ? op.label + 0x80 : op.label;
    const cap = random.chance(4) ? random.below(40) : this.#pick(random, thread, [group as Kind]);
    const words = op.in.map(operand => this.#operand(random, thread, operand, name, body));
    return {
      ...windows, flags: CALL, cap, sendTimeout: random.pick(TIMES),
      receiveTimeout: name === 'down' ? random.pick(TIMES.slice(0, 6)) : NEVER,
      message: { label, words, items: [] }, body
    };
  }
  #message(random: Random, thread: MThread): Message {
    const words = Array.from({ length: random.below(5) }, () => random.below(1000) - 100), items: MItem[] = [];
    if (random.chance(35))
      for (let n = 1 + random.below(3); n > 0; n--)
        items.push({
          flexpage: this.#flexpage(random, thread),
          dest: random.chance(70) ? random.below(32) * (random.chance(50) ? 4096 : 1) : this.#place(random, 12),
          flags: random.pick([0, 0, 0, 1])
        });
    return { label: random.below(5), words, items };
  }

  /** A selector of the thread's that names such an object, if it has one. */
  #pick(random: Random, thread: MThread, kinds: readonly Kind[]): number {
    for (const kind of kinds) {
      const all = [...thread.task.slots.values()].filter(c => c.object.kind === kind);
      if (all.length > 0) return random.pick(all).sel;
    }
    return random.below(40);
  }
  /** An address where memory may be. */
  #place(random: Random, order: number): number {
    const size = 2 ** order, where = (random.chance(85) ? BASE : UPPER) + random.below(WINDOW / 4096) * (random.chance(80) ? 4096 : 1);
    return random.chance(95) ? Math.floor(where / size) * size : where;
  }
  #flexpage(random: Random, thread: MThread): number {
    if (random.chance(45)) {
      const sel = random.chance(85)
        ? this.#pick(random, thread, [random.pick(['semaphore', 'portal', 'task', 'schedContext', 'reply', 'thread'] as const)])
        : random.below(40);
      return capPage(sel, random.chance(80) ? 0 : random.below(4), random.chance(70) ? 7 : random.below(8));
    }
    const order = random.pick([12, 12, 12, 13, 15, 16, 20, 21, 21, 22, 11]), mine = [...thread.task.pages.keys()];
    const from = mine.length > 0 && random.chance(80) ? random.pick(mine) : this.#place(random, 12);
    return memoryPage(random.chance(96) ? Math.floor(from / 2 ** order) * 2 ** order : from, order,
      random.chance(80) ? random.pick([1, 3, 5, 7, 7]) : random.below(8));
  }

  #operand(random: Random, thread: MThread, name: string, op: string, body: boolean): number {
    switch (name) {
      case 'sel': return random.chance(90) ? 18 + random.below(30) : random.pick([random.below(60), 2 ** 20, -1, 300]);
      case 'task': return this.#pick(random, thread, ['task']);
      case 'thread': return this.#pick(random, thread, ['thread']);
      case 'portal': return random.chance(20) ? 0 : this.#pick(random, thread, ['portal']);
      case 'context': return random.chance(20) ? 0 : this.#pick(random, thread, ['schedContext']);
      case 'source': return random.chance(50) ? 0 : this.#pick(random, thread, ['task']);
      case 'selector': return random.below(60);
      case 'flexpage': return this.#flexpage(random, thread);
      case 'dest': return random.chance(55) ? this.#place(random, 12) : 18 + random.below(40);
      case 'address':
        return random.chance(90) ? this.#place(random, 12)
          : random.pick([-1, 2 ** 38, -(2 ** 38), -(2 ** 38) - 1, 2 ** 41, 2 ** 47, -(2 ** 56)]);
      case 'quota': return random.pick([0, 5000, 30_000, 2 ** 40, 1e9]);
      case 'priority': return random.pick([10, 20, 30, 40, 40, 46, 61, 255, 256, -1]);
      case 'harts': return random.pick([0, 0, 0, 1, 2, 3, 7, 2 ** 32, -1]);
      case 'budget': return random.pick([0, 0, 50_000, 200_000, -5]);
      case 'period': return random.pick([0, 0, 0, 400_000, 100_000]);
      case 'flags': return op === 'createThread' ? (body ? random.pick([4, 4, 4, 4, 5, 0, 1, 12]) : 4) : random.pick([0, 0, 1, 1, 2]);
      case 'utcb': return random.pick([0, 0, 0, 0, 4096]);
      case 'kind': return random.pick([0, 0, 1, 2, 3, 4]);
      case 'hart': return random.below(this.#harts + (random.chance(10) ? 1 : 0));
      case 'causes': return random.pick([8, 0x1fff, 1, 2 ** 13, -1]);
      case 'count': return random.pick([0, 1, 3, 2 ** 32, -1]);
      case 'clear': return random.below(2);
      default: return random.below(8); // label, mtd, pc, sp, arg, text, size
    }
  }
}

const call = (cap: number, op: Operation, words: number[], body = false): Request =>
  ({
    flags: CALL, cap, sendTimeout: NEVER, receiveTimeout: NEVER, message: { label: op.label, words, items: [] }, window: 0, capWindow: 0,
    body
  });
