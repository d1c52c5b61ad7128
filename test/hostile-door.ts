/**
 * Tricks that a TypeScript component may try at its door (`sys`, its UTCB, its memory). A trick reports `escaped` when it reaches something
 * it must not have; otherwise it may at most end its own thread.
 */
import {
  Initial, IpcFlag, MemoryFault, Ops, Right, ThreadFlag, Utcb, Window, memoryPage, type IpcRequest, type Memory, type Sys
} from '../microkernel/abi/index.ts';
import { show, type Syscalls, type ThreadBody } from '../binding/index.ts';

/** The trick's arguments: its thread's calls, a page that it may use, an answered portal, and the function to call if it escapes. */
export interface Scene { readonly sys: Syscalls; readonly page: number; readonly portal: number; escaped(what: string): void }
export type Trick = readonly [what: string, run: (scene: Scene) => Sys<void>];

// These entries violate types on purpose.
type Any = any; // oxlint-disable-line typescript/no-explicit-any
const LARGE = 65_536, SELECTOR = 4000;

/** Everything reachable from `root` by properties, prototypes and getters; reports every large buffer. */
function crawl(root: unknown, escaped: (what: string) => void): void {
  const seen = new Set<unknown>(), todo: [unknown, string][] = [[root, 'sys']];
  for (let next = todo.pop(); next; next = todo.pop()) {
    const [value, path] = next;
    if ((typeof value !== 'object' && typeof value !== 'function') || value === null || seen.has(value) || seen.size > 20_000
        || path.length > 200)
      continue;
    seen.add(value);
    const buffer = ArrayBuffer.isView(value) ? value.buffer : value;
    if ((buffer instanceof ArrayBuffer || buffer instanceof SharedArrayBuffer) && buffer.byteLength > LARGE)
      escaped(`${path}: a buffer of ${buffer.byteLength} bytes`);
    if (value === globalThis) continue;
    for (const key of Reflect.ownKeys(value)) {
      if (ArrayBuffer.isView(value) && typeof key === 'string' && /^\d+$/.test(key)) continue;
      let inner: unknown;
      try { inner = (value as Any)[key]; } catch { continue; }
      todo.push([inner, `${path}.${String(key)}`]);
    }
    todo.push([Object.getPrototypeOf(value), `${path}.__proto__`]);
  }
}

/** Yields a value that is no valid system call. */
const yields = (what: string, make: (scene: Scene) => unknown): Trick => [
  `yields ${what}`, function* (scene) { yield make(scene) as IpcRequest; }
];
const asking = (what: string, fields: Record<string, unknown>): Trick =>
  yields(`a call with ${what}`, ({ portal }) => ({
    flags: 7, cap: portal, sendTimeout: 1e5, receiveTimeout: 1e5, body: undefined, handler: undefined, ...fields
  }));
const throwing = (name: string): Trick =>
  yields(`a call whose ${name} throws`, ({ portal }) =>
    Object.defineProperty({ flags: 7, cap: portal, sendTimeout: 0, receiveTimeout: 0, body: undefined, handler: undefined }, name,
      { get() { throw new Error('from a getter'); } }));
/** Tries an operation on `sys` that must fail. */
const tries = (what: string, act: (scene: Scene) => void): Trick => [
  what, function* (scene) { act(scene); yield scene.sys.ipc(IpcFlag.receive, 0, 0, 1000); }
];
/** Creates and starts a thread with an invalid body. */
const spawns = (what: string, make: (scene: Scene) => unknown): Trick => [`a thread whose body ${what}`, function* (scene) {
  const { sys } = scene;
  yield* sys.invoke(Initial.factory, Ops.factory.createThread, [SELECTOR, Initial.task, ThreadFlag.typescript, 0, 0], 1e6,
    make(scene) as ThreadBody);
  yield* sys.invoke(Initial.factory, Ops.factory.createSchedContext, [SELECTOR + 1, 20, 0, 0]);
  yield* sys.invoke(SELECTOR, Ops.thread.bind, [SELECTOR + 1]);
  yield* sys.invoke(SELECTOR, Ops.thread.start, [0, 0, 0]);
  yield sys.ipc(IpcFlag.receive, 0, 0, 1e5);
}];
/** A value that changes at each read. */
const changing = (...values: number[]): number => {
  let i = 0;
  return { valueOf: () => values[Math.min(i++, values.length - 1)] } as unknown as number;
};
const deep = (act: () => void): void => { const down = (): void => { try { down(); } catch { act(); } }; down(); };
const reads = (what: string, va: Any, length: Any = 16): Trick => tries(`reads memory at ${what}`, ({ sys, escaped }) => {
  for (const read of [(m: Memory) => m.u8(va), (m: Memory) => m.u32(va), (m: Memory) => m.u64(va), (m: Memory) => m.read(va, length)]) {
    let got: unknown;
    try { got = read(sys.memory); } catch { continue; }
    escaped(`read ${String(got)}`);
  }
});
const writes = (what: string, va: Any, length: Any = 16): Trick => tries(`writes memory at ${what}`, ({ sys, escaped }) => {
  const acts: ((m: Memory) => void)[] = [
    m => m.setU8(va, 1), m => m.setU32(va, 1), m => m.setU64(va, 1n), m => m.fill(va, length, 1), m => m.write(va, new Uint8Array(16)),
    m => m.copy(va, va, length), m => m.changedCode(va, length)
  ];
  for (const act of acts) { try { act(sys.memory); } catch { continue; } escaped('wrote'); }
});

