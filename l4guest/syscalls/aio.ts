/**
 * Asynchronous input and output by Linux's calls (io_setup and relatives). A request completes when it is submitted, as on Linux with
 * buffered files. Results wait in the context until they are read.
 *
 * @spec linux include/uapi/linux/aio_abi.h
 */
import { EventFile } from '../fs/eventfds.ts';
import { E } from '../abi/errno.ts';
import { Map_, O, Prot } from '../abi/linux.ts';
import { CallError, UserFault } from '../kernel/failure.ts';
import { sooner } from '../kernel/later.ts';
import type { Thread } from '../kernel/thread.ts';
import { WaitQueue, type Co } from '../kernel/wait.ts';
import { mapArea, unmap } from '../mm/mmap.ts';
import type { Mm } from '../mm/mm.ts';
import { copyIn, getBig, getI64, getU32, setBig, setI64, setU32, KernelIo } from '../mm/uaccess.ts';
import { howToMove, ioCalls, Rwf, withFlags } from './io.ts';
import { row, type Handler, type Row } from './row.ts';
import { timespec } from './times.ts';

interface Event { readonly data: bigint; readonly request: number; readonly result: number }
class Context {
  readonly done: Event[] = [];
  readonly wq = new WaitQueue();
  readonly most: number;
  ended = false;
  constructor(most: number) { this.most = most; }
}
const contexts = new WeakMap<Mm, Map<number, Context>>();
function contextsOf({ k, mm }: Thread): Map<number, Context> {
  let known = contexts.get(mm);
  if (known) return known;
  contexts.set(mm, known = new Map());
  mm.onEnd = () => { for (const c of known!.values()) k.frames.uncharge(EVENT_COST * c.most); known!.clear(); };
  return known;
}

const MOST = 65536, EVENT = 32, EVENT_COST = 64;
/** The system call that does the work of each kind of request: pread, pwrite, fsync, fdatasync, preadv, pwritev. */
const handler = (name: string): Handler => ioCalls.find((r) => r.name === name)!.handler;
const Op = { PREAD: 0, PWRITE: 1, FSYNC: 2, FDSYNC: 3, NOOP: 6, PREADV: 7, PWRITEV: 8 } as const;

function setup(thread: Thread, n: number, va: number): number {
  const all = contextsOf(thread), entries = n >>> 0;
  if (getBig(thread.mm, va) !== 0n || entries === 0) return -E.INVAL;
  // Linux keeps twice as many, in 32 bits, and checks that number first.
  if (entries * 2 % 2 ** 32 > 0x80_0000) return -E.INVAL;
  if (entries > MOST) return -E.AGAIN;
  if (!thread.k.frames.charge(EVENT_COST * entries)) return -E.NOMEM;
  const at = mapArea(thread.mm, { at: 0, length: 4096, prot: Prot.READ | Prot.WRITE, flags: Map_.PRIVATE | Map_.ANONYMOUS });
  if (at < 0) { thread.k.frames.uncharge(EVENT_COST * entries); return at; }
  all.set(at, new Context(entries));
  try { setI64(thread.mm, va, at); } catch (error) { destroy(thread, at); throw error; }
  return 0;
}
function destroy(thread: Thread, at: number): number {
  const context = contextsOf(thread).get(at);
  if (!context) return -E.INVAL;
  contextsOf(thread).delete(at);
  thread.k.frames.uncharge(EVENT_COST * context.most);
  unmap(thread.mm, at, 4096);
  context.ended = true;
  context.wq.wakeAll();
  return 0;
}

