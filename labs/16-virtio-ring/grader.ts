/** Grader of lab 16: each side of a ring against a driver that plays the other, and both against each other. */
import { Server, type Answer, type Env, type Program, type Sys, type Syscalls } from '../../index.ts';
import { program, type Lab, type World } from '../grading/lab.ts';
import type { Random } from '../grading/random.ts';

const NEXT = 0x2a00, AVAILABLE = 0x400, USED = 0x800, RING = 0x1000, HEAD = 0x1f00, TAIL = 0x1f04;
const Op = { reset: 1, add: 2, done: 3, take: 4, give: 5, poke: 6, peek: 7, start: 8, receive: 9, release: 10, over: 99 } as const;
const FLAG_NEXT = 1, FLAG_WRITE = 2, DONE = 1, END = 2, BUFFERS = 0x1000_0000;

/** A step of the harness; `expected`: the words that it must return (as signed numbers). */
interface Step { readonly check: string; readonly what: string; readonly words: readonly number[]; readonly expected?: readonly number[] }
type Piece = readonly [address: number, length: number, write: number];

/** Gives out the steps, one per call; a call brings the result of the previous step. */
const driver = (steps: readonly Step[], got: (readonly number[])[]): Program => program('driver', function* (sys, env: Env) {
  let given = 0;
  function* next(own: Syscalls): Sys<Answer> {
    if (given > 0) got[given - 1] = Array.from({ length: steps[given - 1]!.expected?.length ?? 0 },
      (_, i) => Number(BigInt.asIntN(64, own.utcb.bigWord(i))));
    return { status: 0, words: given < steps.length ? [...steps[given++]!.words] : [Op.over] };
  }
  yield* new Server(env, 'driver', new Map([[NEXT, next]]), { open: () => 0, bufferOrder: 0 }).run(sys);
});

function world(name: string, steps: readonly Step[]): World {
  const got: (readonly number[])[] = [];
  return {
    name, budget: 1e8,
    components: (submission) => ({
      driver: { program: driver([...steps, { check: '', what: '', words: [Op.peek, 0, 1] }], got), provides: ['driver'] },
      ring: { program: submission.program('ring.c'), caps: { driver: 'driver' } },
    }),
    judge: (seen, say) => {
      const end = seen.end('ring'), why = end.why || seen.why;
      steps.forEach((step, i) => {
        if (!step.expected) return;
        const answer = got[i], right = answer !== undefined && step.expected.every((v, k) => answer[k] === v);
        say(step.check, right, `${step.what}: ${step.expected.join(', ')}`, answer ? answer.join(', ') : `nothing came back (${why})`);
      });
    },
  };
}

const step = (check: string, what: string, words: readonly number[], expected?: readonly number[]): Step =>
  ({ check, what, words, expected });
const poke = (at: number, size: number, value: number): Step => step('', 'poke', [Op.poke, at, size, value]);
const peek = (check: string, what: string, at: number, size: number, value: number): Step => step(check, what, [Op.peek, at, size],
  [value]);
const add = (check: string, what: string, pieces: readonly Piece[], head: number): Step => step(check, `driver_add of ${what}`,
  [Op.add, pieces.length, ...pieces.flat()], [head]);
const done = (check: string, what: string, id: number, length?: number): Step => step(check, `driver_done, ${what}`, [Op.done],
  length === undefined ? [id] : [id, length]);
const take = (check: string, what: string, most: number, head: number, pieces: readonly Piece[] = []): Step => step(check,
  `device_take, ${what}`, [Op.take, most], [head, pieces.length, ...pieces.flat()]);
const give = (check: string, head: number, written: number, tells: number): Step => step(check, `device_give(${head}, ${written})`,
  [Op.give, head, written], [tells]);
