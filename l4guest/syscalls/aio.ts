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
  let m = contexts.get(mm);
  if (m) return m;
  contexts.set(mm, m = new Map());
  mm.onEnd = () => { for (const c of m!.values()) k.frames.uncharge(EVENT_COST * c.most); m!.clear(); };
  return m;
}

const MOST = 65536, EVENT = 32, EVENT_COST = 64;
/** Calls that do the work, by the request's number: pread, pwrite, fsync, fdatasync, preadv, pwritev. */
const handler = (name: string): Handler => ioCalls.find((r) => r.name === name)!.handler;
const Op = { PREAD: 0, PWRITE: 1, FSYNC: 2, FDSYNC: 3, NOOP: 6, PREADV: 7, PWRITEV: 8 } as const;

function setup(t: Thread, n: number, va: number): number {
  const all = contextsOf(t), entries = n >>> 0;
  if (getBig(t.mm, va) !== 0n || entries === 0) return -E.INVAL;
  // Linux keeps twice as many in 32 bits, and looks at that first.
  if (entries * 2 % 2 ** 32 > 0x80_0000) return -E.INVAL;
  if (entries > MOST) return -E.AGAIN;
  if (!t.k.frames.charge(EVENT_COST * entries)) return -E.NOMEM;
  const at = mapArea(t.mm, { at: 0, length: 4096, prot: Prot.READ | Prot.WRITE, flags: Map_.PRIVATE | Map_.ANONYMOUS });
  if (at < 0) { t.k.frames.uncharge(EVENT_COST * entries); return at; }
  all.set(at, new Context(entries));
  try { setI64(t.mm, va, at); } catch (e) { destroy(t, at); throw e; }
  return 0;
}
function destroy(t: Thread, at: number): number {
  const c = contextsOf(t).get(at);
  if (!c) return -E.INVAL;
  contextsOf(t).delete(at);
  t.k.frames.uncharge(EVENT_COST * c.most);
  unmap(t.mm, at, 4096);
  c.ended = true;
  c.wq.wakeAll();
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
function requestAt(t: Thread, at: number): Request {
  const b = copyIn(t.mm, at, 64), v = new DataView(b.buffer, b.byteOffset, 64), big = (o: number): number => Number(v.getBigInt64(o, true));
  if (v.getBigUint64(48, true) !== 0n) throw new CallError(E.INVAL);
  return {
    data: v.getBigUint64(0, true), how: v.getUint32(12, true), op: v.getUint16(16, true), fd: v.getInt32(20, true), buf: big(24),
    bytes: big(32), offset: big(40), flags: v.getUint32(56, true), eventFd: v.getInt32(60, true), result: 0
  };
}
/** The flags of a file for a transfer with these RWF_…. */
function flagsFor(flags: number, how: number): number {
  const appends = how & Rwf.NOAPPEND ? flags & ~O.APPEND : how & Rwf.APPEND ? flags | O.APPEND : flags;
  return how & Rwf.NOWAIT ? appends | O.NONBLOCK : appends;
}
function* perform(t: Thread, r: Request): Co<number> {
  const file = t.proc.fds.get(r.fd);
  if (!file) return -E.BADF;
  if (r.flags & ~3 || r.bytes < 0) return -E.INVAL;
  const event = r.flags & 1 ? t.proc.fds.get(r.eventFd) : undefined;
  if (r.flags & 1 && !event) return -E.BADF;
  if (event && !(event instanceof EventFile)) return -E.INVAL;
  const reads = r.op === Op.PREAD || r.op === Op.PREADV, writes = r.op === Op.PWRITE || r.op === Op.PWRITEV;
  if (reads && !file.readable || writes && !file.writable) return -E.BADF;
  if ((r.op === Op.FSYNC || r.op === Op.FDSYNC) && (r.buf || r.offset || r.bytes || r.how)) return -E.INVAL;
  const call: Handler | undefined = r.op === Op.PREAD ? handler('pread64')
    : r.op === Op.PWRITE ? handler('pwrite64')
    : r.op === Op.PREADV ? handler('preadv')
    : r.op === Op.PWRITEV ? handler('pwritev')
    : undefined;
  if (call) {
    const refused = howToMove(file, r.how);
    if (refused) return refused;
    const plain = handler(reads ? (r.op === Op.PREAD ? 'read' : 'readv') : r.op === Op.PWRITE ? 'write' : 'writev');
    const go = (): number | Co<number> =>
      file.seekable ? call(t, r.fd, r.buf, r.bytes, r.offset, 0, 0) : plain(t, r.fd, r.buf, r.bytes, 0, 0, 0);
    let n: number;
    try {
      n = yield* sooner(withFlags(file, flagsFor(file.flags, r.how), go));
    } catch (e) {
      if (!(e instanceof UserFault)) throw e;
      n = -E.FAULT;
    }
    return finish(r, event, n);
  }
  if (r.op === Op.FSYNC || r.op === Op.FDSYNC) return finish(r, event, yield* sooner(file.sync(t, r.op === Op.FDSYNC)));
  return r.op === Op.NOOP ? finish(r, event, 0) : -E.INVAL;
}
function finish(r: Request, event: unknown, n: number): number {
  r.result = n;
  if (event instanceof EventFile)
    event.write(new KernelIo(new Uint8Array(new BigUint64Array([1n]).buffer)) as Parameters<EventFile['write']>[0]);
  return 0;
}
function* submit(t: Thread, at: number, n: number, list: number): Co<number> {
  const c = contextsOf(t).get(at);
  if (!c || n < 0) return -E.INVAL;
  let done = 0;
  for (; done < n; done++) {
    let failed: number;
    try {
      const va = getI64(t.mm, list + 8 * done), r = requestAt(t, va);
      if (c.done.length >= c.most) failed = -E.AGAIN; else {
        failed = yield* perform(t, r);
        if (failed === 0) { c.done.push({ data: r.data, request: va, result: r.result }); setU32(t.mm, va + 8, 0); c.wq.wakeAll(); }
      }
    } catch (e) {
      if (e instanceof UserFault) failed = -E.FAULT; else if (e instanceof CallError) failed = -e.errno; else throw e;
    }
    if (failed < 0) return done || failed;
  }
  return done;
}
function* getEvents(t: Thread, at: number, least: number, most: number, events: number, timeVa: number): Co<number> {
  const c = contextsOf(t).get(at), wait = timeVa ? timespec(t, timeVa) : Infinity;
  if (!c || Number.isNaN(wait) || least < 0 || most < 0 || least > most) return -E.INVAL;
  let n = 0;
  for (const until = t.k.clock.now() + wait; ;) {
    for (let e = c.done[0]; e && n < most; e = c.done[0]) {
      const to = events + EVENT * n;
      setBig(t.mm, to, e.data);
      setI64(t.mm, to + 8, e.request);
      setI64(t.mm, to + 16, e.result);
      setI64(t.mm, to + 24, 0);
      c.done.shift();
      n++;
    }
    if (n >= least || until <= t.k.clock.now() || c.ended) return n;
    const r = yield* t.sleep(c.wq, until);
    if (r === -E.TIMEDOUT) return n;
    if (r < 0) return n || -E.INTR;
  }
}
/** No request is ever under way when somebody could ask. */
function cancel(t: Thread, _at: number, request: number): number {
  getU32(t.mm, request + 8);
  return -E.INVAL;
}
export const aioCalls: Row[] = [
  row('io_setup', setup), row('io_destroy', destroy), row('io_submit', submit, { note: 'no polling' }), row('io_cancel', cancel),
  row('io_getevents', (t, at, least, most, events, time) => getEvents(t, at, least, most, events, time)),
];
