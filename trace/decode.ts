/**
 * Records in words. `sentence` is one line for lists and search, `details` the labelled lines of one record, `cyclesText` a duration.
 * One cycle is one nanosecond of virtual time (the board's timer ticks at 10 MHz, every 100 cycles).
 */
import { Cause, Kind, Resume, statusName } from '../microkernel/abi/index.ts';
import { answerOf } from './causality.ts';
import { labelName, operationOf } from './labels.ts';
import type { TraceFile, TraceSource } from './reader.ts';
import { stateBytes, RecordView } from './record.ts';
import { isGuestThread } from './shadows.ts';
import { interruptSteps, requestSteps } from './io-steps.ts';
import { accessSteps, exitSteps, shadowSteps } from './steps.ts';
import { answerText, bytesText, eventWords, flexpageText, hex, itemsText, mappedRange, operationText, rangeText,
  requestText } from './said.ts';

const objectKinds = ['', 'factory', 'task', 'thread', 'semaphore', 'scheduling context', 'portal', 'reply'];
export { hex, sbiName } from './said.ts';

/** A duration: 640 ns, 12.3 µs, 4.56 ms, 1.20 s. */
export function cyclesText(cycles: number): string {
  if (cycles < 1000) return `${Math.round(cycles)} ns`;
  const [value, unit] = cycles < 1e6 ? [cycles / 1e3, 'µs'] : cycles < 1e9 ? [cycles / 1e6, 'ms'] : [cycles / 1e9, 's'];
  return `${value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0)} ${unit}`;
}

const mappedText = (r: RecordView): string => { const m = mappedRange(r); return rangeText(m.base, r.b, m.all); };
const messageText = (b: number): string =>
  `${b & 0xff} word${(b & 0xff) === 1 ? '' : 's'}${b >> 8 ? `, ${b >> 8} item${b >> 8 === 1 ? '' : 's'}` : ''}`;
const resumeText = (how: number): string => (how === Resume.go ? 'resumed' : how === Resume.letThrough ? 'let through to the kernel'
  : how === Resume.stop ? 'left stopped' : how === Resume.watch ? 'let through to the kernel, watched' : `resume ${how}`);

type Say = (r: RecordView, origin: RecordView | undefined) => string;
const about = (origin: RecordView | undefined, answer?: RecordView): string => (!origin ? '' : origin.kind === Kind.event
  ? eventWords(origin, answer) : requestText(origin));
const replyText = (r: RecordView, origin: RecordView | undefined): string => answerText(r, origin) || messageText(r.b);
const asked = (record: RecordView): string => {
  const text = requestText(record);
  return text.includes('(') ? text : `${text} (${messageText(record.b)})`;
};
const said: Record<number, Say> = {
  [Kind.send]: (r) => `send ${asked(r)}`,
  [Kind.call]: (r) => `call ${asked(r)}`,
  [Kind.receive]: (r, o) => `receive ${about(o) || labelName(r.a)}`,
  [Kind.reply]: (r, o) => `reply ${about(o)} ${r.a === 0 ? 'done' : `status ${r.a}`} (${replyText(r, o)})`,
  [Kind.event]: (r) => eventWords(r),
  [Kind.resume]: (r, o) => `${resumeText(r.a)} after ${about(o, r) || 'an event'}`,
  [Kind.invoke]: (record) => {
    const text = operationText(record);
    return text === undefined ? `${labelName(record.a)} ${firstOperand(record)}` : `${labelName(record.a)}${text}`;
  },
  [Kind.map]: (r) => `map ${mappedText(r)}`,
  [Kind.unmap]: (r) => `unmap ${mappedText(r)}`,
  [Kind.schedule]: (r) => (r.actor === 0 ? 'nobody runs: the hart waits' : `runs, priority ${r.a}`),
  [Kind.interrupt]: (r) => `interrupt line ${r.a}`,
  [Kind.create]: (r) => `create ${objectKinds[r.a] ?? `kind ${r.a}`}, ${bytesText(r.c)} of quota`,
  [Kind.destroy]: (r) => `destroy ${objectKinds[r.a] ?? 'object'}`,
  [Kind.recall]: () => 'recall',
  [Kind.spaceSwitch]: () => 'address space switched',
  [Kind.timeout]: () => 'wait ended by time',
  [Kind.wake]: (r) => (r.a === 0 ? 'woken by the interrupt' : `woken by a signal${r.source ? ` of ${r.source.taskOf(r.a)}` : ''}`),
  0: () => 'lost: the file is damaged here',
};

function firstOperand(record: RecordView): string {
  const first = operationOf(record.a)?.in[0];
  if (!first || first === 'text') return '';
  if (first === 'flexpage') return flexpageText(record.c);
  return `${first}=${first === 'address' || first === 'pc' ? hex(record.c) : record.c}`;
}

/** One line; `origin` is the record that `r` answers, if known. */
export function sentence(record: RecordView, origin?: RecordView): string {
  const text = (said[record.kind] ?? (() => record.kindName))(record, origin).trimEnd();
  return record.status === 0 ? text : `${text} = ${statusName(record.status)}`;
}

/** The two ends of a record: the actor, and its object; of a thread switch the thread that stops, and the one that runs. */
export function ends(trace: TraceSource, record: RecordView): string {
  if (record.kind === Kind.schedule) return switched(trace, record);
  const actor = record.actor ? objectName(trace, record.actor) : 'kernel';
  if (record.object === 0) return actor;
  return `${actor} ${record.kind === Kind.reply || record.kind === Kind.resume ? '⇢' : '→'} ${objectName(trace, record.object)}`;
}

/** A hart switches threads: the one that stops comes first. */
function switched(trace: TraceSource, record: RecordView): string {
  const [stops, runs] = [record.object, record.actor].map((thread) => (thread ? objectName(trace, thread) : 'idle'));
  return `${stops} ⇒ ${runs}`;
}