const descriptor = (i: number, [address, length, write]: Piece, next?: number): Step[] => [
  poke(16 * i, 8, address), poke(16 * i + 8, 4, length),
    poke(16 * i + 12, 2, (write ? FLAG_WRITE : 0) | (next === undefined ? 0 : FLAG_NEXT)), poke(16 * i + 14, 2, next ?? 0),
];
/** The driver that the grader plays makes the chain at `head` available as its `n`-th. */
const offer = (n: number, size: number, head: number): Step[] => [poke(AVAILABLE + 4 + 2 * (n % size), 2, head),
  poke(AVAILABLE + 2, 2, n + 1)];
const use = (n: number, size: number, id: number, length: number): Step[] => [poke(USED + 4 + 8 * (n % size), 4, id),
  poke(USED + 8 + 8 * (n % size), 4, length), poke(USED + 2, 2, n + 1)];
const looks = (check: string, i: number, [address, length, write]: Piece, next?: number): Step[] => [
  peek(check, `address of descriptor ${i}`, 16 * i, 8, address), peek(check, `length of descriptor ${i}`, 16 * i + 8, 4, length),
  peek(check, `flags of descriptor ${i}`, 16 * i + 12, 2, (write ? FLAG_WRITE : 0) | (next === undefined ? 0 : FLAG_NEXT)),
    ...(next === undefined ? [] : [peek(check, `next of descriptor ${i}`, 16 * i + 14, 2, next)]),
];

/** A model of a correct driver: the free list, and the owner of each chain. */
class Model {
  private readonly free: number[];
  private readonly chains = new Map<number, number[]>();
  constructor(size: number) { this.free = Array.from({ length: size }, (_, i) => i); }
  add(n: number): number {
    if (n === 0 || n > this.free.length) return -1;
    const chain = this.free.splice(0, n);
    this.chains.set(chain[0]!, chain);
    return chain[0]!;
  }
  done(head: number): void {
    this.free.unshift(...this.chains.get(head)!);
    this.chains.delete(head);
  }
}

function driverWorlds(size: number, piece: () => Piece): World[] {
  const [first, second, third] = [piece(), piece(), piece()] as [Piece, Piece, Piece], rest = Array.from({ length: size - 3 }, piece),
    reset = step('', 'reset', [Op.reset, size]);
  const adds = [
    reset, add('add', 'one piece', [first], 0), ...looks('add', 0, first), peek('add', 'available.ring[0]', AVAILABLE + 4, 2, 0),
    peek('add', 'available.idx', AVAILABLE + 2, 2, 1), add('add', 'a chain of two', [second, third], 1), ...looks('add', 1, second, 2),
    ...looks('add', 2, third), peek('add', 'available.ring[1]', AVAILABLE + 6, 2, 1), peek('add', 'available.idx', AVAILABLE + 2, 2, 2),
    add('full', 'nothing', [], -1),
    add('full', `${size - 2} pieces, one more than are free`, Array.from({ length: Math.min(size - 2, 15) }, piece),
      size - 2 <= 15 ? -1 : 3),
    peek('full', 'available.idx after them', AVAILABLE + 2, 2, 2), add('add', 'a chain of all that are free', rest, 3),
    ...looks('add', size - 1, rest.at(-1)!), add('full', 'one piece when none is free', [first], -1),
    peek('full', 'available.idx then', AVAILABLE + 2, 2, 3),
  ];
  const back = [
    reset, done('done', 'nothing was used', -1), add('done', 'one piece', [first], 0), add('done', 'a chain of two', [second, third], 1),
    add('done', 'one piece', [first], 3), done('done', 'still nothing', -1), ...use(0, size, 1, 700),
    done('done', 'the second comes back first', 1, 700), done('done', 'and nothing more', -1),
    add('done', 'one piece: the chain that came back is first', [third], 1), add('done', 'then its second', [second], 2),
    ...use(1, size, 0, 5), ...use(2, size, 3, 0), done('done', 'two at once: the first', 0, 5), done('done', 'the second', 3, 0),
    add('done', 'a chain of the last ones, the latest first', [first, second], 3), ...looks('done', 3, first, 0), ...use(3, size, size, 9),
    done('broken', 'a number that is no descriptor', -2), ...use(4, size, 1, 11), done('broken', 'and the next is right again', 1, 11),
    ...use(5, size, 0xffff_ffff, 1), done('broken', 'a very large one', -2), done('broken', 'nothing more', -1),
  ];
  const turns: Step[] = [reset];
  for (let i = 0; i < 2 * size + 3; i++) turns.push(add('turns', `one piece, time ${i + 1}`, [first], 0),
    peek('turns', 'its place in the available ring', AVAILABLE + 4 + 2 * (i % size), 2, 0), ...use(i, size, 0, i),
    done('turns', `time ${i + 1}`, 0, i));
  return [world('the driver adds', adds), world('the driver takes back', back), world('the driver goes round', turns)];
}

