/**
 * Grader of lab 7: processes that fork, load and store one access at a time; the driver checks the values they read and the mappings of
 * their pages.
 */
import { ask, statusName, type Env, type Program } from '../../index.ts';
import { Cause, Right, Status, type Operation } from '../../microkernel/abi/index.ts';
import { program, type Lab, type World } from '../grading/lab.ts';
import { Act, act, isStopped, makePuppet, rightsAt, type Puppet } from '../grading/puppet.ts';
import type { Random } from '../grading/random.ts';

const PAGE = 4096, op = (label: number): Operation => ({ label, in: [], out: [], doc: '' }), FORK = op(0x2300), COUNTS = op(0x2301),
  END = op(0x2302), OTHER = op(0x23ff);
interface Layout { readonly base: number; readonly pages: number }

type Step = { readonly check: string; readonly p: number } & (
  | {
    readonly do: 'load' | 'store' | 'fetch'; readonly page: number; readonly offset?: number; readonly value?: bigint;
    readonly stops?: boolean
  }
  | { readonly do: 'fork'; readonly from: number; readonly status?: number }
  | { readonly do: 'end' | 'counts' | 'other' }
  | { readonly do: 'rights'; readonly page: number });
interface Got {
  readonly value?: bigint;
  readonly status?: number;
  readonly words?: readonly number[];
  readonly rights?: number;
  readonly stopped?: boolean
}

const driver = (place: Layout, steps: readonly Step[], count: number, got: Got[]): Program => program('driver', function* (sys, env: Env) {
  const puppets: Puppet[] = [];
  const puppet = function* (p: number) {
    return puppets[p] ??= yield* makePuppet(sys, env, p, { name: `process${p}`, events: { [Cause.pageFault]: env.cap(`process${p}`) } },
      5e6);
  };
  void count;
  for (const s of steps) {
    const address = 'page' in s ? place.base + s.page * PAGE + ('offset' in s ? s.offset ?? 0 : 0) : 0, cap = env.cap(`process${s.p}`);
    switch (s.do) {
      case 'load': case 'store': case 'fetch': {
        const p = yield* puppet(s.p), value = yield* act(sys, env, p, Act[s.do], address, s.value ?? 0n);
        got.push({ value, stopped: value === undefined ? yield* isStopped(sys, p) : false });
        break;
      }
      case 'rights': got.push({ rights: yield* rightsAt(sys, yield* puppet(s.p), address) }); break;
      case 'fork': got.push({ status: yield* ask(sys, cap, FORK, [s.from]) }); break;
      case 'end': got.push({ status: yield* ask(sys, cap, END) }); break;
      case 'other': got.push({ status: yield* ask(sys, cap, OTHER) }); break;
      case 'counts': {
        const status = yield* ask(sys, cap, COUNTS);
        got.push({ status, words: [sys.utcb.word(0), sys.utcb.word(1)] });
        break;
      }
    }
  }
});

interface Frame { readonly words: Map<number, bigint>; users: number }
/** The expected result of each step. Rights: only that shared pages are not writable. */
class Model {
  private readonly spaces = new Map<number, Map<number, Frame>>();
  private copies = 0;
  private readonly place: Layout;
  constructor(place: Layout) { this.place = place; }
  private space(p: number): Map<number, Frame> {
    const s = this.spaces.get(p) ?? new Map<number, Frame>();
    this.spaces.set(p, s);
    return s;
  }
  private get used(): number { return new Set([...this.spaces.values()].flatMap((s) => [...s.values()])).size; }

  expect(s: Step): { readonly words: string; readonly right: (g: Got) => boolean } {
    const space = this.space(s.p);
    switch (s.do) {
      case 'load': case 'store': case 'fetch': return this.access(s, space);
      case 'rights': {
        const f = space.get(s.page), shared = f !== undefined && f.users > 1;
        return {
          words: shared ? 'mapped without the right to write, or not mapped' : 'mapped or not',
          right: (g) => !shared || (g.rights! & Right.W) === 0
        };
      }
      case 'fork': {
        const status = s.status ?? 0;
        if (status === 0) for (const [page, f] of this.space(s.from)) { f.users++; space.set(page, f); }
        return { words: statusName(status), right: (g) => g.status === status };
      }
      case 'end': for (const f of space.values()) f.users--; space.clear(); return { words: 'ok', right: (g) => g.status === 0 };
      case 'other': return { words: 'badOp', right: (g) => g.status === Status.badOp };
      case 'counts': {
        const words = `${this.used} frames and ${this.copies} copies`;
        return { words, right: (g) => g.status === 0 && words === `${g.words![0]} frames and ${g.words![1]} copies` };
      }
    }
  }
  private access(s: Step & { page: number; offset?: number; value?: bigint; do: string },
      space: Map<number, Frame>): { words: string; right: (g: Got) => boolean } {
    if (s.page < 0 || s.page >= this.place.pages || s.do === 'fetch')
      return { words: 'it stops', right: (g) => g.value === undefined && g.stopped === true };
    let f = space.get(s.page);
    if (!f) space.set(s.page, (f = { words: new Map(), users: 1 }));
    if (s.do === 'store') {
      if (f.users > 1) { f.users--; this.copies++; space.set(s.page, (f = { words: new Map(f.words), users: 1 })); }
      f.words.set(s.offset ?? 0, s.value!);
    }
    const value = f.words.get(s.offset ?? 0) ?? 0n;
    return { words: s.do === 'store' ? 'it goes on' : `0x${value.toString(16)}`, right: (g) => g.value === value };
  }
}

