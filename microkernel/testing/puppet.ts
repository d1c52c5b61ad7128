/**
 * Puppets: threads in separate tasks that make exactly the ordered system calls, one kind in RISC-V code, one in TypeScript. The conductor
 * gives an order and gets a report; so one suite of tests runs with either kind, and with both together.
 *
 * Orders and reports of the RISC-V kind travel as the registers of an event; of the TypeScript kind, as words of a call.
 */
import { Initial, IPC, IpcFlag, Mtd, NEVER, Ops, ThreadFlag, U, capPage, type Sys } from '../abi/index.ts';
import type { Syscalls, ThreadBody } from '../../binding/index.ts';
import { CODE, loadProgram } from './real-machine.ts';

export interface Order {
  flags: number; cap?: number; timeout?: number; label?: number; words?: readonly number[];
  item?: { flexpage: number; dest: number }; window?: number; capWindow?: number;
}
export interface Report { status: number; badge: number; label: number; words: number[] }
export interface Puppet {
  readonly kind: 'riscv' | 'typescript';
  readonly task: number;
  readonly thread: number;
  readonly portal: number;
  readonly reply: number;
  readonly context: number
}

const UTCB = 0x2000_0000, WORDS = 8;
/** Registers of orders and reports: tag, window, capWindow, flexpage, destination; words from x18 on. */
const X = { tag: 1, window: 3, capWindow: 4, page: 5, dest: 6, word: 18 } as const;

const stub = `li s0, ${UTCB}
  next: li a7, 999; ecall
  li s0, ${UTCB}
  sd x1, 0(s0); sd x3, ${U.window}(s0); sd x4, ${U.capWindow}(s0); sd x5, ${U.items}(s0); sd x6, ${U.items + 8}(s0)
  sd zero, ${U.items + 16}(s0)
  ${Array.from({ length: WORDS }, (_, i) => `sd x${X.word + i}, ${U.words + 8 * i}(s0)`).join('; ')}
  li a7, ${IPC}; ecall
  ld x1, 0(s0)
  ${Array.from({ length: WORDS }, (_, i) => `ld x${X.word + i}, ${U.words + 8 * i}(s0)`).join('; ')}
  j next`;

const tagOf = (o: Order): [low: number, label: number] => [(o.words?.length ?? 0) | (o.item ? 256 : 0), o.label ?? 0];

/** Body of the TypeScript kind: reports through portal `report`. */
const scripted = (report: number): ThreadBody => function* puppet(sys) {
  const u = sys.utcb;
  let answer: readonly number[] = [0, 0, 0];
  for (;;) {
    u.window = u.capWindow = 0;
    const words = (yield* sys.call(report, { label: 999, words: answer })).words.map(Number);
    const [flags = 0, cap = 0, timeout = 0, low = 0, label = 0, window = 0, capWindow = 0, page = 0, dest = 0] = words;
    words.slice(9).forEach((w, i) => u.setWord(i, w));
    u.window = window;
    u.capWindow = capWindow;
    u.setItem(0, page, dest, 0);
    u.setTag(label, low & 127, low >> 8);
    const t = timeout < 0 ? NEVER : timeout, status = yield sys.ipc(flags, cap, t, t);
    answer = [status, u.badge, u.label, ...Array.from({ length: u.wordCount }, (_, i) => u.word(i)).slice(0, WORDS)];
  }
};

/** Makes a puppet out of selectors `first` … `first + 15`; it waits for its first order. */
export function* makePuppet(sys: Syscalls, kind: Puppet['kind'], first: number, page: number, hart = 0): Sys<Puppet> {
  const p: Puppet = { kind, task: first, thread: first + 1, context: first + 2, portal: first + 3, reply: first + 4 }, factory = first + 5;
  yield* sys.must(Initial.factory, Ops.factory.createFactory, [factory, 300_000, 200, 0]);
  yield* sys.must(factory, Ops.factory.createTask, [p.task, 0]);
  yield* sys.must(factory, Ops.factory.createThread,
    [p.thread, p.task, kind === 'riscv' ? 0 : ThreadFlag.typescript, kind === 'riscv' ? UTCB : 0, hart],
    kind === 'riscv' ? undefined : scripted(1000));
  yield* sys.must(factory, Ops.factory.createSchedContext, [p.context, 100, 0, 0]);
  yield* sys.must(p.thread, Ops.thread.bind, [p.context]);
  yield* sys.must(Initial.factory, Ops.factory.createPortal, [p.portal, Initial.thread, first, Mtd.args | Mtd.regs]);
  for (const [i, cap] of [p.task, p.thread, factory, p.context].entries())
    yield* sys.must(p.task, Ops.task.map, [0, capPage(cap), i + 1, 0]);
  if (kind === 'riscv') {
    yield* sys.must(p.thread, Ops.thread.setEvents, [p.portal, 0x1ffe]);
    yield* loadProgram(sys, p.task, stub, { pa: page });
  } else yield* sys.must(p.task, Ops.task.map, [0, capPage(p.portal), 1000, 0]);
  yield* sys.must(p.thread, Ops.thread.start, [CODE, 0, 0]);
  yield* end(sys, p);
  return p;
}

/** Gives an order; the puppet sets about it when the conductor waits. */
export function* begin(sys: Syscalls, p: Puppet, o: Order): Sys<void> {
  const [low, label] = tagOf(o), u = sys.utcb, { flags, cap = 0, timeout = -1, window = 0, capWindow = 0, words = [] } = o,
    page = o.item?.flexpage ?? 0, dest = o.item?.dest ?? 0;
  if (p.kind === 'typescript') {
    yield* sys.send(p.reply, { words: [flags, cap, timeout, low, label, window, capWindow, page, dest, ...words] });
    return;
  }
  u.setX(10, flags); u.setX(11, cap); u.setX(12, timeout);
  u.setX(X.tag, label * 2 ** 32 + low);
  u.setX(X.window, window);
  u.setX(X.capWindow, capWindow);
  u.setX(X.page, page);
  u.setX(X.dest, dest);
  for (let i = 0; i < WORDS; i++) u.setX(X.word + i, words[i] ?? 0);
  u.setTag(0, 0);
  u.mtd = Mtd.args | Mtd.regs;
  yield sys.ipc(IpcFlag.send, p.reply);
}

/** Waits for the report; undefined when it has not come within `patience` ns. */
export function* end(sys: Syscalls, p: Puppet, patience = 1e7): Sys<Report | undefined> {
  const r = yield* sys.receive(p.portal, patience), u = sys.utcb;
  if (r.status !== 0) return undefined;
  const n = p.kind === 'riscv' ? u.x(X.tag) % 128 : 0;
  const report: Report = p.kind === 'typescript'
    ? { status: Number(r.words[0]), badge: Number(r.words[1]), label: Number(r.words[2]), words: r.words.slice(3).map(Number) }
    : {
      status: u.x(10), badge: u.x(11), label: Math.floor(u.x(X.tag) / 2 ** 32),
      words: Array.from({ length: Math.min(n, WORDS) }, (_, i) => u.x(X.word + i))
    };
  yield* sys.must(Initial.thread, Ops.thread.keepReply, [p.reply]);
  return report;
}

/** An order and its report. */
export function* play(sys: Syscalls, p: Puppet, o: Order): Sys<Report> {
  yield* begin(sys, p, o);
  const report = yield* end(sys, p);
  if (!report) throw new Error(`${p.kind} puppet: no report`);
  return report;
}
