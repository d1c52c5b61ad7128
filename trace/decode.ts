/**
 * Records in words. `sentence` is one line for lists and search, `details` the labelled lines of one record, `cyclesText` a duration.
 * One cycle is one nanosecond of virtual time (the board's timer ticks at 10 MHz, every 100 cycles).
 */
import { Cause, Kind, Resume, causeName, flexBase, flexOrder, flexRights, flexSelector, isCapPage, statusName } from '../microkernel/abi/index.ts';
import { labelName, operationOf } from './labels.ts';
import type { TraceFile, TraceSource } from './reader.ts';
import { RecordView } from './record.ts';
import { syscallName } from './words.ts';

const objectKinds = ['', 'factory', 'task', 'thread', 'semaphore', 'scheduling context', 'portal', 'reply'];
const sbiNames: Record<number, string> = {
  0: 'set_timer (legacy)', 1: 'console_putchar (legacy)', 2: 'console_getchar (legacy)', 8: 'shutdown (legacy)',
  0x10: 'base', 0x54494d45: 'time', 0x735049: 'ipi', 0x52464e43: 'rfence', 0x48534d: 'hsm', 0x53525354: 'system reset', 0x504d55: 'pmu', 0x4442434e: 'debug console', 0x53555350: 'suspend', 0x4e41434c: 'nested acceleration', 0x535441: 'steal time',
};

export const hex = (n: number): string => `0x${Math.abs(n).toString(16)}`;
export const sbiName = (extension: number): string => sbiNames[extension] ?? `extension ${hex(extension)}`;
const bytesText = (n: number): string => (n >= 2 ** 30 ? `${n / 2 ** 30} GiB` : n >= 2 ** 20 ? `${n / 2 ** 20} MiB` : n >= 1024 ? `${n / 1024} KiB` : `${n} B`);
const rightsText = (a: number): string => (a & 1 ? 'r' : '-') + (a & 2 ? 'w' : '-') + (a & 4 ? 'x' : '-');
const capRightsText = (a: number): string => ['use', 'control', 'map'].filter((_, i) => a & (1 << i)).join('+') || 'no rights';

/** A duration: 640 ns, 12.3 µs, 4.56 ms, 1.20 s. */
export function cyclesText(cycles: number): string {
  if (cycles < 1000) return `${Math.round(cycles)} ns`;
  const [value, unit] = cycles < 1e6 ? [cycles / 1e3, 'µs'] : cycles < 1e9 ? [cycles / 1e6, 'ms'] : [cycles / 1e9, 's'];
  return `${value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0)} ${unit}`;
}

/** What an event is about: the system call, the address, the SBI extension. */
export function eventText(cause: number, detail: number): string {
  switch (cause) {
    case Cause.syscall: return syscallName(detail);
    case Cause.pageFault: return `page fault at ${hex(detail)}`;
    case Cause.guestPageFault: return `guest page fault at ${hex(detail)}`;
    case Cause.sbi: return `SBI ${sbiName(detail)}`;
    case Cause.virtualInstruction: return `virtual instruction ${hex(detail)}`;
    case Cause.startup: case Cause.recall: case Cause.wfi: return causeName(cause);
    default: return `${causeName(cause)} ${hex(detail)}`;
  }
}

/** A range of memory, or of capabilities from `base` (an address or a selector), with rights; `rights` & 8 = capabilities. */
function rangeText(base: number, order: number, rights: number): string {
  if (rights & 8) return `capability ${base}${order ? ` … ${base + 2 ** order - 1}` : ''}, ${capRightsText(rights)}`;
  return `${order >= 38 ? 'all memory' : `${bytesText(2 ** order)} at ${hex(base)}`}, ${rightsText(rights)}`;
}
/** What a map or unmap record is about: a map names capabilities by selector, an unmap by the flexpage's base, and no rights are all. */
const mappedText = (r: RecordView): string => rangeText(r.kind === Kind.unmap && r.a & 8 ? flexSelector(r.c) : r.c, r.b, r.kind === Kind.unmap && (r.a & 7) === 0 ? r.a | 7 : r.a);
const flexpageText = (page: number): string => rangeText(isCapPage(page) ? flexSelector(page) : flexBase(page), flexOrder(page), flexRights(page) | (isCapPage(page) ? 8 : 0));

const messageText = (b: number): string => `${b & 0xff} word${(b & 0xff) === 1 ? '' : 's'}${b >> 8 ? `, ${b >> 8} item${b >> 8 === 1 ? '' : 's'}` : ''}`;
const resumeText = (how: number): string => (how === Resume.go ? 'resumed' : how === Resume.letThrough ? 'let through to the kernel' : how === Resume.stop ? 'left stopped' : `resume ${how}`);

