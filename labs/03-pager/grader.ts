/**
 * Grader of lab 3: children whose faults go to the student's pager; each reports what it read to the driver, which also checks the
 * mappings.
 */
import { ask, type Env, type Program, type Sys, type Syscalls } from '../../index.ts';
import { Cause, Ops, type Operation } from '../../microkernel/abi/index.ts';
import { childCode, hear, makeChild, startChild, type Child } from '../grading/child.ts';
import { program, same, type Lab, type World } from '../grading/lab.ts';
import type { Random } from '../grading/random.ts';

const PAGE = 4096, STATS: Operation = { label: 0x2100, in: [], out: ['faults', 'evictions', 'resident'], doc: '' }, PATIENCE = 20e6,
  STOPPED = 6;

interface Layout { readonly heap: number; readonly pages: number; readonly data: number; readonly frames: number }
/** One access of a child, and the expected value. `check`: the check it belongs to. */
interface Access {
  readonly check: string;
  readonly at: number;
  readonly store?: bigint;
  readonly byte?: boolean;
  readonly fetch?: boolean;
  readonly expected?: bigint; /** This access must not return. */
  readonly stops?: string
}
interface Notes {
  readonly told: Map<string, bigint[]>;
  readonly resident: Map<string, number[][]>;
  readonly stopped: Map<string, boolean>;
  readonly stats: Map<string, number[]>
}

const storing = (value: number | bigint): string => `li s1, ${value}\n sd s1, 0(s0)\n li a1, 0`;
const code = (all: readonly Access[]): Uint8Array => childCode(all.map((access, i) => `
  li s0, ${access.at}
  ${access.fetch ? 'jalr ra, 0(s0)' : access.store !== undefined ? storing(access.store) : access.byte ? 'lbu a1, 0(s0)' : 'ld a1, 0(s0)'}
  li a0, ${i}
  call tell`).join('\n'));

/** Pages of the heap that are mapped in the child now. */
function* residentPages(sys: Syscalls, child: Child, place: Layout): Sys<number[]> {
  const found: number[] = [];
  for (let page = 0; page < place.pages; page++) {
    if ((yield* sys.invoke(child.task, Ops.task.lookup, [place.heap + page * PAGE])) === 0 && sys.utcb.word(0) !== 0) found.push(page);
  }
  return found;
}

/** Runs one child per client, each after the other or (`together`) side by side. */
function driver(place: Layout, clients: Readonly<Record<string, readonly Access[]>>, notes: Notes, together: boolean): Program {
  return program('driver', function* (sys, env: Env) {
    const names = Object.keys(clients), children = new Map<string, Child>();
    for (const [i, name] of names.entries())
      children.set(name,
        yield* makeChild(sys, env, code(clients[name]!), { name, badge: i + 1, events: { [Cause.pageFault]: env.cap(name) } }));
    for (const name of names) { notes.told.set(name, []); notes.resident.set(name, []); }
    const groups = together ? [names] : names.map((n) => [n]);
    for (const group of groups) {
      for (const name of group) yield* startChild(sys, children.get(name)!);
      yield* hear(sys, group.length, PATIENCE, function* (told) {
        const name = names[told.badge - 1]!;
        notes.told.get(name)!.push(told.words[1]!);
        notes.resident.get(name)!.push(yield* residentPages(sys, children.get(name)!, place));
      });
      for (const name of group) {
        yield* sys.invoke(children.get(name)!.thread, Ops.thread.info);
        notes.stopped.set(name, sys.utcb.word(0) === STOPPED);
        if ((yield* ask(sys, env.cap(name), STATS)) === 0) notes.stats.set(name, [0, 1, 2].map((n) => sys.utcb.word(n)));
      }
    }
  });
}

/** First in, first out: the resident pages after each access, and the numbers of faults and evictions. */
function model(place: Layout, accesses: readonly Access[]): { resident: number[][]; faults: number; evictions: number } {
  const order: number[] = [], resident: number[][] = [], files = new Set<number>();
  let faults = 0, evictions = 0;
  for (const access of accesses) {
    const page = Math.floor((access.at - place.heap) / PAGE), file = Math.floor((access.at - place.data) / PAGE);
    if (access.stops) faults++;
    else if (page >= 0 && page < place.pages) {
      if (!order.includes(page)) {
        faults++;
        if (order.length === place.frames) { order.shift(); evictions++; }
        order.push(page);
      }
    } else if (!files.has(file)) { files.add(file); faults++; }
    resident.push([...order].sort((x, y) => x - y));
  }
  return { resident, faults, evictions };
}