/** An object by name; a portal as the thread that serves it, a thread without a name of its own as its task and number. */
export function objectName(trace: TraceSource, id: number): string {
  const name = trace.names.get(id);
  if (name?.kind === 'portal' && name.parent) return objectName(trace, name.parent);
  return name?.kind === 'thread' && name.text === `thread ${id}` ? `${trace.taskOf(id)}:${id}` : trace.name(id);
}

/** The record that `r` answers or follows from. */
export function originOf(trace: TraceFile, record: RecordView, view: RecordView = new RecordView()): RecordView | undefined {
  const index = record.cause === 0 ? -1 : trace.indexOf(record.cause);
  return index < 0 ? undefined : trace.at(index, view);
}

const meanings: Record<number, [string, string, string]> = {
  [Kind.send]: ['label', 'words', 'badge'], [Kind.call]: ['label', 'words', 'badge'], [Kind.receive]: ['label', 'words', 'badge'],
    [Kind.reply]: ['label', 'words', ''],
  [Kind.event]: ['cause', 'state bytes', 'detail'], [Kind.resume]: ['how', 'state bytes', ''],
    [Kind.invoke]: ['operation', '', 'first word'],
  [Kind.wake]: ['signalled by thread', '', ''],
  [Kind.map]: ['rights', 'order', 'address'], [Kind.unmap]: ['rights', 'order', 'address'], [Kind.schedule]: ['priority', '', ''],
    [Kind.interrupt]: ['line', '', ''], [Kind.create]: ['kind', '', 'bytes'],
};

/** Records to examine after a request for its result. */
const NEARBY = 3000;
/** The result of a request: its answer, and for a page fault the mappings that resolved it. */
function outcome(trace: TraceFile, record: RecordView): [string, string][] {
  const index = trace.indexOf(record.sequence), answer = index < 0 ? -1 : answerOf(trace, index, NEARBY), view = new RecordView();
  if (answer < 0) return [];
  const reply = trace.at(answer), lines: [string, string][] = [[
    'answered', `record ${reply.sequence}, ${cyclesText(reply.time - record.time)} later, by ${objectName(trace, reply.actor)}: `
      + sentence(reply, record)
  ]];
  let maps = 0, bytes = 0;
  for (let i = index + 1; i < answer; i++) {
    trace.at(i, view);
    if (view.cause === record.sequence && view.kind === Kind.map && view.status === 0 && !(view.a & 8)) { maps++; bytes += 2 ** view.b; }
  }
  const isGuests = record.kind === Kind.event && isGuestThread(trace.name(record.actor)), by = objectName(trace, record.object);
  if (isGuests && record.a !== Cause.pageFault && record.a !== Cause.guestPageFault)
    lines.push(...exitSteps(trace, index, answer, { what: eventWords(record, reply), by }));
  if (isGuests && record.a === Cause.pageFault) lines.push(...shadowSteps(trace, index, answer, by));
  if (isGuests && record.a === Cause.guestPageFault && maps === 0) {
    const words = { access: eventWords(record), answered: eventWords(record, reply), by },
      request = requestSteps(trace, index, answer, words);
    lines.push(...request.length > 0 ? request : accessSteps(trace, index, answer, words));
  }
  if (maps > 0) lines.push(['mapped', `${maps} flexpage${maps === 1 ? '' : 's'}, ${bytesText(bytes)}, by ${trace.taskOf(reply.actor)}`]);
  return lines;
}

/** Everything in a record, as lines of name and value. */
export function details(trace: TraceFile, record: RecordView): [string, string][] {
  const origin = originOf(trace, record), lines: [string, string][] = [];
  lines.push(['what', `${record.kindName}: ${sentence(record, origin)}`]);
  lines.push(['when', `${cyclesText(record.time)} (cycle ${record.time}), hart ${record.hart}`]);
  if (record.kind === Kind.schedule) {
    for (const [what, thread] of [['stops', record.object], ['runs', record.actor]] as const) lines.push([what, thread
      ? `${trace.name(thread)} (thread ${thread}) of task ${trace.taskOf(thread)}` : 'nobody']);
    lines.push(['fields', `priority ${record.a}`]);
    return lines;
  }
  lines.push(['who', record.actor ? `${trace.name(record.actor)} (thread ${record.actor}) of task ${trace.taskOf(record.actor)}`
    : 'the kernel']);
  if (record.object)
    lines.push([
      'object', `${trace.name(record.object)} (${trace.names.get(record.object)?.kind ?? 'object'} ${record.object}) of `
        + trace.taskOf(record.object)
    ]);
  if (record.cause)
    lines.push([
      'follows',
      origin
        ? `record ${record.cause}, ${cyclesText(record.time - origin.time)} before: ${origin.kindName} of `
          + objectName(trace, origin.actor)
        : `record ${record.cause}, not in this file`
    ]);
  lines.push(...outcome(trace, record));
  if (record.kind === Kind.interrupt) lines.push(...interruptSteps(trace, trace.indexOf(record.sequence)));
  for (const item of itemsText(record)) lines.push(['item', item]);
  const values = [record.a, record.kind === Kind.event || record.kind === Kind.resume ? stateBytes(record.b) : record.b, record.c],
    words = (meanings[record.kind] ?? ['', '', '']).map((m, i) => (m ? `${m} ${i === 2 ? `${values[i]} (${hex(values[i]!)})` : values[i]}`
    : '')).filter(Boolean);
  if (words.length) lines.push(['fields', words.join('   ')]);
  const doc = record.kind === Kind.invoke ? operationOf(record.a) : undefined;
  if (doc) lines.push(['does', doc.doc]);
  return lines;
}
