/**
 * The way of a guest's request to a device that works on its own: four steps there, and four steps of the interrupt back. Each time
 * somebody finds out who is meant: by cause and address there; by the line, the request and the virtual line back. For the details of
 * both records.
 */
import { Kind } from '../microkernel/abi/index.ts';
import type { TraceFile } from './reader.ts';
import { RecordView } from './record.ts';

type Line = [name: string, text: string];
/** The next link of a chain is looked for among this many records. */
const FAR = 4000;

/** The first record behind this one that is so; -1 for none. */
function next(trace: TraceFile, index: number, isSo: (record: RecordView) => boolean): number {
  const view = new RecordView();
  for (let i = index + 1; index >= 0 && i < Math.min(index + FAR, trace.length); i++) if (isSo(trace.at(i, view))) return i;
  return -1;
}
const numbered = (first: number, texts: readonly string[]): Line[] => texts.map((text, i) => [`step ${first + i}`, text]);
const who = (trace: TraceFile, thread: number): string => `${trace.name(thread)} of ${trace.taskOf(thread)}`;
const record = (trace: TraceFile, index: number): string => `record ${trace.at(index).sequence}`;

/**
 * The steps of an interrupt: the driver hears of it, then its client; if that is a monitor, its guest. Those that are in the recording;
 * `first`: the number of the first.
 */
export function interruptSteps(trace: TraceFile, interrupt: number, first = 1): Line[] {
  const { sequence, a: line } = trace.at(interrupt), texts: string[] = [];
  const wake = next(trace, interrupt, (r) => r.kind === Kind.wake && r.cause === sequence);
  if (wake < 0) return [];
  const driver = trace.at(wake).actor, told = next(trace, wake, (r) => r.kind === Kind.wake && r.a === driver);
  texts.push(`${record(trace, interrupt)}: line ${line} is raised; by its number the kernel finds a semaphore, and wakes `
    + who(trace, driver));
  if (told >= 0) {
    const client = trace.at(told).actor, recall = next(trace, told, (r) => r.actor === client && r.kind === Kind.recall);
    texts.push(`${record(trace, told)}: by the request that is done, it finds whose it was, and wakes ${who(trace, client)}`);
    if (recall >= 0) {
      const guest = trace.at(recall).object, answer = next(trace, recall, (r) => r.kind === Kind.resume && r.object === guest);
      texts.push(`${record(trace, recall)}: that one completes the guest's request; by the line of the virtual interrupt controller it `
        + `finds the processor, and recalls ${trace.name(guest)}`);
      if (answer >= 0) texts.push(`${record(trace, answer)}: the answer of ${trace.name(trace.at(answer).actor)} makes an interrupt `
        + 'pending: the guest goes on in its handler');
    }
  }
  return numbered(first, texts);
}

/**
 * The eight steps of an access that hands a request on to another thread of the monitor, which asks a driver; nothing for other accesses.
 * `access`: the event in words; `by`: who answers it.
 */
export function requestSteps(trace: TraceFile, event: number, answer: number, { access, by }: { access: string; by: string }): Line[] {
  const asked = trace.at(event), end = trace.at(answer), handed = next(trace, event, (r) => r.kind === Kind.wake && r.a === end.actor);
  if (handed < 0 || handed > answer) return [];
  const worker = trace.at(handed).actor, call = next(trace, handed, (r) => r.kind === Kind.call && r.actor === worker);
  if (call < 0) return [];
  const { sequence } = trace.at(call), taken = next(trace, call, (r) => r.kind === Kind.receive && r.cause === sequence);
  if (taken < 0) return [];
  const driver = trace.taskOf(trace.at(taken).actor);
  const there = numbered(1, [
    `the guest executes the access: ${access}; nothing is mapped there, and the processor traps to the kernel`,
    `record ${asked.sequence}: by the cause the kernel finds the portal, and makes a message, which ${by} takes`,
    `${record(trace, handed)}: by the address it finds the device, whose model hands the request to ${trace.name(worker)}`,
    `record ${end.sequence}: it replies, and the guest goes on; ${trace.name(worker)} calls ${driver} (${record(trace, call)})`,
  ]);
  const wake = next(trace, taken, (r) => r.kind === Kind.wake && r.a === 0 && r.cause !== 0 && trace.taskOf(r.actor) === driver);
  const interrupt = wake < 0 ? -1 : trace.indexOf(trace.at(wake).cause);
  return interrupt < 0 ? there : [...there, ...interruptSteps(trace, interrupt, there.length + 1)];
}