function told(s: Step): string {
  const who = `process${s.p}: `;
  if (!('page' in s)) return who + (s.do === 'fork' ? `FORK from process${s.from}` : s.do.toUpperCase());
  const offset = 'offset' in s && s.offset ? ` + ${s.offset}` : '';
  const value = 'value' in s && s.value !== undefined ? ` = 0x${s.value.toString(16)}` : '';
  return `${who}${s.do} page ${s.page}${offset}${value}`;
}
const heard = (g: Got): string =>
  (g.words && g.status === 0 ? `${g.words[0]} frames and ${g.words[1]} copies`
    : g.status !== undefined ? statusName(g.status)
    : g.rights !== undefined ? `rights ${g.rights}`
    : g.value !== undefined ? `0x${g.value.toString(16)}`
    : g.stopped ? 'it stops'
    : 'it did not come back');

function world(name: string, place: Layout, steps: readonly Step[], memory = '1M'): World {
  const got: Got[] = [], processes = Math.max(...steps.map((s) => s.p)) + 1;
  return {
    name,
    components: (s) => ({
      cow: {
        program: s.program('cow.ts'), args: place as unknown as Record<string, unknown>, provides: ['memory'], memory, kernelMemory: '2M'
      },
      driver: {
        program: driver(place, steps, processes, got),
        caps: Object.fromEntries(Array.from({ length: processes }, (_, p) => [`process${p}`, { from: 'cow', label: `process${p}` }])),
        kernelMemory: '4M'
      },
    }),
    judge: (seen, say) => {
      const model = new Model(place), why = seen.end('cow').why || (got.length === 0 ? seen.why : '');
      steps.forEach((s, i) => {
        const { words, right } = model.expect(s), g = got[i];
        say(s.check, g !== undefined && right(g), `step ${i + 1}, ${told(s)}: ${words}`,
          (g ? heard(g) : 'nothing') + (why ? ` (${why})` : ''));
      });
    },
  };
}