function deviceWorlds(size: number, piece: () => Piece): World[] {
  const read = (): Piece => { const [x, y] = piece(); return [x, y, 0]; }, write = (): Piece => {
    const [x, y] = piece();
    return [x, y, 1];
  };
  const [first, second, third, fourth] = [read(), read(), write(), write()] as [Piece, Piece, Piece, Piece],
    reset = step('', 'reset', [Op.reset, size]);
  const usual = [
    reset, take('take', 'nothing is available', 8, -1), ...descriptor(2, first, 5), ...descriptor(5, second, 1), ...descriptor(1, third),
    ...offer(0, size, 2), take('take', 'a chain of three', 8, 2, [first, second, third]), take('take', 'it comes once', 8, -1),
    ...descriptor(0, fourth), ...descriptor(3, first), ...offer(1, size, 0), ...offer(2, size, 3),
    take('take', 'two more: the first', 8, 0, [fourth]), take('take', 'the second', 1, 3, [first]), take('take', 'and none', 8, -1),
    give('give', 0, 77, 1), peek('give', 'used.ring[0].id', USED + 4, 4, 0), peek('give', 'used.ring[0].length', USED + 8, 4, 77),
    peek('give', 'used.idx', USED + 2, 2, 1), give('give', 2, 500, 1), peek('give', 'used.ring[1].id', USED + 12, 4, 2),
    peek('give', 'used.idx', USED + 2, 2, 2), poke(AVAILABLE, 2, 1), give('give', 3, 0, 0), peek('give', 'used.idx', USED + 2, 2, 3),
    peek('give', 'used.ring[2].length', USED + 24, 4, 0), poke(AVAILABLE, 2, 0),
    peek('give', 'available.idx, which is the driver\'s', AVAILABLE + 2, 2, 3),
  ];
  const bad = (n: number, what: string, chain: readonly Step[], head: number, most = 8): Step[] => [
    ...chain, ...offer(2 * n, size, head), take('hostile', what, most, -2), ...descriptor(7, first), ...offer(2 * n + 1, size, 7),
      take('hostile', `the chain after ${what}`, 8, 7, [first]),
  ];
  const hostile = [
    reset, ...bad(0, 'a chain that leads to itself', [...descriptor(0, first, 0)], 0, 100),
    ...bad(1, 'a circle of two', [...descriptor(0, first, 1), ...descriptor(1, second, 0)], 0, 100),
    ...bad(2, 'a next that is no descriptor', descriptor(0, first, size), 0), ...bad(3, 'a head that is none', [], size),
    ...bad(4, 'a piece to read behind one to write', [...descriptor(0, third, 1), ...descriptor(1, first)], 0),
    ...bad(5, 'a chain that is longer than asked for',
      [...descriptor(0, first, 1), ...descriptor(1, second, 2), ...descriptor(2, third)], 0, 2),
    ...bad(6, 'a next far away', descriptor(0, first, 0xffff), 0),
  ];
  const turns: Step[] = [reset, ...descriptor(4, third)];
  for (let i = 0; i < 2 * size + 3; i++) turns.push(...offer(i, size, 4), take('turns', `chain ${i + 1}`, 8, 4, [third]),
    give('turns', 4, i, 1), peek('turns', `place ${i + 1} in the used ring`, USED + 8 + 8 * (i % size), 4, i));
  return [world('the device', usual), world('a driver that lies', hostile), world('the device goes round', turns)];
}

