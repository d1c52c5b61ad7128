/**
 * The submission's end, inside a bare JavaScript context: threads of the submission are generators, whose system calls and memory accesses
 * go to the grader's process, where the kernel performs them. This context has no kernel, no machine, no expectations.
 */
import './text.ts';
import { MemoryFault, Utcb, UTCB_SIZE, type IpcRequest, type Memory, type Sys } from '../../../microkernel/abi/index.ts';
import { Syscalls, type ThreadBody } from '../../../binding/index.ts';
import type { Program } from '../../../roottask/client/env.ts';
import { LocalEnv } from '../../../roottask/root/env.ts';
import { countTurns } from '../../../labs/grading/turns.ts';
import { ACCESSES, Do, MOST_BYTES, Reader, Says, Writer } from './wire.ts';

/** Sends out[0 … n) and receives the answer in `into`; returns its length. */
type Exchange = (out: Uint8Array, n: number, into: Uint8Array) => number;
interface Thread { readonly sys: Syscalls; readonly running: Sys<void>; request: IpcRequest | undefined; threw: unknown }

const hidden = globalThis as unknown as { exchange?: Exchange };
const exchange = hidden.exchange!;
delete hidden.exchange;

const into = new Uint8Array(MOST_BYTES + 65536), question = new Writer(), answer = new Writer();
const systemCall = countTurns();

/** A query in the middle of a step. */
function ask(): Reader {
  const n = exchange(question.taken, question.length, into), reader = new Reader(into.subarray(0, n));
  switch (reader.u8()) {
    case Do.ok: return reader;
    case Do.fault: throw new MemoryFault(reader.f64(), (['read', 'write', 'execute'] as const)[reader.u8()]!);
    default: throw new Error(reader.text());
  }
}

function remoteMemory(thread: number): Memory {
  const access = (name: (typeof ACCESSES)[number]): Writer => question.clear().u8(Says.memory).f64(thread).u8(ACCESSES.indexOf(name));
  const get = (name: (typeof ACCESSES)[number], va: number): number => { access(name).f64(va); return ask().f64(); };
  const set = (name: (typeof ACCESSES)[number], va: number, v: number): void => { access(name).f64(va).f64(v); ask(); };
  const read = (va: number, length: number): Uint8Array => { access('read').f64(va).f64(length); return ask().data(); };
  return {
    u8: (va) => get('u8', va), u16: (va) => get('u16', va), u32: (va) => get('u32', va),
    u64: (va) => { access('u64').f64(va); return ask().i64(); },
    setU8: (va, v) => set('setU8', va, v), setU16: (va, v) => set('setU16', va, v), setU32: (va, v) => set('setU32', va, v),
    setU64: (va, v) => { access('setU64').f64(va).i64(v); ask(); },
    read,
    write: (va, bytes) => { access('write').f64(va).data(bytes); ask(); },
    copy: (to, from, length) => { access('copy').f64(to).f64(from).f64(length); ask(); },
    fill: (va, length, byte) => { access('fill').f64(va).f64(length).f64(byte); ask(); },
    mapped: (va, length, rights) => { access('mapped').f64(va).f64(length).f64(rights); return ask().u8() === 1; },
    window: () => undefined,
    changedCode: () => {},
  };
}

const threads = new Map<number, Thread>(), bodies = new Map<number, ThreadBody>();

function numberOf(body: ThreadBody): number {
  for (const [n, threadBody] of bodies) if (threadBody === body) return n;
  bodies.set(bodies.size, body);
  return bodies.size - 1;
}

/** A body that is no generator fails at its first step. */
function* begun(body: ThreadBody, sys: Syscalls): Sys<void> { yield* body(sys); }

function newThread(id: number, body: ThreadBody): Thread {
  const sys = new Syscalls({
    utcb: new Utcb(new ArrayBuffer(UTCB_SIZE), 0), memory: remoteMemory(id),
    now: () => { question.clear().u8(Says.now).f64(id); return ask().f64(); },
    charge: (cycles) => { question.clear().u8(Says.charge).f64(id).f64(cycles); ask(); },
  });
  const thread = { sys, running: begun(body, sys), request: undefined, threw: undefined };
  threads.set(id, thread);
  return thread;
}

