/** Grader of lab 14: guests with their own page tables; a puppet makes each access, and the driver checks the real tables after it. */
import { ask, type Env, type Program, type Sys, type Syscalls } from '../../index.ts';
import { Cause, type Operation } from '../../microkernel/abi/index.ts';
import { hex, program, same, type Lab, type Say, type World } from '../grading/lab.ts';
import { Act, act, isStopped, makePuppet, rightsAt, type Puppet } from '../grading/puppet.ts';
import type { Random } from '../grading/random.ts';

const op = (label: number): Operation => ({ label, in: [], out: [], doc: '' }), PAGE = 4096, PATIENCE = 5e6;
const STORE = op(0x2e00), LOAD = op(0x2e01), ROOT = op(0x2e02), FENCE = op(0x2e03), LAST = op(0x2e04);
const V = 1, R = 2, W = 4, X = 8, U = 16, A = 64, D = 128, RET = 0x8082;

/**
 * A step. poke, peek: the guest's memory; root, fence; load, store, fetch: an access of a fresh or the same puppet; `faults`: the cause
 * that LAST then returns, while the guest is stopped; rights: of a page in the real table.
 */
type Step = { readonly check: string; readonly guest?: number } & (
  | { readonly poke: number; readonly value: bigint } | { readonly peek: number; readonly expected: bigint } | { readonly root: number }
    | { readonly fence: number }
  | { readonly load: number; readonly expected?: bigint; readonly faults?: number }
    | { readonly store: number; readonly value: bigint; readonly faults?: number }
  | { readonly fetch: number; readonly faults?: number } | { readonly rights: number; readonly expected: number });
interface Got { readonly value?: bigint | number; readonly stopped?: boolean; readonly last?: readonly number[] }

function* access(sys: Syscalls, env: Env, puppet: Puppet, cap: number, step: Step): Sys<Got> {
  const value = 'load' in step ? yield* act(sys, env, puppet, Act.load, step.load, 0n, PATIENCE)
    : 'store' in step ? yield* act(sys, env, puppet, Act.store, step.store, step.value, PATIENCE) : 'fetch' in step
      ? yield* act(sys, env, puppet, Act.fetch, step.fetch, 0n, PATIENCE) : 0n;
  const stopped = yield* isStopped(sys, puppet), status = yield* ask(sys, cap, LAST);
  return { value, stopped, last: status === 0 ? [sys.utcb.word(0), sys.utcb.word(1)] : [] };
}

const driver = (steps: readonly Step[], got: Got[]): Program => program('driver', function* (sys, env: Env) {
  const puppets: (Puppet | undefined)[] = [];
  let badge = 0;
  for (const step of steps) {
    const n = step.guest ?? 0, cap = env.cap(`guest${n}`);
    if ('poke' in step) { yield* ask(sys, cap, STORE, [step.poke, Number(step.value)]); got.push({}); continue; }
    if ('root' in step) { yield* ask(sys, cap, ROOT, [step.root]); got.push({}); continue; }
    if ('fence' in step) { yield* ask(sys, cap, FENCE, [step.fence]); got.push({}); continue; }
    if ('peek' in step) {
      const status = yield* ask(sys, cap, LOAD, [step.peek]);
      got.push(status === 0 ? { value: sys.utcb.bigWord(0) } : {});
      continue;
    }
    const puppet = puppets[n] ??= yield* makePuppet(sys, env, ++badge, { name: `guest${n}`, events: { [Cause.pageFault]: cap } }, PATIENCE);
    if ('rights' in step) { got.push({ value: yield* rightsAt(sys, puppet, step.rights) }); continue; }
    const result = yield* access(sys, env, puppet, cap, step);
    got.push(result);
    // A puppet that has stopped, or does not return, cannot be used again.
    if (result.value === undefined) puppets[n] = undefined;
  }
});

const named = (s: Step): string => ('load' in s
  ? `load at ${hex(s.load)}` : 'store' in s ? `store at ${hex(s.store)}` : 'fetch' in s ? `fetch at ${hex(s.fetch)}` : '');

function judge(say: Say, step: Step, i: number, answer: Got | undefined, why: string): void {
  const { check } = step, at = `step ${i + 1}, `;
  if ('peek' in step) return same(say, check,
    `${at}the guest's memory at ${hex(step.peek)}`, hex(step.expected), answer?.value === undefined ? `nothing (${why})`
      : hex(answer.value));
  const shown = 'rights' in step ? `${at}rights of ${hex(step.rights)} in the shadow (1 read, 2 write, 4 execute)` : '';
  if ('rights' in step) return same(say, check, shown, step.expected, answer?.value ?? `nothing (${why})`);
  if (!('load' in step || 'store' in step || 'fetch' in step)) return;
  const address = 'load' in step ? step.load : 'store' in step ? step.store : step.fetch, what = at + named(step),
    last = answer?.last?.join();
  if (step.faults !== undefined) {
    const stands = answer === undefined ? why : answer.value === undefined ? 'it did not come back, and is not stopped' : 'it went on';
    say(check, answer?.stopped === true, `${what}: the guest's own fault, it stands still`, stands);
    return same(say, check, `${what}: LAST tells cause ${step.faults} and the address`, `${step.faults},${address}`, last ?? why);
  }
  say(check, answer?.value !== undefined, `${what}: the guest goes on`, answer ? `it does not; LAST tells ${last}` : why);
  if ('load' in step && step.expected !== undefined && answer?.value !== undefined) same(say, check,
    `${what}: the value`, hex(step.expected), hex(answer.value));
}