function world(name: string, place: Layout, data: Uint8Array, clients: Readonly<Record<string, readonly Access[]>>,
    together = false): World {
  const notes: Notes = { told: new Map(), resident: new Map(), stopped: new Map(), stats: new Map() };
  return {
    name, modules: [{ name: 'data', bytes: data }],
    components: (submission) => ({
      pager: {
        program: submission.program('pager.ts'), args: place as unknown as Record<string, unknown>, provides: ['pager'], roms: ['data'],
          memory: '1M'
      },
      driver: {
        program: driver(place, clients, notes, together),
        caps: Object.fromEntries(Object.keys(clients).map((c) => [c, { from: 'pager', label: c }]))
      },
    }),
    judge: (seen, say) => {
      const { why } = seen.end('pager');
      for (const [client, accesses] of Object.entries(clients)) {
        const told = notes.told.get(client) ?? [], expected = model(place, accesses),
          nothing = why || seen.why || 'it never came back from the access';
        accesses.forEach((access, i) => {
          const kind = access.fetch ? 'fetch' : access.store !== undefined ? 'store' : 'load';
          const what = `${client}: ${kind} at 0x${access.at.toString(16)}`;
          if (access.stops) {
            say(access.check, told[i] === undefined && notes.stopped.get(client) === true, `${what} stops the client`,
              told[i] !== undefined ? 'it went on'
                : notes.stopped.get(client) === undefined ? nothing
                : 'it is not stopped: no answer, or a wrong one');
            const line = `${client}: illegal ${access.stops} at 0x${access.at.toString(16)}`;
            say(access.check, seen.lines('pager').includes(line), `a line of the log: ${line}`, seen.lines('pager').join(' | ')
              || 'no line');
            return;
          }
          say(access.check, told[i] !== undefined && (access.expected === undefined || BigInt.asUintN(64, told[i]) === access.expected),
            `${what}${access.expected === undefined ? ' comes back' : ` sees 0x${access.expected.toString(16)}`}`,
            told[i] === undefined ? nothing : `0x${BigInt.asUintN(64, told[i]).toString(16)}`);
          const resident = notes.resident.get(client)?.[i] ?? [];
          say('limit', resident.length <= place.frames, `${what}: at most ${place.frames} pages of the heap are mapped`,
            `${resident.length} pages`);
          if (access.check === 'fifo')
            say('fifo', resident.join() === expected.resident[i]!.join(),
              `after ${what}, pages ${expected.resident[i]!.join(' ')} are mapped: the oldest goes first`, resident.join(' ') || nothing);
        });
        if (accesses.some((a) => a.check === 'fifo' || a.stops))
          same(say, 'stats', `STATS of ${client}: faults, evictions, pages that are mapped`,
            [expected.faults, expected.evictions, expected.resident.at(-1)!.length].join(' '), notes.stats.get(client)?.join(' ')
              ?? (why || 'no answer'));
      }
    },
  };
}

/** A client that ends before the next one starts, because there is not enough memory for both. */
function after(place: Layout, data: Uint8Array, first: readonly Access[], second: readonly Access[]): World {
  const late = world('a client after another', place, data, { second }),
    gone: Notes = { told: new Map(), resident: new Map(), stopped: new Map(), stats: new Map() };
  return {
    ...late,
    components: (submission) => {
      const { pager, driver: second2 } = late.components(submission), program2 = (second2!.program as Program);
      return {
        pager: { ...pager!, memory: (place.frames + 1) * PAGE },
        early: { program: driver(place, { first }, gone, false), caps: { first: { from: 'pager', label: 'first' } } },
        driver: {
          ...second2!, program: program('driver', function* (sys, env) { yield* sys.receive(0, 50e6); yield* program2.main(sys, env); })
        },
      };
    },
  };
}

const big = (random: Random): bigint => (BigInt(random.next() & 0x7fffffff) << 32n) | BigInt(random.next());
const at = (place: Layout, page: number, offset = 0): number => place.heap + page * PAGE + offset;