const isRequest = (r: unknown): r is IpcRequest => typeof r === 'object' && r !== null && typeof (r as IpcRequest).flags === 'number';

function stepped(thread: Thread, step: () => IteratorResult<IpcRequest, void>): void {
  systemCall();
  try {
    const { done, value } = step();
    if (done) { answer.clear().u8(Says.done).utcb(thread.sys.utcb); return; }
    if (!isRequest(value))
      throw new TypeError(typeof value === 'object' && value !== null && 'next' in value
        ? "a generator was yielded where a system call belongs: write 'yield*', not 'yield'"
        : "yielded something that is not a system call: write 'yield*' before a function of the system");
    thread.request = value;
    const body = value.body ? numberOf(value.body) : -1;
    answer.clear().u8(Says.yields).f64(value.flags).f64(value.cap).f64(value.sendTimeout).f64(value.receiveTimeout).f64(body)
      .u8(value.handler ? 1 : 0).utcb(thread.sys.utcb);
  } catch (error) {
    failed(thread, error);
  }
}

function failed(thread: Thread, error: unknown): void {
  thread.threw = error;
  answer.clear().u8(Says.threw).utcb(thread.sys.utcb);
  if (error instanceof MemoryFault) { answer.u8(1).f64(error.address).u8(['read', 'write', 'execute'].indexOf(error.access)); return; }
  let what = 'something that cannot be shown', stack = '';
  try {
    what = String((error as Error)?.message ?? error).slice(0, 2000);
    stack = String((error as Error)?.stack ?? '').slice(0, 4000);
  } catch { /* a message built by the submission */ }
  answer.u8(0).text(what).text(stack);
}

/** Performs the grader's request, `n` bytes in `into`; the next exchange sends the answer. */
function act(n: number): void {
  const reader = new Reader(into.subarray(0, n)), what = reader.u8(), id = reader.f64();
  if (what === Do.next) {
    const body = reader.f64(), status = reader.f64();
    const thread = body >= 0 ? newThread(id, bodies.get(body)!) : threads.get(id)!;
    reader.utcb(thread.sys.utcb);
    stepped(thread, () => thread.running.next(status));
    return;
  }
  const waiting = threads.get(id)!;
  if (what === Do.raise) { stepped(waiting, () => waiting.running.throw(waiting.threw)); return; }
  reader.utcb(waiting.sys.utcb);
  systemCall();
  try {
    const again = waiting.request!.handler!() === true;
    answer.clear().u8(Says.handled).u8(again ? 1 : 0).utcb(waiting.sys.utcb);
  } catch (error) {
    failed(waiting, error);
  }
}

/** Prints to the grader, which shows it with the verdict. */
const print = (...what: unknown[]): void => {
  const words = what.map((value) => {
    try {
      return typeof value === 'string' ? value
        : typeof value === 'bigint' ? `${value}n`
        : (JSON.stringify(value, (_k, v: unknown) => (typeof v === 'bigint' ? `${v}n` : v)) ?? String(value));
    } catch { return '?'; }
  });
  question.clear().u8(Says.print).text(words.join(' ').slice(0, 2000));
  ask();
};
Object.assign(globalThis, { console: { log: print, info: print, warn: print, error: print, debug: print } });

interface Config {
  readonly file: string;
  readonly name: string;
  readonly args: Readonly<Record<string, unknown>>;
  readonly caps: readonly (readonly [string, number])[]
}

/** Serves the program of one of the submission's files for ever. `config`: the file and its scenario arguments (JSON). */
export function serve(programs: Readonly<Record<string, () => unknown>>, config: string): void {
  const { file, name, args, caps } = JSON.parse(config) as Config, env = new LocalEnv(name, args);
  for (const [cap, selector] of caps) env.caps.set(cap, selector);
  bodies.set(0, function* (sys) {
    const program = programs[file]!() as Partial<Program> | undefined;
    if (typeof program?.main !== 'function')
      throw new TypeError(`${file} does not export a program: it must say 'export default { name, *main(sys, env) { … } }'`);
    yield* program.main(sys, env);
  });
  answer.clear().u8(Says.done);
  for (;;) act(exchange(answer.taken, answer.length, into));
}
