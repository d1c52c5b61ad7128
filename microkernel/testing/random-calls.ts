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
const address = (r: Random): number =>
  r.chance(60)
    ? MEMORY + r.below(16) * 0x20_0000 + (r.chance(50) ? 0 : r.below(8) * 4096)
    : r.pick([-4096, -(2 ** 38), -0x20_0000, 0, 0x1000, 0x4000_0000, 0x4000_3000, 0x3f_ffff_f000, r.below(2 ** 31)]);
function flexpage(r: Random): number {
  if (r.chance(40)) return capPage(selector(r), r.chance(70) ? 0 : r.below(6), r.below(8));
  const order = r.pick([12, 12, 12, 13, 15, 21, 21, 22, 30, 38, 64]), at = address(r);
  return memoryPage(order === 64 ? 0 : r.chance(90) ? Math.floor(at / 2 ** order) * 2 ** order : at, order, r.below(8));
}
function word(r: Random): number {
  switch (r.below(6)) {
    case 0: return selector(r);
    case 1: return address(r);
    case 2: return flexpage(r);
    case 3: return r.pick([-1, 2 ** 53, 1e6, 2 ** 31, 4096 * r.below(64)]);
    default: return r.below(8);
  }
}

function fillItems(sys: Syscalls, r: Random, n: number): void {
  for (let i = 0; i < n; i++) sys.utcb.setItem(i, flexpage(r), word(r), r.pick([0, 0, 0, Item.grant]));
}
const oneOf = (r: Random, list: readonly number[] | undefined): number =>
  list && list.length > 0 && r.chance(85) ? r.pick(list) : selector(r);

function operand(r: Random, known: Known, name: string): number | undefined {
  switch (name) {
    case 'sel': return r.below(SELECTORS);
    case 'context': return oneOf(r, known.schedContext);
    case 'thread': case 'portal': case 'task': return oneOf(r, known[name]);
    case 'source': return r.chance(50) ? 0 : oneOf(r, known.task);
    case 'selector': return selector(r);
    case 'flexpage': return flexpage(r);
    case 'dest': case 'address': return r.chance(60) ? address(r) : selector(r);
    case 'quota': return r.below(100_000);
    case 'priority': return r.below(240);
    case 'harts': return r.pick([0, 0, 1, 3]);
    case 'budget': return r.pick([0, 0, 10_000, 100_000]);
    case 'period': return r.pick([0, 0, 200_000, 1_000_000]);
    case 'flags': return r.pick([4, 4, 1, 0, r.below(9)]);
    case 'utcb': return 0;
    case 'kind': return r.below(5);
    case 'hart': return r.below(3);
    default: return undefined;
  }
}

/** Puts a random operation into the UTCB, with operands of about the right kind; returns the operation. */
export function fillOperation(sys: Syscalls, r: Random, known: Known): Choice {
  const u = sys.utcb, choice = r.chance(80) ? r.pick(MAKING) : r.pick(ALL), operands = choice.op.in;
  for (let i = 0; i < 5; i++) u.setWord(i, word(r));
  operands.forEach((name, i) => {
    const v = operand(r, known, name);
    if (v !== undefined) u.setWord(i, v);
  });
  u.setTag(choice.op.label, operands.length, 0);
  return choice;
}
/** … or a message with items. */
function fillMessage(sys: Syscalls, r: Random): void {
  const items = r.chance(40) ? r.below(4) : 0;
  for (let i = 0; i < 3; i++) sys.utcb.setWord(i, word(r));
  fillItems(sys, r, items);
  sys.utcb.setTag(r.below(4), r.below(80), items);
  sys.utcb.mtd = r.below(8192);
  sys.utcb.setNum(U.visit, r.chance(50) ? 0 : selector(r));
}

/** A thread that makes `calls` random system calls and ends; threads that it creates do the same with fewer. */
export function randomBody(seed: number, calls: number): ThreadBody {
  return function* (sys) {
    const r = new Random(seed),
      known: Known = { task: [1], thread: [2], factory: [3], schedContext: [4], portal: [5, 6, 7, 8], semaphore: [9] };
    for (let i = 0; i < calls; i++) {
      sys.utcb.window = r.chance(50) ? 0 : flexpage(r);
      sys.utcb.capWindow = r.chance(50) ? capPage(0, 6) : 0;
      if (r.chance(10)) for (let n = r.below(12); n > 0; n--) { // a server for a while
        fillMessage(sys, r);
        yield sys.ipc(IpcFlag.reply | IpcFlag.receive, 0, 0, 400_000);
      } else if (r.chance(40)) {
        fillMessage(sys, r);
        yield sys.ipc(r.pick(FLAGS), r.chance(60) ? oneOf(r, known.portal) : 0, r.pick(TIMES), r.pick(TIMES));
      } else {
        const { group, name } = fillOperation(sys, r, known), where = sys.utcb.word(0);
        const request = sys.ipc(7, oneOf(r, known[group]), r.pick(TIMES), r.pick(TIMES));
        request.body = r.chance(80) && name === 'createThread' && calls > 10 ? entryOf(randomBody(seed * 31 + i, calls >> 2)) : undefined;
        if ((yield request) === 0 && name.startsWith('create')) (known[name.charAt(6).toLowerCase() + name.slice(7)] ??= []).push(where);
      }
      if (r.chance(5)) sys.charge(r.below(50_000));
      if (r.chance(5)) touch(sys, r);
    }
  };
}

/** Reads and writes memory somewhere; faults are caught, but now and then. */
function touch(sys: Syscalls, r: Random): void {
  const at = address(r);
  if (r.chance(2)) return sys.memory.setU32(at, 1);
  try { sys.memory.setU32(at, sys.memory.u32(at) + 1); } catch { /* not mapped */ }
}
