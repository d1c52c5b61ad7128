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
  const puppet = function* (index: number) {
    const name = `process${index}`, events = { [Cause.pageFault]: env.cap(name) };
    return puppets[index] ??= yield* makePuppet(sys, env, index, { name, events }, 5e6);
  };
  void count;
  for (const step of steps) {
    const address = 'page' in step ? place.base + step.page * PAGE + ('offset' in step ? step.offset ?? 0 : 0) : 0,
      cap = env.cap(`process${step.p}`);
    switch (step.do) {
      case 'load': case 'store': case 'fetch': {
        const process = yield* puppet(step.p), value = yield* act(sys, env, process, Act[step.do], address, step.value ?? 0n);
        got.push({ value, stopped: value === undefined ? yield* isStopped(sys, process) : false });
        break;
      }
      case 'rights': got.push({ rights: yield* rightsAt(sys, yield* puppet(step.p), address) }); break;
      case 'fork': got.push({ status: yield* ask(sys, cap, FORK, [step.from]) }); break;
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
  private space(puppet: number): Map<number, Frame> {
    const space = this.spaces.get(puppet) ?? new Map<number, Frame>();
    this.spaces.set(puppet, space);
    return space;
  }
  private get used(): number { return new Set([...this.spaces.values()].flatMap((s) => [...s.values()])).size; }

  expect(step: Step): { readonly words: string; readonly right: (got: Got) => boolean } {
    const space = this.space(step.p);
    switch (step.do) {
      case 'load': case 'store': case 'fetch': return this.access(step, space);
      case 'rights': {
        const frame = space.get(step.page), shared = frame !== undefined && frame.users > 1;
        return {
          words: shared ? 'mapped without the right to write, or not mapped' : 'mapped or not',
          right: (g) => !shared || (g.rights! & Right.W) === 0
        };
      }
      case 'fork': {
        const status = step.status ?? 0;
        if (status === 0) for (const [page, frame] of this.space(step.from)) { frame.users++; space.set(page, frame); }
        return { words: statusName(status), right: (g) => g.status === status };
      }
      case 'end': for (const frame of space.values()) frame.users--; space.clear(); return { words: 'ok', right: (g) => g.status === 0 };
      case 'other': return { words: 'badOp', right: (g) => g.status === Status.badOp };
      case 'counts': {
        const words = `${this.used} frames and ${this.copies} copies`;
        return { words, right: (g) => g.status === 0 && words === `${g.words![0]} frames and ${g.words![1]} copies` };
      }
    }
  }
  private access(step: Step & { page: number; offset?: number; value?: bigint; do: string },
      space: Map<number, Frame>): { words: string; right: (got: Got) => boolean } {
    if (step.page < 0 || step.page >= this.place.pages || step.do === 'fetch')
      return { words: 'it stops', right: (g) => g.value === undefined && g.stopped === true };
    let frame = space.get(step.page);
    if (!frame) space.set(step.page, (frame = { words: new Map(), users: 1 }));
    if (step.do === 'store') {
      if (frame.users > 1) { frame.users--; this.copies++; space.set(step.page, (frame = { words: new Map(frame.words), users: 1 })); }
      frame.words.set(step.offset ?? 0, step.value!);
    }
    const value = frame.words.get(step.offset ?? 0) ?? 0n;
    return { words: step.do === 'store' ? 'it goes on' : `0x${value.toString(16)}`, right: (g) => g.value === value };
  }
}

function told(step: Step): string {
  const who = `process${step.p}: `;
  if (!('page' in step)) return who + (step.do === 'fork' ? `FORK from process${step.from}` : step.do.toUpperCase());
  const offset = 'offset' in step && step.offset ? ` + ${step.offset}` : '';
  const value = 'value' in step && step.value !== undefined ? ` = 0x${step.value.toString(16)}` : '';
  return `${who}${step.do} page ${step.page}${offset}${value}`;
}
const heard = (got: Got): string =>
  (got.words && got.status === 0 ? `${got.words[0]} frames and ${got.words[1]} copies`
    : got.status !== undefined ? statusName(got.status)
    : got.rights !== undefined ? `rights ${got.rights}`
    : got.value !== undefined ? `0x${got.value.toString(16)}`
    : got.stopped ? 'it stops'
    : 'it did not come back');

function world(name: string, place: Layout, steps: readonly Step[], memory = '1M'): World {
  const got: Got[] = [], processes = Math.max(...steps.map((s) => s.p)) + 1;
  return {
    name,
    components: (submission) => ({
      cow: {
        program: submission.program('cow.ts'), args: place as unknown as Record<string, unknown>, provides: ['memory'],
        memory, kernelMemory: '2M'
      },
      driver: {
        program: driver(place, steps, processes, got),
        caps: Object.fromEntries(Array.from({ length: processes }, (_, p) => [`process${p}`, { from: 'cow', label: `process${p}` }])),
        kernelMemory: '4M'
      },
    }),
    judge: (seen, say) => {
      const model = new Model(place), why = seen.end('cow').why || (got.length === 0 ? seen.why : '');
      steps.forEach((step, i) => {
        const { words, right } = model.expect(step), answer = got[i];
        say(step.check, answer !== undefined && right(answer), `step ${i + 1}, ${told(step)}: ${words}`,
          (answer ? heard(answer) : 'nothing') + (why ? ` (${why})` : ''));
      });
    },
  };
}

function worlds(place: Layout, random: Random): World[] {
  const value = (): bigint => BigInt(random.between(1, 0x7fffffff)), page = (): number => random.between(0, place.pages - 1),
    offset = (): number => 8 * random.between(0, 511);
  const [first, second, third] = random.some([...Array(place.pages).keys()], 3) as [number, number, number], spot = offset();
  const load = (check: string, p: number, pg: number, off = spot): Step => ({ check, p, do: 'load', page: pg, offset: off }),
    store = (check: string, p: number, pg: number, off = spot): Step => ({ check, p, do: 'store', page: pg, offset: off, value: value() });
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
        load('memory', 0, first), store('memory', 0, first), load('memory', 0, first), store('memory', 0, second), load('memory', 0,
          second, offset()),
        counts('memory'), load('memory', 1, first), counts('memory'), store('memory', 1, first), load('memory', 0, first)
      ]),
    world('a child sees what its parent had', place,
      [
        store('inherits', 0, first), store('inherits', 0, second), fork('inherits', 1, 0), load('inherits', 1, first), load('inherits', 1,
          second),
        load('inherits', 1, third), load('inherits', 0, first)
      ]),
    world('what one writes the other does not see', place,
      [
        store('apart', 0, first), store('apart', 0, second), fork('apart', 1, 0), store('apart', 0, first), load('apart', 1, first),
          store('apart', 1, second),
        load('apart', 0, second), load('apart', 1, second), load('apart', 0, first), store('apart', 1, first, spot ^ 8), load('apart', 1,
          first),
        load('apart', 0, first, spot ^ 8)
      ]),
    world('nothing is copied at once', place,
      [
        ...all.map((p) => store('lazy', 0, p)), counts('lazy'), fork('lazy', 1, 0), counts('lazy'), ...all.map((p) => rights('lazy', 0, p)),
        load('lazy', 1, first), rights('lazy', 1, first), counts('lazy'), store('lazy', 1, second), counts('lazy'), load('lazy', 1, second),
        store('lazy', 1, second), counts('lazy'), rights('lazy', 0, first)
      ]),
    world('who is left needs no copy', place,
      [
        store('last', 0, first), store('last', 0, second), fork('last', 1, 0), store('last', 1, first), counts('last'), store('last', 0,
          first),
        counts('last'), load('last', 0, first), load('last', 1, first), { check: 'last', p: 1, do: 'end' }, store('last', 0, second),
          counts('last'),
        load('last', 0, second)
      ]),
    world('grandchildren', place,
      [
        store('family', 0, first), fork('family', 1, 0), fork('family', 2, 1), fork('family', 3, 0), counts('family'), store('family', 1,
          first),
        counts('family'), load('family', 0, first), load('family', 2, first), load('family', 3, first), store('family', 0, first),
          load('family', 2, first),
        load('family', 3, first), store('family', 3, first), counts('family'), rights('family', 2, first), store('family', 2, first),
          counts('family'),
        load('family', 1, first)
      ]),
    world('frames come back', place,
      [
        ...all.flatMap((p) => [store('reuse', 0, p), store('reuse', 0, p, spot ^ 16)]), fork('reuse', 1, 0), store('reuse', 1, first),
        counts('reuse'), { check: 'reuse', p: 1, do: 'end' }, counts('reuse'), { check: 'reuse', p: 0, do: 'end' }, counts('reuse'),
        ...all.map((p) => load('reuse', 2, p)), counts('reuse', 2), ...all.map((p) => load('reuse', 2, p, spot ^ 16))
      ]),
    world('little memory for many', place,
      [
        ...all.map((p) => store('little', 0, p)), ...Array.from({ length: 9 }, (_, i) => fork('little', i + 1, i)),
        ...Array.from({ length: 9 }, (_, i) => load('little', i + 1, (i * 3) % place.pages)),
        ...Array.from({ length: 9 }, (_, i) => store('little', i + 1, first)),
          ...Array.from({ length: 10 }, (_, i) => load('little', i, first)),
        counts('little')
      ],
      `${(place.pages + 12) * 4}K`),
    world('what is refused', place,
      [
        store('errors', 0, first), fork('errors', 1, 7, Status.badArgument), fork('errors', 1, 0), load('errors', 1, first),
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
