/** The named steps of a guest's fault, with the records that show them: for the details of the fault's record. */
import { Kind } from '../microkernel/abi/index.ts';
import type { TraceFile } from './reader.ts';
import { RecordView } from './record.ts';
import { isShadowSpace } from './shadows.ts';

type Line = [name: string, text: string];
/** Records after an answer within which the guest resumes. */
const SOON = 8;

/** The six steps of a fault of a guest that has shadow tables (docs/techniques.md); `by`: who answers it. */
export function shadowSteps(trace: TraceFile, event: number, answer: number, by: string): Line[] {
  const view = new RecordView(), end = trace.at(answer).sequence, { sequence } = trace.at(event);
  let filled = '', at = 0;
  for (let i = event + 1; i < answer; i++) {
    trace.at(i, view);
    if (view.cause === sequence && view.kind === Kind.map && isShadowSpace(trace.name(view.object))) {
      filled = trace.name(view.object);
      at = view.sequence;
    }
  }
  const hidden: Line[] = [['step 4', 'it says yes: a hidden fault, of which the guest does not hear'],
    ['step 5', `record ${at}: the page becomes one of ${filled}`], ['step 6', `record ${end}: the access is done again`]];
  const other: Line[] = [['step 3', `it says no, or no memory is there: record ${end} goes on in the guest's handler, or behind a `
    + `device's register`]];
  return [['step 1', `record ${sequence}: the access faults, the space has no such page`], ['step 2', `${by} walks the guest's own tables`],
    ...(filled === '' ? other : hidden)];
}

/**
 * The eight steps of an access to a device's register (docs/scenarios/mmio.md). `access`, `answered`: the event and its answer in words;
 * `by`: who answers.
 */
export function accessSteps(trace: TraceFile, event: number, answer: number,
    words: { access: string; answered: string; by: string }): Line[] {
  const asked = trace.at(event), end = trace.at(answer), { access, answered, by } = words;
  const there = switchTo(trace, event + 1, answer, end.actor), back = switchTo(trace, answer + 1, answer + SOON, asked.actor);
  const seen = (record: number): string => (record < 0 ? '' : `record ${trace.at(record).sequence}: `);
  return [
    ['step 1', `the guest executes the access: ${access}`],
    ['step 2', 'the processor finds nothing in the second stage of translation: it traps to the kernel'],
    ['step 3', `record ${asked.sequence}: the kernel makes a message of cause, addresses and state`],
    ['step 4', `${seen(there)}the message arrives through the portal for this cause, ${by} runs`],
    ['step 5', `${by} finds the row of this exit and decodes the instruction`],
    ['step 6', `the model of the device answers: ${answered}`],
    ['step 7', `record ${end.sequence}: ${by} replies with the new state and program counter`],
    ['step 8', `${seen(back)}the kernel loads the state, and the guest goes on as if there had been a device`],
  ];
}

/** The record from `from` on, before `to`, with which a hart goes to this thread; -1 for none. */
function switchTo(trace: TraceFile, from: number, to: number, thread: number): number {
  const view = new RecordView();
  for (let i = from; i < Math.min(to, trace.length); i++) {
    trace.at(i, view);
    if (view.kind === Kind.schedule && view.actor === thread) return i;
  }
  return -1;
}