function world(pages: number, name: string, steps: readonly Step[]): World {
  const got: Got[] = [], guests = Math.max(...steps.map((s) => s.guest ?? 0)) + 1;
  return {
    name,
    components: (submission) => ({
      shadow: { program: submission.program('shadow.ts'), args: { pages }, provides: ['shadow'], memory: '4M' },
      driver: { program: driver(steps, got), caps: Object.fromEntries(Array.from({ length: guests },
        (_, g) => [`guest${g}`, { from: 'shadow', label: `guest${g}` }])), kernelMemory: '4M' },
    }),
    judge: (seen, say) => {
      const why = seen.end('shadow').why || seen.why || 'it was not reached';
      steps.forEach((s, i) => judge(say, s, i, got[i], why));
    },
  };
}

/** Tables of a guest: root in page 1, one table for each level in 2 and 3; data in pages from 8 on. */
function worlds({ base, pages }: { base: number; pages: number }, random: Random): World[] {
  const word = (): bigint => BigInt(random.between(1, 2 ** 30)), [first, second, third] = [word(), word(), word()] as [bigint, bigint,
    bigint];
  const poke = (at: number, value: bigint | number): Step => ({ check: '', poke: at, value: BigInt(value) }),
    pte = (page: number, bits: number): number => page * 1024 + bits;
  const slot = (va: number, level: number): number => 8 * (Math.floor(va / 2 ** (12 + 9 * level)) % 512),
    leaf = (va: number): number => 3 * PAGE + slot(va, 0);
  const tables = [poke(PAGE + slot(base, 2), pte(2, V)), poke(2 * PAGE + slot(base, 1), pte(3, V)), { check: '', root: PAGE }] as const;
  const map = (va: number, page: number, bits: number): Step => poke(leaf(va), pte(page, bits)),
    load = (check: string, at: number, expected: bigint): Step => ({ check, load: at, expected });
  const fails = (check: string, at: number, faults: number): Step => (faults === 15 || faults === 7
    ? { check, store: at, value: 1n, faults } : faults === 12 || faults === 1 ? { check, fetch: at, faults } : { check, load: at, faults });
  const store = (check: string, at: number, value: bigint): Step => ({ check, store: at, value }),
    rights = (check: string, at: number, expected: number): Step => ({ check, rights: at, expected }),
      peek = (check: string, at: number, expected: bigint | number): Step => ({ check, peek: at, expected: BigInt(expected) });
  const [after, beyond] = [base + PAGE, base + 2 * PAGE], big = base + 2 ** 21, all = V | R | W | X | U;
  return [
    world(pages, 'pages', [
      ...tables, poke(8 * PAGE, first), poke(8 * PAGE + 8, second), poke(9 * PAGE + 4088, third), map(base, 8, all), map(after, 9, all),
      load('walk', base, first), load('walk', base + 8, second), load('walk', after + 4088, third), rights('lazy', beyond, 0),
      store('walk', base + 16, third), peek('walk', 8 * PAGE + 16, third), map(beyond, 8, all), load('walk', beyond + 16, third),
      store('walk', beyond, second), load('walk', base, second),
    ]),
    world(pages, 'large pages', [
      ...tables, poke(2 * PAGE + slot(big, 1), pte(0, all)), poke(10 * PAGE, first), poke((pages - 1) * PAGE + 8, second),
      load('large', big + 10 * PAGE, first), rights('large', big + 9 * PAGE, 0), load('large', big + (pages - 1) * PAGE + 8, second),
      store('large', big + 11 * PAGE, third), peek('large', 11 * PAGE, third), poke(2 * PAGE + slot(big + 2 ** 21, 1), pte(1, all)),
      fails('large', big + 2 ** 21, 13), fails('large', big + pages * PAGE, 5),
    ]),
    world(pages, 'rights', [
      ...tables, poke(8 * PAGE, first), poke(9 * PAGE, BigInt(RET)), map(base, 8, V | R | U), map(after, 9, V | X | U),
      map(beyond, 8, V | R | W | U), load('rights', base, first), rights('rights', base, 1), fails('rights', base, 15),
      fails('rights', base, 12), { check: 'rights', fetch: after }, rights('rights', after, 4), fails('rights', after, 13),
      fails('rights', after, 15), store('rights', beyond, second), rights('rights', beyond, 3), fails('rights', beyond, 12),
      load('rights', base, second),
    ]),
    world(pages, 'faults of the guest itself', [
      ...tables, fails('faults', base, 13), fails('faults', beyond, 15), fails('faults', base + 2 ** 21, 13),
      fails('faults', base + 2 ** 30, 12), map(base, 8, R | W | U), fails('faults', base, 13), map(base, 8, V | R | W),
      fails('faults', base, 13), map(base, 8, V | W | U), fails('faults', base, 15), map(base, pages, all), fails('faults', base, 5),
      map(after, pages + 7, all), fails('faults', after, 7), map(beyond, pages, all), fails('faults', beyond, 1), map(base, 8, all),
      load('faults', base, 0n), poke(3 * PAGE, pte(3, V)), map(after, 3, V), fails('faults', after, 13),
    ]),
    world(pages, 'accessed and dirty', [
      ...tables, map(base, 8, all), map(after, 9, all), map(beyond, 10, V | R | U), peek('dirty', leaf(base), pte(8, all)),
      load('dirty', base, 0n), peek('dirty', leaf(base), pte(8, all | A)), rights('dirty', base, 5), store('dirty', base, first),
      peek('dirty', leaf(base), pte(8, all | A | D)), rights('dirty', base, 7), load('dirty', base, first), store('dirty', after, second),
      peek('dirty', leaf(after), pte(9, all | A | D)), load('dirty', beyond, 0n), peek('dirty', leaf(beyond), pte(10, V | R | U | A)),
      fails('dirty', beyond, 15), peek('dirty', leaf(beyond), pte(10, V | R | U | A)),
    ]),
    world(pages, 'fences and other tables', [
      ...tables, poke(8 * PAGE, first), poke(9 * PAGE, second), poke(10 * PAGE, third), map(base, 8, all), map(after, 9, all),
      load('fence', base, first), load('fence', after, second), map(base, 10, all), load('fence', base, first),
      { check: '', fence: base + 8 }, rights('fence', base, 0), rights('fence', after, 5), load('fence', base, third),
      map(base, 9, V | R | U), map(after, 8, V | R | U), { check: '', fence: 0 }, rights('fence', base, 0), rights('fence', after, 0),
      load('fence', base, second), load('fence', after, first), poke(4 * PAGE + slot(base, 2), pte(5, V)),
      poke(5 * PAGE + slot(base, 1), pte(6, V)), poke(6 * PAGE + slot(base, 0), pte(10, all)), { check: '', root: 4 * PAGE },
      rights('root', base, 0), load('root', base, third), fails('root', after, 13), { check: '', root: PAGE }, load('root', base, second),
      load('root', after, first),
    ]),
    world(pages, 'two guests', [
      ...tables, ...tables.map((s) => ({ ...s, guest: 1 })), poke(8 * PAGE, first), { ...poke(8 * PAGE, second), guest: 1 }, map(base, 8,
        all),
        { ...map(base, 8, all), guest: 1 }, load('apart', base, first), { ...load('apart', base, second), guest: 1 },
          { check: '', fence: 0 },
          rights('apart', base, 0), { ...rights('apart', base, 5), guest: 1 }, { ...fails('apart', after, 13), guest: 1 },
            load('apart', base, first),
    ]),
  ];
}