type Say = (r: RecordView, origin: RecordView | undefined) => string;
const about = (origin: RecordView | undefined): string => (!origin ? '' : origin.kind === Kind.event ? eventText(origin.a, origin.c) : labelName(origin.a));
const said: Record<number, Say> = {
  [Kind.send]: (r) => `send ${labelName(r.a)} (${messageText(r.b)})`,
  [Kind.call]: (r) => `call ${labelName(r.a)} (${messageText(r.b)})`,
  [Kind.receive]: (r, o) => `receive ${about(o) || labelName(r.a)}`,
  [Kind.reply]: (r, o) => `reply ${about(o)} ${r.a === 0 ? 'done' : `status ${r.a}`} (${messageText(r.b)})`,
  [Kind.event]: (r) => eventText(r.a, r.c),
  [Kind.resume]: (r, o) => `${resumeText(r.a)} after ${about(o) || 'an event'}`,
  [Kind.invoke]: (r) => `${labelName(r.a)} ${operationText(r)}`,
  [Kind.map]: (r) => `map ${mappedText(r)}`,
  [Kind.unmap]: (r) => `unmap ${mappedText(r)}`,
  [Kind.schedule]: (r) => `runs, priority ${r.a}`,
  [Kind.interrupt]: (r) => `interrupt line ${r.a}`,
  [Kind.create]: (r) => `create ${objectKinds[r.a] ?? `kind ${r.a}`}, ${bytesText(r.c)} of quota`,
  [Kind.destroy]: (r) => `destroy ${objectKinds[r.a] ?? 'object'}`,
  [Kind.recall]: () => 'recall',
  [Kind.spaceSwitch]: () => 'address space switched',
  [Kind.timeout]: () => 'wait ended by time',
};

function operationText(r: RecordView): string {
  const first = operationOf(r.a)?.in[0];
  if (!first || first === 'text') return '';
  if (first === 'flexpage') return flexpageText(r.c);
  return `${first}=${first === 'address' || first === 'pc' ? hex(r.c) : r.c}`;
}

/** One line; `origin` is the record that `r` answers, if it is known. */
export function sentence(r: RecordView, origin?: RecordView): string {
  const text = (said[r.kind] ?? (() => r.kindName))(r, origin).trimEnd();
  return r.status === 0 ? text : `${text} = ${statusName(r.status)}`;
}

/** The two ends of a record: who acts, and on whom or what. */
export function ends(trace: TraceSource, r: RecordView): string {
  const actor = r.actor ? objectName(trace, r.actor) : 'kernel';
  if (r.object === 0) return actor;
  return `${actor} ${r.kind === Kind.reply || r.kind === Kind.resume ? '⇢' : '→'} ${objectName(trace, r.object)}`;
}

/** An object by name; a portal as the thread that serves it, a thread without a name of its own as its task and number. */
export function objectName(trace: TraceSource, id: number): string {
  const name = trace.names.get(id);
  if (name?.kind === 'portal' && name.parent) return objectName(trace, name.parent);
  return name?.kind === 'thread' && name.text === `thread ${id}` ? `${trace.taskOf(id)}:${id}` : trace.name(id);
}

/** The record that `r` answers or follows from. */
export function originOf(trace: TraceFile, r: RecordView, view: RecordView = new RecordView()): RecordView | undefined {
  const index = r.cause === 0 ? -1 : trace.indexOf(r.cause);
  return index < 0 ? undefined : trace.at(index, view);
}

const meanings: Record<number, [string, string, string]> = {
  [Kind.send]: ['label', 'words', 'badge'], [Kind.call]: ['label', 'words', 'badge'], [Kind.receive]: ['label', 'words', 'badge'], [Kind.reply]: ['label', 'words', ''],
  [Kind.event]: ['cause', 'state bytes', 'detail'], [Kind.resume]: ['how', 'state bytes', ''], [Kind.invoke]: ['operation', '', 'first word'],
  [Kind.map]: ['rights', 'order', 'address'], [Kind.unmap]: ['rights', 'order', 'address'], [Kind.schedule]: ['priority', '', ''], [Kind.interrupt]: ['line', '', ''], [Kind.create]: ['kind', '', 'bytes'],
};

/** All that a record says, as lines of name and value. */
export function details(trace: TraceFile, r: RecordView): [string, string][] {
  const origin = originOf(trace, r), lines: [string, string][] = [];
  lines.push(['what', `${r.kindName}: ${sentence(r, origin)}`]);
  lines.push(['when', `${cyclesText(r.time)} (cycle ${r.time}), hart ${r.hart}`]);
  lines.push(['who', r.actor ? `${trace.name(r.actor)} (thread ${r.actor}) of task ${trace.taskOf(r.actor)}` : 'the kernel']);
  if (r.object) lines.push(['object', `${trace.name(r.object)} (${trace.names.get(r.object)?.kind ?? 'object'} ${r.object}) of ${trace.taskOf(r.object)}`]);
  if (r.cause) lines.push(['follows', origin ? `record ${r.cause}, ${cyclesText(r.time - origin.time)} before: ${origin.kindName} of ${objectName(trace, origin.actor)}` : `record ${r.cause}, not in this file`]);
  const values = [r.a, r.b, r.c], words = (meanings[r.kind] ?? ['', '', '']).map((m, i) => (m ? `${m} ${i === 2 ? `${values[i]} (${hex(values[i]!)})` : values[i]}` : '')).filter(Boolean);
  if (words.length) lines.push(['fields', words.join('   ')]);
  const doc = r.kind === Kind.invoke ? operationOf(r.a) : undefined;
  if (doc) lines.push(['does', doc.doc]);
  return lines;
}