export const tricks: readonly Trick[] = [
  // What it yields.
  yields('null', () => null), yields('nothing', () => undefined), yields('a number', () => 7), yields('a text', () => 'call'),
  yields('a function', () => () => 7), yields('a list', () => [7, 1]),
  yields('an empty object', () => ({})), yields('a symbol', () => Symbol('call')), yields('a bigint', () => 7n),
  yields('a promise', () => Promise.resolve(7)),
  yields('a proxy that throws', () => new Proxy({}, { get() { throw new Error('from a trap'); } })),
  yields('a revoked proxy', () => { const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); return proxy; }),
  asking('a bigint as time-out', { receiveTimeout: 5n }), asking('a symbol as time-out', { sendTimeout: Symbol('long') }),
  asking('a text as time-out', { receiveTimeout: '5' }),
  asking('a time-out of NaN', { receiveTimeout: NaN, sendTimeout: NaN }), asking('a time-out of -Infinity', { receiveTimeout: -Infinity }),
  asking('a time-out of 1e300', { receiveTimeout: 1e300, sendTimeout: 1e300 }),
  asking('a fraction of a nanosecond', { receiveTimeout: 0.1, sendTimeout: 0.1 }),
  asking('an object as time-out', { receiveTimeout: { valueOf: () => { throw new Error('asked'); } } }),
  asking('flags as text', { flags: '7' }), asking('flags of NaN', { flags: NaN }), asking('flags beyond 32 bits', { flags: 2 ** 40 + 7 }),
  asking('all flags', { flags: -1 }),
  asking('a symbol as selector', { cap: Symbol('cap') }), asking('selector -1', { cap: -1 }), asking('selector NaN', { cap: NaN }),
  asking('selector 1.5', { cap: 1.5 }), asking('selector 1e300', { cap: 1e300 }), asking('__proto__ as selector', { cap: '__proto__' }),
  asking('a body that is a text', { body: 'body' }), asking('a handler that is a text', { handler: 'handler' }),
  asking('a handler that is null', { handler: null }),
  throwing('flags'), throwing('cap'), throwing('sendTimeout'), throwing('receiveTimeout'), throwing('body'), throwing('handler'),
  yields('a call whose selector changes while it is looked at', ({ portal }) => {
    let n = 0;
    return {
      flags: 7, get cap() { return n++ === 0 ? portal : Initial.factory; }, sendTimeout: 0, receiveTimeout: 1e5, body: undefined,
      handler: undefined
    };
  }),
  tries('its request becomes one with getters', ({ sys, escaped }) => {
    try { Object.defineProperty(sys.request, 'cap', { get() { throw new Error('asked'); } }); } catch { return; }
    escaped('redefined');
  }),
  tries('its request is another\'s', ({ sys }) => {
    (sys as Any).request = new Proxy({}, { get() { throw new Error('asked'); }, set() { throw new Error('set'); } });
  }),
  // What answers its messages.
  ['a handler that throws', function* ({ sys }) { yield sys.serve(() => { throw new Error('handled'); }); }],
  [
    'a handler that answers with something odd',
    function* ({ sys }) { yield sys.serve((() => ({ [Symbol.toPrimitive]() { throw new Error('asked'); } })) as Any); }
  ],
  ['a handler that is a generator', function* ({ sys }) { yield sys.serve(function* () { yield 1; } as Any); }],
  // What it is.
  spawns('is no generator', () => () => 7), spawns('answers nothing', () => () => undefined),
  spawns('is a class', () => class { readonly a = 1; }),
  spawns('is asynchronous', () => async function* () { await Promise.resolve(); yield 1; }),
  spawns('throws at once', () => () => { throw new Error('body'); }),
  spawns('has a name that throws', () =>
    Object.defineProperty(function* () { /* ends */ }, 'name', { get() { throw new Error('name'); } })),
  spawns('has a name that is a symbol', () => Object.defineProperty(function* () { /* ends */ }, 'name', { value: Symbol('name') })),
  spawns('has a name of 10 MB', () => Object.defineProperty(function* () { /* ends */ }, 'name', { value: 'x'.repeat(1e7) })),
  spawns('is a proxy that throws', () =>
    new Proxy(function* () { /* ends */ }, { get() { throw new Error('trap'); }, apply() { throw new Error('apply'); } })),
  spawns('steps to a promise', () => () => ({ next: () => Promise.resolve({ done: true }) })),
  spawns('steps to null', () => () => ({ next: () => null })),
  spawns('steps to a getter that throws', () => () => ({ next: () => ({ get done() { throw new Error('done'); } }) })),
  spawns('has no way to throw into', () => (sys: Syscalls) => ({
    next: () => ({ done: false, value: sys.serve(() => { throw new Error('handled'); }) })
  })),
  spawns('throws a proxy', () => () => {
    throw new Proxy({}, { getPrototypeOf() { throw new Error('prototype'); }, get() { throw new Error('get'); } });
  }),
  spawns('throws null', () => () => { throw null; }), // oxlint-disable-line no-throw-literal
  spawns('throws what cannot be shown', () => () => { throw { toString() { throw new Error('shown'); } }; }),
  spawns('throws an error with a long story', () => () => { throw Object.assign(new Error('long'), { stack: 'x'.repeat(1e7) }); }),
  spawns('throws a false fault', () => () => {
    throw Object.assign(new MemoryFault(0, 'read'), { address: {}, access: Symbol('access') });
  }),
  [
    'it steps itself',
    function* ({ sys }) {
      const self: { own?: Sys<void> } = {};
      self.own = (function* (): Sys<void> { self.own!.next(0); yield sys.ipc(0, 0); })();
      yield* self.own;
    }
  ],
  // Its UTCB.
  tries('looks for large buffers everywhere', ({ sys, escaped }) => crawl(sys, escaped)),
  tries('takes its UTCB\'s buffer away', ({ sys }) => {
    const { buffer } = sys.utcb.i32;
    try { structuredClone(buffer, { transfer: [buffer as ArrayBuffer] }); } catch { /* stays */ }
    try { (buffer as Any).transfer(); } catch { /* stays */ }
  }),
  tries('resizes its UTCB\'s buffer', ({ sys }) => {
    for (const way of ['resize', 'grow']) { try { (sys.utcb.i32.buffer as Any)[way](0); } catch { /* stays */ } }
  }),
  [
    'a UTCB of its own',
    function* ({ sys, portal }) { (sys as Any).utcb = new Utcb(new ArrayBuffer(4096), 0); yield* sys.call(portal, { words: [1] }, 1e5); }
  ],
  [
    'a UTCB that throws',
    function* ({ sys, portal }) {
      (sys as Any).utcb = new Proxy({}, { get() { throw new Error('utcb'); }, set() { throw new Error('utcb'); } });
      yield sys.ipc(7, portal, 1e5, 1e5);
    }
  ],
  tries('other functions for every UTCB', ({ sys, escaped }) => {
    for (const name of ['word', 'num', 'setTag', 'setWord']) {
      try { (Object.getPrototypeOf(sys.utcb) as Any)[name] = () => { throw new Error(name); }; } catch { continue; }
      escaped(name);
    }
  }),
  tries('words far outside of its UTCB', ({ sys, escaped }) => {
    const utcb = sys.utcb;
    utcb.setWord(1e9, 1);
    utcb.setWord(-1e9, 1);
    utcb.setItem(1e6, 1, 1);
    utcb.setNum(2 ** 40, 1);
    if (utcb.num(-4096) === utcb.num(-4096) || utcb.i64[600] !== undefined) escaped('a word from outside');
  }),
  [
    'more words and items than there are',
    function* ({ sys, portal }) {
      sys.utcb.setTag(1, 0xffff, 0xffff);
      for (let i = 0; i < 16; i++) sys.utcb.setItem(i, -1, -1, -1);
      yield sys.ipc(7, portal, 1e5, 1e5);
    }
  ],
  [
    'windows that make no sense',
    function* ({ sys, portal }) {
      sys.utcb.window = -1;
      sys.utcb.capWindow = 2 ** 60;
      sys.utcb.mtd = -1;
      yield sys.ipc(7, portal, 1e5, 1e5);
    }
  ],
  // Its memory.
  reads('the kernel\'s', 0x80f0_0000), reads('-1', -1), reads('NaN', NaN), reads('Infinity', Infinity), reads('2^53', 2 ** 53),
  reads('a fraction', 0x8040_0000 + 0.5), reads('a text', '0x80400000'), reads('a bigint', 0x8040_0000n), reads('an object', {}),
  reads('an address that changes', changing(0x8040_0000, -1, 0x80f0_0000, 0x80f0_0000)),
  tries('reads a length that changes', ({ sys, page, escaped }) => {
    try { sys.memory.read(page, changing(1, 1, 1e9)); } catch { return; }
    escaped('read');
  }),
  writes('the kernel\'s', 0x80f0_0000), writes('-4096', -4096), writes('NaN', NaN), writes('a text', '0x80400000'),
  writes('an address that changes', changing(0x8040_0000, 0x80f0_0000, 0x80f0_0000, 0x80f0_0000)), writes('2^53 + 8', 2 ** 53 + 8),
  ...([['-1', -1], ['NaN', NaN], ['1e15', 1e15], ['a text', '16'], ['an object', {}]] as const).map(([what, length]): Trick =>
    tries(`reads and fills with a length of ${what}`, ({ sys, page, escaped }) => {
    for (const act of [
      () => sys.memory.read(page, length as Any), () => sys.memory.fill(page, length as Any, 1),
      () => sys.memory.window(page, length as Any, 3), () => sys.memory.mapped(page, length as Any, 1)
    ]) { let got: unknown; try { got = act(); } catch { continue; } if (got) escaped(`got ${String(got)}`); }
  })),
  tries('writes from an array that changes its length', ({ sys, page }) => {
    let n = 16;
    const fake = { get length() { return (n += 4096); }, subarray: () => ({ length: 1e9 }) };
    sys.memory.write(page, fake as Any);
  }),
  tries('other functions for everybody\'s memory', ({ sys, escaped }) => {
    for (const of of [sys.memory, sys, new Window(new Uint8Array(1)), new MemoryFault(0, 'read')])
      for (const name of ['u8', 'ipc', 'read', 'address']) {
        try { (Object.getPrototypeOf(of) as Any)[name] = () => 0; } catch { continue; }
        escaped(name);
      }
  }),
  tries('an error that says it is a fault', () => { Object.defineProperty(MemoryFault, Symbol.hasInstance, { value: () => true }); }),
  tries('widens a window', ({ sys, page, escaped }) => {
    const window = sys.memory.window(page, 4096, Right.RW)!;
    for (const key of ['buffer', 'bytes', '#bytes', 'view']) if ((window as Any)[key] !== undefined) escaped(key);
    for (const at of [-1, 4096, 1e9, NaN, 0.5]) if (window.u8(at) !== undefined) escaped(`byte ${at}`);
    window.setU32(4095, -1);
    window.setU8(-1, 1);
    if (window.part(-1e9, 1e9).length > 4096 || window.read(-1e9, 1e9).length > 4096 || window.part(4000, 5000).length > 96)
      escaped('a wider part');
    crawl(window, escaped);
  }),
  tries('writes through a window to read', ({ sys, page, escaped }) => {
    const window = sys.memory.window(page, 4096, Right.R)!;
    for (const act of [
      () => window.setU8(0, 1), () => window.setU32(0, 1), () => window.zero(0, 9), () => Window.copy(window, 0, new Uint8Array(99), 0, 99),
      () => window.part(0, 9).setU8(0, 1)
    ]) { try { act(); } catch { continue; } escaped('wrote'); }
  }),
  tries('has a window copied to an array that keeps what it gets', ({ sys, page, escaped }) => {
    const keep = (x: Any): void => { if (x?.buffer?.byteLength > LARGE) escaped('a view'); };
    class Greedy extends Uint8Array {
      override set(x: Any): void { keep(x); }
      override subarray(...a: Any[]): Any { keep(this); return super.subarray(...a); }
    }
    Window.copy(new Greedy(64), 0, sys.memory.window(page, 4096, Right.RW)!, 0, 64);
    Window.copy(sys.memory.window(page, 4096, Right.RW)!, 0, new Greedy(64), 0, 64);
    sys.memory.write(page, new Greedy(64));
    const fake = new Proxy(new Uint8Array(64), { get(o, key) { return key === 'set' ? keep : (o as Any)[key]; } });
    Window.copy(fake, 0, sys.memory.window(page, 4096, Right.RW)!, 0, 64);
  }),
  ['keeps a window beyond its mapping', function* ({ sys, page, escaped }) {
    const window = sys.memory.window(page, 4096, Right.RW)!, half = window.part(16, 32);
    yield* sys.invoke(Initial.task, Ops.task.unmap, [memoryPage(page, 12, 0), 1]);
    for (const act of [
      () => window.u8(0), () => window.setU8(0, 1), () => half.u8(0), () => window.read(0, 16),
      () => Window.copy(new Uint8Array(64), 0, window, 0, 64)
    ]) { try { act(); } catch { continue; } escaped('still there'); }
  }],
  ['keeps a window to write beyond its right', function* ({ sys, page, escaped }) {
    const window = sys.memory.window(page, 4096, Right.RW)!;
    yield* sys.invoke(Initial.task, Ops.task.unmap, [memoryPage(page, 12, Right.W), 1]);
    try { window.setU8(0, 1); } catch { return; }
    escaped('wrote');
  }],
  ['uses a task\'s memory after its end', function* ({ sys, page, escaped }) {
    let memory: Memory | undefined, window: Window | undefined;
    yield* sys.invoke(Initial.factory, Ops.factory.createTask, [SELECTOR, 0]);
    yield* sys.invoke(SELECTOR, Ops.task.map, [0, memoryPage(page, 12, 3), 0x5000, 0]);
    yield* sys.invoke(Initial.factory, Ops.factory.createThread, [SELECTOR + 1, SELECTOR, ThreadFlag.typescript, 0, 0], 1e6,
      function* (own) { memory = own.memory; window = own.memory.window(0x5000, 4096, 3); yield own.ipc(IpcFlag.receive, 0); });
    yield* sys.invoke(Initial.factory, Ops.factory.createSchedContext, [SELECTOR + 2, 50, 0, 0]);
    yield* sys.invoke(SELECTOR + 1, Ops.thread.bind, [SELECTOR + 2]);
    yield* sys.invoke(SELECTOR + 1, Ops.thread.start, [0, 0, 0]);
    yield sys.ipc(IpcFlag.receive, 0, 0, 1e5);
    if (!memory || !window) return escaped('nothing to try');
    yield* sys.invoke(Initial.task, Ops.task.unmap, [SELECTOR * 4096 + 8 + 7, 1]);
    for (let va = 0; va < 0x20_000; va += 4096) { try { memory.u8(va); } catch { continue; } escaped(`memory at ${va}`); }
    try { window.u8(0); } catch { return; }
    escaped('the window');
  }],
  // Its time, and what it shows.
  ...([
    ['-1', -1], ['NaN', NaN], ['Infinity', Infinity], ['1e300', 1e300], ['a text', '5'], ['a bigint', 5n],
    ['an object', { valueOf: () => 5 }], ['nothing', undefined]
  ] as const).map(([what, cycles]): Trick =>
    tries(`charges ${what}`, ({ sys, escaped }) => {
    const before = sys.now();
    try { sys.charge(cycles as Any); } catch { if (sys.now() !== before) escaped('charged'); return; }
    escaped('no error');
  })),
  tries('another way to charge for everybody', ({ sys, escaped }) => {
    for (const of of [Object.getPrototypeOf(sys), sys.port] as Any[]) {
      try { of.charge = () => { throw new Error('charged'); }; } catch { continue; }
      escaped('charge');
    }
  }),
  tries('shows what is no function', ({ sys }) => { for (const x of [5, null, {}, Symbol('look')]) show(sys.utcb, x as Any); }),
  // At the end of the stack.
  tries('calls everything at the end of its stack', ({ sys, page }) => {
    for (const act of [
      () => sys.memory.setU32(page, 1), () => sys.memory.read(page, 4096), () => sys.charge(1), () => sys.now(),
      () => sys.utcb.setWord(0, 1), () => sys.memory.window(page, 4096, 3)
    ])
      deep(act);
  }),
  ['ends its stack', function* ({ sys }) { const down = (): number => down() + 1; down(); yield sys.ipc(0, 0); }],
];