function worlds(place: Layout, random: Random): World[] {
  const size = 2 * PAGE + random.between(100, 3000), data = Uint8Array.from({ length: size }, () => random.next() & 255),
    few = random.some([...Array(place.pages).keys()], Math.min(place.frames, 4));
  const zero: Access[] = few.flatMap((page) => {
    const offset = 8 * random.between(0, 511), value = big(random);
    return [
      { check: 'zero', at: at(place, page, offset), expected: 0n }, { check: 'zero', at: at(place, page, offset), store: value },
      { check: 'zero', at: at(place, page, offset), expected: value },
      { check: 'zero', at: at(place, page, 8 * 511), ...(offset === 8 * 511 ? { expected: value } : { expected: 0n }) }
    ];
  });
  const file: Access[] = [0, size - 1, 4095, 4096, ...Array.from({ length: 8 }, () => random.between(0, size - 1))].map((o) => ({
    check: 'data', at: place.data + o, byte: true, expected: BigInt(data[o]!)
  }));
  const rest: Access[] = [{ check: 'data', at: place.data + size + 1, byte: true, expected: 0n }];
  const stops = (at2: number, what: string, check: string): Access[] => [
    { check: 'zero', at: at(place, 0), expected: 0n },
    { check, at: at2, stops: what, ...(what === 'store' ? { store: 1n } : what === 'fetch' ? { fetch: true } : {}) }
  ];
  const many: Access[] = [], values = new Map<number, bigint>();
  for (let page = 0; page < place.pages; page++) {
    const value = big(random);
    values.set(page, value);
    many.push({ check: 'keeps', at: at(place, page, 16), store: value });
  }
  for (const page of random.some([...values.keys()], place.pages))
    many.push({ check: 'keeps', at: at(place, page, 16), expected: values.get(page)! });
  const order: Access[] = Array.from({ length: 4 * place.pages },
    () => ({
      check: 'fifo', at: at(place, random.between(0, place.pages - 1), 8 * random.between(0, 511)),
      ...(random.next() & 1 ? { store: big(random) } : {})
    }));
  const secret: Access[] = few.map((p) => ({ check: 'isolates', at: at(place, p), store: 0x5ec4e7n })),
    spy: Access[] = few.flatMap((page) => [
      { check: 'isolates', at: at(place, page), expected: 0n }, { check: 'isolates', at: at(place, page), store: 7n },
      { check: 'isolates', at: at(place, page), expected: 7n }
    ]);
  return [
    world('memory that comes when it is touched', place, data, { client: zero }),
    world('a file in memory', place, data, { client: [...file, ...rest] }),
    world('forbidden accesses', place, data, {
      above: stops(at(place, place.pages), 'load', 'guard'), below: stops(place.heap - 8, 'store', 'guard'),
      after: stops(place.data + Math.ceil(size / PAGE) * PAGE, 'load', 'guard'), nowhere: stops(0x2000, 'load', 'guard'),
      writer: stops(place.data + random.between(0, 500) * 8, 'store', 'readonly'),
      late: [{ check: 'data', at: place.data, byte: true, expected: BigInt(data[0]!) }, ...stops(place.data + 8, 'store', 'readonly')],
      jumper: stops(at(place, 1), 'fetch', 'fetch'), reader: stops(place.data + PAGE, 'fetch', 'fetch'),
    }),
    world('more pages than frames', place, data, { client: many }),
    world('which page goes', place, data, { client: order }),
    world('two clients at once, one address', place, data,
      { first: [...secret, ...secret.map((a) => ({ check: 'isolates', at: a.at, expected: a.store! }))], second: spy }, true),
    after(place, data, [...Array.from({ length: place.frames }, (_, p) => ({ check: 'reuses', at: at(place, p), store: 0x5ec4e7n }))],
      Array.from({ length: place.frames },
        (_, p) => [{ check: 'reuses', at: at(place, p), expected: 0n }, { check: 'reuses', at: at(place, p), store: 9n }]).flat()),
  ];
}

const lab: Lab = {
  number: 3, name: '03-pager', title: 'Write a pager', hours: [3, 5], language: 'typescript', files: ['pager.ts'],
  checks: [
    {
      id: 'zero', points: 15, title: 'the heap comes when it is touched, filled with zeros, and can be written',
      mistake: 'a fresh frame is filled with zeros and mapped with Right.RW at the page of the address, not at the address'
    },
    {
      id: 'keeps', points: 10, title: 'what was written is there again, however many pages were touched since',
      mistake: 'before a frame is used for another page its contents must be saved, after the page was unmapped; the next fault brings '
        + 'them back'
    },
    {
      id: 'data', points: 15, title: 'the file can be read, to its last byte and the zeros behind it',
      mistake: 'map the page of the module that belongs to the address; the end of the file is not the end of its last page'
    },
    {
      id: 'readonly', points: 10, title: 'writing to the file stops the client, with a line in the log',
      mistake: 'the page is mapped with Right.R only, and a store fault (cause 15) there is an error'
    },
    {
      id: 'guard', points: 10, title: 'an access to where nothing is stops the client, with a line in the log',
      mistake: 'check both ends of both ranges; answer with Resume.stop'
    },
    {
      id: 'fetch', points: 5, title: 'executing heap or file stops the client',
      mistake: 'cause 12 is a fetch: neither range may be executed'
    },
    {
      id: 'limit', points: 10, title: 'no client ever has more pages of the heap mapped than its frames',
      mistake: 'unmap the page that goes (task.unmap of your own memory takes away what was derived from it) before you map the next'
    },
    {
      id: 'fifo', points: 10, title: 'the page that came first goes first',
      mistake: 'an access without a fault changes nothing of the order; a page that comes back is the youngest'
    },
    {
      id: 'isolates', points: 5, title: 'clients do not see each other\'s pages',
      mistake: 'frames, saved contents and the order belong to one client'
    },
    {
      id: 'reuses', points: 5, title: 'frames of a client that has gone serve the next one, filled with zeros',
      mistake: 'closed(client) puts its frames into a list; fill a frame with zeros when it is given out'
    },
    {
      id: 'stats', points: 5, title: 'STATS tells faults, evictions and mapped pages',
      mistake: 'every page fault counts, those that stop the client too'
    },
  ],
  variant: (random) => ({
    heap: 0x4000_0000 + random.between(1, 200) * 0x10000, pages: random.between(8, 12),
    data: 0x6000_0000 + random.between(1, 200) * 0x10000, frames: random.between(4, 6)
  }),
  worlds: (variant, random) => worlds(variant as unknown as Layout, random),
};
export default lab;