function worlds(place: Layout, random: Random): World[] {
  const value = (): bigint => BigInt(random.between(1, 0x7fffffff)), page = (): number => random.between(0, place.pages - 1),
    offset = (): number => 8 * random.between(0, 511);
  const [a, b, c] = random.some([...Array(place.pages).keys()], 3) as [number, number, number], o = offset();
  const load = (check: string, p: number, pg: number, off = o): Step => ({ check, p, do: 'load', page: pg, offset: off }),
    store = (check: string, p: number, pg: number, off = o): Step => ({ check, p, do: 'store', page: pg, offset: off, value: value() });
  const fork = (check: string, p: number, from: number, status?: number): Step => ({ check, p, do: 'fork', from, status }),
    counts = (check: string, p = 0): Step => ({ check, p, do: 'counts' }),
    rights = (check: string, p: number, pg: number): Step => ({ check, p, do: 'rights', page: pg });
  const mixed: Step[] = [];
  for (let i = 0, born = 1; i < 60; i++) {
    if (born < 5 && i % 12 === 8) mixed.push(fork('mixed', born++, random.between(0, born - 2)));
    else
      mixed.push(random.next() & 1
        ? store('mixed', random.between(0, born - 1), page(), 8 * random.between(0, 3))
        : load('mixed', random.between(0, born - 1), page(), 8 * random.between(0, 3)));
  }
  const all = Array.from({ length: place.pages }, (_, p) => p);
  return [
    world('memory', place,
      [
        load('memory', 0, a), store('memory', 0, a), load('memory', 0, a), store('memory', 0, b), load('memory', 0, b, offset()),
        counts('memory'), load('memory', 1, a), counts('memory'), store('memory', 1, a), load('memory', 0, a)
      ]),
    world('a child sees what its parent had', place,
      [
        store('inherits', 0, a), store('inherits', 0, b), fork('inherits', 1, 0), load('inherits', 1, a), load('inherits', 1, b),
        load('inherits', 1, c), load('inherits', 0, a)
      ]),
    world('what one writes the other does not see', place,
      [
        store('apart', 0, a), store('apart', 0, b), fork('apart', 1, 0), store('apart', 0, a), load('apart', 1, a), store('apart', 1, b),
        load('apart', 0, b), load('apart', 1, b), load('apart', 0, a), store('apart', 1, a, o ^ 8), load('apart', 1, a),
        load('apart', 0, a, o ^ 8)
      ]),
    world('nothing is copied at once', place,
      [
        ...all.map((p) => store('lazy', 0, p)), counts('lazy'), fork('lazy', 1, 0), counts('lazy'), ...all.map((p) => rights('lazy', 0, p)),
        load('lazy', 1, a), rights('lazy', 1, a), counts('lazy'), store('lazy', 1, b), counts('lazy'), load('lazy', 1, b),
        store('lazy', 1, b), counts('lazy'), rights('lazy', 0, a)
      ]),
    world('who is left needs no copy', place,
      [
        store('last', 0, a), store('last', 0, b), fork('last', 1, 0), store('last', 1, a), counts('last'), store('last', 0, a),
        counts('last'), load('last', 0, a), load('last', 1, a), { check: 'last', p: 1, do: 'end' }, store('last', 0, b), counts('last'),
        load('last', 0, b)
      ]),
    world('grandchildren', place,
      [
        store('family', 0, a), fork('family', 1, 0), fork('family', 2, 1), fork('family', 3, 0), counts('family'), store('family', 1, a),
        counts('family'), load('family', 0, a), load('family', 2, a), load('family', 3, a), store('family', 0, a), load('family', 2, a),
        load('family', 3, a), store('family', 3, a), counts('family'), rights('family', 2, a), store('family', 2, a), counts('family'),
        load('family', 1, a)
      ]),
    world('frames come back', place,
      [
        ...all.flatMap((p) => [store('reuse', 0, p), store('reuse', 0, p, o ^ 16)]), fork('reuse', 1, 0), store('reuse', 1, a),
        counts('reuse'), { check: 'reuse', p: 1, do: 'end' }, counts('reuse'), { check: 'reuse', p: 0, do: 'end' }, counts('reuse'),
        ...all.map((p) => load('reuse', 2, p)), counts('reuse', 2), ...all.map((p) => load('reuse', 2, p, o ^ 16))
      ]),
    world('little memory for many', place,
      [
        ...all.map((p) => store('little', 0, p)), ...Array.from({ length: 9 }, (_, i) => fork('little', i + 1, i)),
        ...Array.from({ length: 9 }, (_, i) => load('little', i + 1, (i * 3) % place.pages)),
        ...Array.from({ length: 9 }, (_, i) => store('little', i + 1, a)), ...Array.from({ length: 10 }, (_, i) => load('little', i, a)),
        counts('little')
      ],
      `${(place.pages + 12) * 4}K`),
    world('what is refused', place,
      [
        store('errors', 0, a), fork('errors', 1, 7, Status.badArgument), fork('errors', 1, 0), load('errors', 1, a),
        fork('errors', 1, 0, Status.busy), fork('errors', 0, 0, Status.busy), { check: 'errors', p: 0, do: 'other' },
        { check: 'errors', p: 0, do: 'load', page: place.pages }, { check: 'errors', p: 1, do: 'store', page: -1, offset: 4088, value: 1n },
        { check: 'errors', p: 2, do: 'fetch', page: 1 }
      ]),
    world('all mixed', place, mixed),
  ];
}

const lab: Lab = {
  number: 7, name: '07-copy-on-write', title: 'Copy-on-write fork', hours: [3, 5], language: 'typescript', files: ['cow.ts'],
  checks: [
    {
      id: 'memory', points: 10, title: 'pages come when they are touched, filled with zeros',
      mistake: 'one fresh frame for each page of each process; COUNTS tells how many frames are in use'
    },
    {
      id: 'inherits', points: 10, title: 'a child sees what its parent had at the fork', mistake: 'the child\'s table names the same frames'
    },
    {
      id: 'apart', points: 15, title: 'after the fork neither sees what the other writes',
      mistake: 'at the fork the right to write goes from what is mapped already (task.unmap with Right.W); a store then faults, and the '
        + 'page is copied'
    },
    {
      id: 'lazy', points: 15, title: 'nothing is copied before somebody writes, and then one page',
      mistake: 'a load of a shared page maps it without Right.W; only a store (cause 15) copies'
    },
    {
      id: 'last', points: 10, title: 'the last user of a frame writes without a copy',
      mistake: 'count the users of each frame; one user: map with Right.RW and that is all'
    },
    { id: 'family', points: 10, title: 'a frame may have many users', mistake: 'each copy takes one user away from the old frame' },
    {
      id: 'reuse', points: 10, title: 'END gives frames back; they come again as zeros',
      mistake: 'unmap a frame when its last user has gone, keep it in a list, fill it with zeros when it goes out again'
    },
    {
      id: 'little', points: 10, title: 'ten processes fit into the memory of one and a bit', mistake: 'forking must not allocate anything'
    },
    {
      id: 'errors', points: 5, title: 'what cannot be is refused',
      mistake: 'no such parent: badArgument; a child that has pages already: busy; another request: badOp; no memory there, or a fetch: '
        + 'Resume.stop'
    },
    {
      id: 'mixed', points: 5, title: 'all of it mixed',
      mistake: 'compare the first step that is wrong with the ones before it that touched the same page'
    },
  ],
  variant: (random) => ({ base: 0x3000_0000 + random.between(1, 500) * 0x10000, pages: random.between(6, 10) }),
  worlds: (variant, random) => worlds(variant as unknown as Layout, random),
};
export default lab;