function both(size: number, piece: () => Piece, random: Random): World {
  const model = new Model(size), steps: Step[] = [step('', 'reset', [Op.reset, size])], waiting: [number, readonly Piece[]][] = [],
    taken: number[] = [];
  for (let i = 0; i < 40; i++) {
    const what = random.between(0, 2);
    if (what === 0) {
      const reads = Array.from({ length: random.between(0, 2) }, piece).map(([x, y]): Piece => [x, y, 0]),
        pieces = [...reads, ...Array.from({ length: random.between(reads.length ? 0 : 1, 2) }, piece).map(([x, y]): Piece => [x, y, 1])],
        head = model.add(pieces.length);
      steps.push(add('both', `${pieces.length} pieces`, pieces, head));
      if (head >= 0) waiting.push([head, pieces]);
    } else if (what === 1) {
      const next = waiting.shift();
      steps.push(next ? take('both', 'what the driver added', 8, next[0], next[1]) : take('both', 'nothing', 8, -1));
      if (next) taken.push(next[0]);
    } else if (taken.length > 0) {
      const head = taken.splice(random.between(0, taken.length - 1), 1)[0]!, n = random.between(0, 4000);
      steps.push(give('both', head, n, 1), done('both', 'what the device gave', head, n));
      model.done(head);
    }
  }
  return world('both sides', steps);
}

function cardWorld(name: string, size: number, each: number, rest: (card: (i: number, length: number, status: number, errors?: number) =>
  Step[]) => Step[]): World {
  const card = (i: number, length: number, status: number, errors = 0): Step[] => [poke(RING + 16 * i + 8, 2, length),
    poke(RING + 16 * i + 13, 1, errors), poke(RING + 16 * i + 12, 1, status)];
  return world(name, [step('', 'nic_start', [Op.start, size, each]), ...rest(card)]);
}
const receive = (check: string, what: string, first?: number, count = 0, length = 0): Step => step(check, `nic_receive, ${what}`,
  [Op.receive], first === undefined ? [0] : [1, first, count, length]);
const release = step('', 'nic_release', [Op.release]), tail = (check: string, n: number): Step => peek(check, 'the tail', TAIL, 4, n),
  status = (check: string, i: number, n = 0): Step => peek(check, `status of descriptor ${i}`, RING + 16 * i + 12, 1, n);

function cardWorlds(size: number, each: number): World[] {
  const last = size - 1;
  return [
    cardWorld('a card', size, each, (card) => [
      peek('card', 'address of the first buffer', RING, 8, BUFFERS), peek('card', 'of the last', RING + 16 * last, 8,
        BUFFERS + last * each), status('card', 0), peek('card', 'the head', HEAD, 4, 0), tail('card', last),
        receive('card', 'nothing has come'),
      ...card(0, 100, DONE | END), receive('card', 'a frame in one buffer', 0, 1, 100), status('card', 0, 3), tail('card', last), release,
        status('card', 0), tail('card', 0), receive('card', 'nothing more'),
      ...card(1, 60, DONE | END), ...card(2, 61, DONE | END), receive('card', 'two frames: the first', 1, 1, 60), release,
        tail('card', 1), receive('card', 'the second', 2, 1, 61), release, tail('card', 2), status('card', 2), status('card', 1),
    ]),
    cardWorld('frames in many buffers', size, each, (card) => [
      ...card(0, each, DONE), receive('collect', 'a beginning'), ...card(1, each, DONE), receive('collect', 'a middle'),
        tail('collect', last), ...card(2, 17, DONE | END), receive('collect', 'its end', 0, 3, 2 * each + 17), release,
        tail('collect', 2), status('collect', 0), status('collect', 1),
      ...card(3, each, DONE), ...card(4, 1, DONE | END), ...card(5, 64, DONE | END), receive('collect', 'two buffers', 3, 2, each + 1),
        release, receive('collect', 'and one', 5, 1, 64), release, tail('collect', 5),
      ...Array.from({ length: size - 7 }, (_, i) => [...card(6 + i, 9, DONE | END), receive('collect', 'one more', 6 + i, 1, 9),
        release]).flat(), ...card(last, each, DONE), ...card(0, 33, DONE | END), receive('collect', 'a frame around the end of the ring',
        last, 2, each + 33), release, tail('collect', 0), status('collect', last),
    ]),
    cardWorld('errors', size, each, (card) => [
      ...card(0, 80, DONE | END, 1), receive('errors', 'a bad frame'), status('errors', 0), tail('errors', 0),
        peek('errors', 'errors of descriptor 0', RING + 13, 1, 0), ...card(1, 70, DONE | END), receive('errors', 'a good one after it', 1,
        1, 70), release, tail('errors', 1),
      ...card(2, each, DONE, 4), receive('errors', 'a bad beginning'), ...card(3, 20, DONE | END), ...card(4, 71, DONE | END),
        receive('errors', 'a good one behind it, in the same call', 4, 1, 71), release, tail('errors', 4), status('errors', 2),
        status('errors', 3),
      ...card(5, each, DONE), ...card(6, 20, DONE | END, 2), receive('errors', 'a bad end'), tail('errors', 6), status('errors', 5),
        ...card(7, 72, DONE | END), receive('errors', 'the next', 7, 1, 72), release, tail('errors', 7),
    ]),
  ];
}

