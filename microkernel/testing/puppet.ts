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
  const utcb = sys.utcb;
  let answer: readonly number[] = [0, 0, 0];
  for (;;) {
    utcb.window = utcb.capWindow = 0;
    const words = (yield* sys.call(report, { label: 999, words: answer })).words.map(Number);
    const [flags = 0, cap = 0, timeout = 0, low = 0, label = 0, window = 0, capWindow = 0, page = 0, dest = 0] = words;
    words.slice(9).forEach((w, i) => utcb.setWord(i, w));
    utcb.window = window;
    utcb.capWindow = capWindow;
    utcb.setItem(0, page, dest, 0);
    utcb.setTag(label, low & 127, low >> 8);
    const limit = timeout < 0 ? NEVER : timeout, status = yield sys.ipc(flags, cap, limit, limit);
    answer = [status, utcb.badge, utcb.label, ...Array.from({ length: utcb.wordCount }, (_, i) => utcb.word(i)).slice(0, WORDS)];
  }
};

/** Makes a puppet out of selectors `first` … `first + 15`; it waits for its first order. */
export function* makePuppet(sys: Syscalls, kind: Puppet['kind'], first: number, page: number, hart = 0): Sys<Puppet> {
  const puppet: Puppet = { kind, task: first, thread: first + 1, context: first + 2, portal: first + 3, reply: first + 4 },
    factory = first + 5;
  yield* sys.must(Initial.factory, Ops.factory.createFactory, [factory, 300_000, 200, 0]);
  yield* sys.must(factory, Ops.factory.createTask, [puppet.task, 0]);
  yield* sys.must(factory, Ops.factory.createThread,
    [puppet.thread, puppet.task, kind === 'riscv' ? 0 : ThreadFlag.typescript, kind === 'riscv' ? UTCB : 0, hart],
    kind === 'riscv' ? undefined : scripted(1000));
  yield* sys.must(factory, Ops.factory.createSchedContext, [puppet.context, 100, 0, 0]);
  yield* sys.must(puppet.thread, Ops.thread.bind, [puppet.context]);
  yield* sys.must(Initial.factory, Ops.factory.createPortal, [puppet.portal, Initial.thread, first, Mtd.args | Mtd.regs]);
  for (const [i, cap] of [puppet.task, puppet.thread, factory, puppet.context].entries())
    yield* sys.must(puppet.task, Ops.task.map, [0, capPage(cap), i + 1, 0]);
  if (kind === 'riscv') {
    yield* sys.must(puppet.thread, Ops.thread.setEvents, [puppet.portal, 0x1ffe]);
    yield* loadProgram(sys, puppet.task, stub, { pa: page });
  } else yield* sys.must(puppet.task, Ops.task.map, [0, capPage(puppet.portal), 1000, 0]);
  yield* sys.must(puppet.thread, Ops.thread.start, [CODE, 0, 0]);
  yield* end(sys, puppet);
  return puppet;
}

/** Gives an order; the puppet sets about it when the conductor waits. */
export function* begin(sys: Syscalls, puppet: Puppet, order: Order): Sys<void> {
  const [low, label] = tagOf(order), utcb = sys.utcb, { flags, cap = 0, timeout = -1, window = 0, capWindow = 0, words = [] } = order,
    page = order.item?.flexpage ?? 0, dest = order.item?.dest ?? 0;
  if (puppet.kind === 'typescript') {
    yield* sys.send(puppet.reply, { words: [flags, cap, timeout, low, label, window, capWindow, page, dest, ...words] });
    return;
  }
  utcb.setX(10, flags); utcb.setX(11, cap); utcb.setX(12, timeout);
  utcb.setX(X.tag, label * 2 ** 32 + low);
  utcb.setX(X.window, window);
  utcb.setX(X.capWindow, capWindow);
  utcb.setX(X.page, page);
  utcb.setX(X.dest, dest);
  for (let i = 0; i < WORDS; i++) utcb.setX(X.word + i, words[i] ?? 0);
  utcb.setTag(0, 0);
  utcb.mtd = Mtd.args | Mtd.regs;
  yield sys.ipc(IpcFlag.send, puppet.reply);
}

/** Waits for the report; undefined when it has not come within `patience` ns. */
export function* end(sys: Syscalls, puppet: Puppet, patience = 1e7): Sys<Report | undefined> {
  const event = yield* sys.receive(puppet.portal, patience), utcb = sys.utcb;
  if (event.status !== 0) return undefined;
  const n = puppet.kind === 'riscv' ? utcb.x(X.tag) % 128 : 0;
  const report: Report = puppet.kind === 'typescript'
    ? {
      status: Number(event.words[0]), badge: Number(event.words[1]), label: Number(event.words[2]),
      words: event.words.slice(3).map(Number)
    }
    : {
      status: utcb.x(10), badge: utcb.x(11), label: Math.floor(utcb.x(X.tag) / 2 ** 32),
      words: Array.from({ length: Math.min(n, WORDS) }, (_, i) => utcb.x(X.word + i))
    };
  yield* sys.must(Initial.thread, Ops.thread.keepReply, [puppet.reply]);
  return report;
}

/** An order and its report. */
export function* play(sys: Syscalls, puppet: Puppet, order: Order): Sys<Report> {
  yield* begin(sys, puppet, order);
  const report = yield* end(sys, puppet);
  if (!report) throw new Error(`${puppet.kind} puppet: no report`);
  return report;
}
