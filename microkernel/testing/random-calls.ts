/** Random system calls, half of them valid, to fuzz the kernel through its interface. */
import { IpcFlag, Item, Ops, U, capPage, memoryPage, type Operation } from '../abi/index.ts';
import { entryOf, type Syscalls, type ThreadBody } from '../../binding/index.ts';

/** A small generator of its own (xorshift32), so that a seed says everything. */
export class Random {
  #state: number;
  constructor(seed: number) { this.#state = (seed * 2654435761) | 1; }
  /** 0 … n-1. */
  below(n: number): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return (this.#state >>> 0) % n;
  }
  pick<T>(list: readonly T[]): T { return list[this.below(list.length)]; }
  chance(percent: number): boolean { return this.below(100) < percent; }
}

type Group = keyof typeof Ops;
interface Choice { readonly group: Group; readonly name: string; readonly op: Operation }
const ALL: readonly Choice[] = (Object.keys(Ops) as Group[]).flatMap(group =>
  Object.entries(Ops[group]).map(([name, op]) => ({ group, name, op: op as Operation })));
/** Operations that make and connect objects, more often than those that end them. */
const MAKING = ALL.filter(c => /create|map|start|bind|setEvents|keepReply|down|up/.test(c.name) && c.name !== 'unmap');

/** What the thread believes to have, by kind: the selectors of what it was given and has made. */
type Known = Record<string, number[]>;

const FLAGS = [IpcFlag.send, IpcFlag.receive, 7, 7, 7, 7, IpcFlag.reply, IpcFlag.reply | IpcFlag.receive, 3] as const;
const TIMES = [0, 0, 1000, 20_000, 300_000] as const;

/** What selectors, addresses and flexpages are drawn from. */
const SELECTORS = 48, MEMORY = 0x8000_0000;
const selector = (r: Random): number => r.chance(70) ? r.below(12) : r.below(SELECTORS);
const address = (random: Random): number =>
  random.chance(60)
    ? MEMORY + random.below(16) * 0x20_0000 + (random.chance(50) ? 0 : random.below(8) * 4096)
    : random.pick([-4096, -(2 ** 38), -0x20_0000, 0, 0x1000, 0x4000_0000, 0x4000_3000, 0x3f_ffff_f000, random.below(2 ** 31)]);
function flexpage(random: Random): number {
  if (random.chance(40)) return capPage(selector(random), random.chance(70) ? 0 : random.below(6), random.below(8));
  const order = random.pick([12, 12, 12, 13, 15, 21, 21, 22, 30, 38, 64]), at = address(random);
  return memoryPage(order === 64 ? 0 : random.chance(90) ? Math.floor(at / 2 ** order) * 2 ** order : at, order, random.below(8));
}
function word(random: Random): number {
  switch (random.below(6)) {
    case 0: return selector(random);
    case 1: return address(random);
    case 2: return flexpage(random);
    case 3: return random.pick([-1, 2 ** 53, 1e6, 2 ** 31, 4096 * random.below(64)]);
    default: return random.below(8);
  }
}

function fillItems(sys: Syscalls, r: Random, n: number): void {
  for (let i = 0; i < n; i++) sys.utcb.setItem(i, flexpage(r), word(r), r.pick([0, 0, 0, Item.grant]));
}
const oneOf = (r: Random, list: readonly number[] | undefined): number =>
  list && list.length > 0 && r.chance(85) ? r.pick(list) : selector(r);

function operand(random: Random, known: Known, name: string): number | undefined {
  switch (name) {
    case 'sel': return random.below(SELECTORS);
    case 'context': return oneOf(random, known.schedContext);
    case 'thread': case 'portal': case 'task': return oneOf(random, known[name]);
    case 'source': return random.chance(50) ? 0 : oneOf(random, known.task);
    case 'selector': return selector(random);
    case 'flexpage': return flexpage(random);
    case 'dest': case 'address': return random.chance(60) ? address(random) : selector(random);
    case 'quota': return random.below(100_000);
    case 'priority': return random.below(240);
    case 'harts': return random.pick([0, 0, 1, 3]);
    case 'budget': return random.pick([0, 0, 10_000, 100_000]);
    case 'period': return random.pick([0, 0, 200_000, 1_000_000]);
    case 'flags': return random.pick([4, 4, 1, 0, random.below(9)]);
    case 'utcb': return 0;
    case 'kind': return random.below(5);
    case 'hart': return random.below(3);
    default: return undefined;
  }
}

/** Puts a random operation into the UTCB, with operands of about the right kind; returns the operation. */
export function fillOperation(sys: Syscalls, random: Random, known: Known): Choice {
  const utcb = sys.utcb, choice = random.chance(80) ? random.pick(MAKING) : random.pick(ALL), operands = choice.op.in;
  for (let i = 0; i < 5; i++) utcb.setWord(i, word(random));
  operands.forEach((name, i) => {
    const value = operand(random, known, name);
    if (value !== undefined) utcb.setWord(i, value);
  });
  utcb.setTag(choice.op.label, operands.length, 0);
  return choice;
}
/** … or a message with items. */
function fillMessage(sys: Syscalls, random: Random): void {
  const items = random.chance(40) ? random.below(4) : 0;
  for (let i = 0; i < 3; i++) sys.utcb.setWord(i, word(random));
  fillItems(sys, random, items);
  sys.utcb.setTag(random.below(4), random.below(80), items);
  sys.utcb.mtd = random.below(8192);
  sys.utcb.setNum(U.visit, random.chance(50) ? 0 : selector(random));
}

/** A thread that makes `calls` random system calls and ends; threads that it creates do the same with fewer. */
export function randomBody(seed: number, calls: number): ThreadBody {
  return function* (sys) {
    const random = new Random(seed),
      known: Known = { task: [1], thread: [2], factory: [3], schedContext: [4], portal: [5, 6, 7, 8], semaphore: [9] };
    for (let i = 0; i < calls; i++) {
      sys.utcb.window = random.chance(50) ? 0 : flexpage(random);
      sys.utcb.capWindow = random.chance(50) ? capPage(0, 6) : 0;
      if (random.chance(10)) for (let n = random.below(12); n > 0; n--) { // a server for a while
        fillMessage(sys, random);
        yield sys.ipc(IpcFlag.reply | IpcFlag.receive, 0, 0, 400_000);
      } else if (random.chance(40)) {
        fillMessage(sys, random);
        yield sys.ipc(random.pick(FLAGS), random.chance(60) ? oneOf(random, known.portal) : 0, random.pick(TIMES), random.pick(TIMES));
      } else {
        const { group, name } = fillOperation(sys, random, known), where = sys.utcb.word(0);
        const request = sys.ipc(7, oneOf(random, known[group]), random.pick(TIMES), random.pick(TIMES));
        const born = random.chance(80) && name === 'createThread' && calls > 10;
        request.body = born ? entryOf(randomBody(seed * 31 + i, calls >> 2)) : undefined;
        if ((yield request) === 0 && name.startsWith('create')) (known[name.charAt(6).toLowerCase() + name.slice(7)] ??= []).push(where);
      }
      if (random.chance(5)) sys.charge(random.below(50_000));
      if (random.chance(5)) touch(sys, random);
    }
  };
}

/** Reads and writes memory somewhere; faults are caught, but now and then. */
function touch(sys: Syscalls, random: Random): void {
  const at = address(random);
  if (random.chance(2)) return sys.memory.setU32(at, 1);
  try { sys.memory.setU32(at, sys.memory.u32(at) + 1); } catch { /* not mapped */ }
}