const lab: Lab = {
  number: 14, name: '14-shadow-fault', title: 'The six steps of a shadow fault', hours: [4, 6], language: 'typescript',
    files: ['shadow.ts'],
  checks: [
    { id: 'walk', points: 20, title: 'the guest reaches its memory through its own table',
      mistake: 'three levels of nine bits; an entry without R and X leads to the next table; '
        + 'the frame is the one of that page of the guest' },
    { id: 'lazy', points: 5, title: 'only what was touched is in the shadow', mistake: 'map the one page of the fault' },
    { id: 'large', points: 10, title: 'large pages work, and are whole',
      mistake: 'a leaf at level 1 covers 512 pages and begins at a multiple of 512; only the page of the fault is mapped' },
    { id: 'rights', points: 15, title: 'what the guest forbids is forbidden',
      mistake: 'R, W, X of the entry, each by itself; and U must be set' },
    { id: 'faults', points: 15, title: 'faults that are the guest\'s own are left to it',
      mistake: 'no entry, W without R, not U, not allowed: the cause of the fault; memory that there is not: 1, 5 or 7. '
        + 'LAST tells it, and the guest stands still' },
    { id: 'dirty', points: 15, title: 'A and D are set in the guest\'s table, when they are due',
      mistake: 'map a page for writing only when D is set, so that the first store faults' },
    { id: 'fence', points: 10, title: 'after a fence the table is read again, and before it need not be',
      mistake: 'unmap what is in the shadow; of one page or all. Your own mapping of the frame stays (last word 0)' },
    { id: 'root', points: 5, title: 'another root is another address space', mistake: 'the whole shadow goes' },
    { id: 'apart', points: 5, title: 'each guest has its own', mistake: 'memory, root and shadow belong to the session' },
  ],
  variant: (random) => ({ base: 0x4000_0000 + random.between(0, 200) * 2 ** 22, pages: random.between(20, 60) }),
  worlds: (variant, random) => worlds(variant as unknown as { base: number; pages: number }, random),
};
export default lab;