const lab: Lab = {
  number: 16, name: '16-virtio-ring', title: 'A ring from both sides', hours: [4, 6], language: 'c', files: ['ring.c'],
  checks: [
    { id: 'add', points: 15, title: 'the driver makes pieces available',
      mistake: 'descriptors from the front of the free list, linked with NEXT; the head into ring[idx % size]; idx last' },
    { id: 'full', points: 5, title: 'what does not fit changes nothing',
      mistake: 'ask for the number of free descriptors before you touch any' },
    { id: 'done', points: 10, title: 'the driver takes back what was used',
      mistake: 'the whole chain goes to the front of the free list: follow NEXT to its last, which then leads to what was first' },
    { id: 'broken', points: 5, title: 'a device that answers rubbish harms nobody',
      mistake: 'compare the number with the size before it is an index; the element counts as seen' },
    { id: 'take', points: 10, title: 'the device takes chains in order',
      mistake: 'follow NEXT, and tell address, length and WRITE of each; seen counts chains' },
    { id: 'give', points: 10, title: 'the device gives them back, in any order',
      mistake: 'element at used.idx % size, then idx; the answer is 0 when the driver has set NO_INTERRUPT' },
    { id: 'hostile', points: 10, title: 'a driver that lies harms nobody',
      mistake: 'head and every next are below the size, a chain has at most size pieces and at most as many as there is room for, '
        + 'what is written comes after what is read; the chain counts as seen' },
    { id: 'turns', points: 10, title: 'rings go round', mistake: 'indices count on for ever; the place is the index modulo the size' },
    { id: 'both', points: 5, title: 'both sides understand each other',
      mistake: 'what one writes the other reads: the same places, the same order' },
    { id: 'card', points: 10, title: 'a card puts frames into buffers',
      mistake: 'status says DONE; a released descriptor has status 0, and the tail is the last one that was given back' },
    { id: 'collect', points: 5, title: 'a frame may take many buffers',
      mistake: 'a frame ends with END; until then the state is COLLECT, also between two calls' },
    { id: 'errors', points: 5, title: 'a bad frame is thrown away as a whole',
      mistake: 'DISCARD until END, then all its buffers are given back, and the next frame is looked for' },
  ],
  variant: (random) => ({ size: 8 * random.between(1, 2), each: 256 * random.between(4, 8) }),
  worlds: (variant, random) => {
    const size = Number(variant['size']), each = Number(variant['each']), piece = (): Piece => [random.between(1, 2 ** 30) * 16,
      random.between(1, 60_000), random.between(0, 1)];
    return [...driverWorlds(size, piece), ...deviceWorlds(size, piece), both(size, piece, random), ...cardWorlds(size, each)];
  },
};
export default lab;
