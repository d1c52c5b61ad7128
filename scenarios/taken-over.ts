/** A compromised component: it writes wherever it can, and sends every server every kind of request. */
import { IpcFlag, MemoryFault, Ops, Own, capPage, memoryPage, wholeSpace, type Sys } from '../microkernel/abi/index.ts';
import type { Syscalls } from '../binding/index.ts';
import { Protocol, allocate, log, valueOf, type Env, type Program } from '../roottask/client/index.ts';

const LABELS = Object.values(Protocol).flatMap((group) => Object.values(group).map((row) => row.label));
/** Calls that end the component are left out, because they would end the attack. */
const LAST_WORDS: readonly number[] = [Protocol.life.exit.label, Protocol.life.crash.label];
const OPERATIONS = Object.values(Ops).flatMap((group) => Object.values(group).map((op) => op.label));
const VALUES = [0, 1, 2, 7, 64, 4095, 4096, 65536, 2 ** 20, 2 ** 31, 2 ** 32, 2 ** 40, 2 ** 52, -1, -4096];
/** Names under which scenarios give capabilities: it mostly uses those that it holds. */
const NAMES = ['memory', 'log', 'names', 'rom', 'io', 'life', 'stdio', 'stderr', 'console', 'mail', 'signer'];
const SELECTORS = 512, PATIENCE = 100_000, REST = 500_000;

/** xorshift32: the same attack in every run. */
function random(seed: number): (below: number) => number {
  let x = seed | 1;
  return (below) => { x ^= x << 13; x ^= x >>> 17; x ^= x << 5; return Math.floor((x >>> 0) / 2 ** 32 * below); };
}

/** `args`: seed, tries, labels (of requests that only this scenario has). */
export const takenOver: Program = {
  name: 'taken-over',
  *main(sys, env) {
    const draw = random(Number(env.args['seed'] ?? 1)), stores = yield* write(sys, env), tries = Number(env.args['tries'] ?? 2000);
    const known = (env.args['labels'] ?? []) as readonly number[], labels = [...LABELS, ...Array.from({ length: 10 }, () => known).flat()];
    const held = NAMES.filter((name) => env.hasCap(name)).map((name) => env.cap(name));
    let answered = 0;
    for (let i = 0; i < tries; i++) {
      if ((yield* attack(sys, draw, labels, held)) === 0) answered++;
      if (i % 10 === 0) yield* sys.receive(0, REST); // so that there is always a capability to attack
    }
    yield* log(sys, env, `\n${stores.tried} stores all over the address space, ${stores.hit} of them reached memory, all of it its own`);
    yield* log(sys, env, `${tries} messages to whatever there is, ${answered} of them answered`);
  },
};

/** Writes at every power of two and next to it, and into all of its own memory. */
function* write(sys: Syscalls, env: Env): Sys<{ tried: number; hit: number }> {
  const own = valueOf(yield* allocate(sys, env, 1 << 20));
  let tried = 0, hit = 0;
  const store = (va: number): void => {
    tried++;
    try { sys.memory.setU32(va, 0xbad); hit++; } catch (error) { if (!(error instanceof MemoryFault)) throw error; }
  };
  for (let order = 0; order < 52; order++) for (const more of [-8, -4, 0, 4, 4096]) if (2 ** order + more >= 0) store(2 ** order + more);
  for (let va = 0x8000_0000; va < 0x9000_0000; va += 1 << 20) store(va);
  for (let at = 0; at < 1 << 20; at += 4096) store(own + at);
  return { tried, hit };
}

/** One message, with words and items of all kinds, to any selector. */
function* attack(sys: Syscalls, draw: (below: number) => number, labels: readonly number[], held: readonly number[]): Sys<number> {
  const utcb = sys.utcb, all = draw(2) ? labels : OPERATIONS, label = all[draw(all.length)]!, words = draw(6), items = draw(3);
  const selector = draw(3) ? held[draw(held.length)]! : draw(SELECTORS);
  if (LAST_WORDS.includes(label) || isSuicide(label, selector)) return -1;
  for (let i = 0; i < words; i++) utcb.setWord(i, draw(3) ? VALUES[draw(VALUES.length)]! : draw(300));
  for (let i = 0; i < items; i++) {
    const page = draw(2) ? memoryPage(draw(2 ** 20) * 4096, 12 + draw(9), 1 + draw(7)) : capPage(draw(80), 0, 1 + draw(7));
    utcb.setItem(i, page, VALUES[draw(VALUES.length)]!, 0);
  }
  utcb.setTag(label, words, items);
  utcb.window = draw(2) ? wholeSpace() : 0;
  utcb.capWindow = draw(2) ? capPage(2048, 11) : 0;
  return yield sys.ipc(IpcFlag.send | (draw(4) ? IpcFlag.call | IpcFlag.receive : 0), selector, PATIENCE, PATIENCE);
}
/** Leaves out operations that end its own thread or its task's capabilities, because they would end the attack. */
function isSuicide(label: number, selector: number): boolean {
  const own: readonly number[] = [Own.task, Own.thread, Own.schedContext];
  return own.includes(selector) && (label === Ops.thread.kill.label || label === Ops.thread.recall.label
    || label === Ops.thread.bind.label || label === Ops.task.unmap.label || label === Ops.task.delete.label
    || label === Ops.schedContext.set.label);
}