interface Request {
  readonly data: bigint;
  readonly op: number;
  readonly fd: number;
  readonly buf: number;
  readonly bytes: number;
  readonly offset: number;
  readonly flags: number;
  readonly eventFd: number;
  readonly how: number;
  result: number
}
function requestAt(thread: Thread, at: number): Request {
  const bytes = copyIn(thread.mm, at, 64), view = new DataView(bytes.buffer, bytes.byteOffset, 64),
    big = (o: number): number => Number(view.getBigInt64(o, true));
  if (view.getBigUint64(48, true) !== 0n) throw new CallError(E.INVAL);
  return {
    data: view.getBigUint64(0, true), how: view.getUint32(12, true), op: view.getUint16(16, true), fd: view.getInt32(20, true),
      buf: big(24),
    bytes: big(32), offset: big(40), flags: view.getUint32(56, true), eventFd: view.getInt32(60, true), result: 0
  };
}
/** The file's flags for a transfer with these RWF_…. */
function flagsFor(flags: number, how: number): number {
  const appends = how & Rwf.NOAPPEND ? flags & ~O.APPEND : how & Rwf.APPEND ? flags | O.APPEND : flags;
  return how & Rwf.NOWAIT ? appends | O.NONBLOCK : appends;
}
function* perform(thread: Thread, request: Request): Co<number> {
  const file = thread.proc.fds.get(request.fd);
  if (!file) return -E.BADF;
  if (request.flags & ~3 || request.bytes < 0) return -E.INVAL;
  const event = request.flags & 1 ? thread.proc.fds.get(request.eventFd) : undefined;
  if (request.flags & 1 && !event) return -E.BADF;
  if (event && !(event instanceof EventFile)) return -E.INVAL;
  const reads = request.op === Op.PREAD || request.op === Op.PREADV, writes = request.op === Op.PWRITE || request.op === Op.PWRITEV;
  if (reads && !file.readable || writes && !file.writable) return -E.BADF;
  if ((request.op === Op.FSYNC || request.op === Op.FDSYNC) && (request.buf || request.offset || request.bytes || request.how))
    return -E.INVAL;
  const call: Handler | undefined = request.op === Op.PREAD ? handler('pread64')
    : request.op === Op.PWRITE ? handler('pwrite64')
    : request.op === Op.PREADV ? handler('preadv')
    : request.op === Op.PWRITEV ? handler('pwritev')
    : undefined;
  if (call) {
    const refused = howToMove(file, request.how);
    if (refused) return refused;
    const plain = handler(reads ? (request.op === Op.PREAD ? 'read' : 'readv') : request.op === Op.PWRITE ? 'write' : 'writev');
    const go = (): number | Co<number> =>
      file.seekable ? call(thread, request.fd, request.buf, request.bytes, request.offset, 0, 0)
        : plain(thread, request.fd, request.buf, request.bytes, 0, 0, 0);
    let n: number;
    try {
      n = yield* sooner(withFlags(file, flagsFor(file.flags, request.how), go));
    } catch (error) {
      if (!(error instanceof UserFault)) throw error;
      n = -E.FAULT;
    }
    return finish(request, event, n);
  }
  if (request.op === Op.FSYNC || request.op === Op.FDSYNC)
    return finish(request, event, yield* sooner(file.sync(thread, request.op === Op.FDSYNC)));
  return request.op === Op.NOOP ? finish(request, event, 0) : -E.INVAL;
}
function finish(request: Request, event: unknown, n: number): number {
  request.result = n;
  if (event instanceof EventFile)
    event.write(new KernelIo(new Uint8Array(new BigUint64Array([1n]).buffer)) as Parameters<EventFile['write']>[0]);
  return 0;
}
function* submit(thread: Thread, at: number, n: number, list: number): Co<number> {
  const context = contextsOf(thread).get(at);
  if (!context || n < 0) return -E.INVAL;
  let done = 0;
  for (; done < n; done++) {
    let failed: number;
    try {
      const va = getI64(thread.mm, list + 8 * done), request = requestAt(thread, va);
      if (context.done.length >= context.most) failed = -E.AGAIN; else {
        failed = yield* perform(thread, request);
        if (failed === 0) {
          context.done.push({ data: request.data, request: va, result: request.result });
          setU32(thread.mm, va + 8, 0);
          context.wq.wakeAll();
        }
      }
    } catch (error) {
      if (error instanceof UserFault) failed = -E.FAULT; else if (error instanceof CallError) failed = -error.errno; else throw error;
    }
    if (failed < 0) return done || failed;
  }
  return done;
}
function* getEvents(thread: Thread, at: number, least: number, most: number, events: number, timeVa: number): Co<number> {
  const context = contextsOf(thread).get(at), wait = timeVa ? timespec(thread, timeVa) : Infinity;
  if (!context || Number.isNaN(wait) || least < 0 || most < 0 || least > most) return -E.INVAL;
  let n = 0;
  for (const until = thread.k.clock.now() + wait; ;) {
    for (let event = context.done[0]; event && n < most; event = context.done[0]) {
      const to = events + EVENT * n;
      setBig(thread.mm, to, event.data);
      setI64(thread.mm, to + 8, event.request);
      setI64(thread.mm, to + 16, event.result);
      setI64(thread.mm, to + 24, 0);
      context.done.shift();
      n++;
    }
    if (n >= least || until <= thread.k.clock.now() || context.ended) return n;
    const slept = yield* thread.sleep(context.wq, until);
    if (slept === -E.TIMEDOUT) return n;
    if (slept < 0) return n || -E.INTR;
  }
}
/** A request completes when it is submitted, so none is left that could be cancelled. */
function cancel(thread: Thread, _at: number, request: number): number {
  getU32(thread.mm, request + 8);
  return -E.INVAL;
}
export const aioCalls: Row[] = [
  row('io_setup', setup), row('io_destroy', destroy), row('io_submit', submit, { note: 'no polling' }), row('io_cancel', cancel),
  row('io_getevents', (t, at, least, most, events, time) => getEvents(t, at, least, most, events, time)),
];
