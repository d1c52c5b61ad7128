/** The named steps of a guest's exit, with the records that show them: for the details of the exit's record. */
import { Cause, Kind } from '../microkernel/abi/index.ts';
import { Part } from './payload.ts';
import type { TraceFile } from './reader.ts';
import { RecordView } from './record.ts';
import { isFirmwareCall } from './said.ts';
import { isShadowSpace } from './shadows.ts';
import { visible } from './visible.ts';

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
  const walks = saidThere(trace, sequence), after = saidThere(trace, end);
  const hidden: Line[] = [['step 4', 'it says yes: a hidden fault, of which the guest does not hear'],
    ['step 5', `record ${at}: the page becomes one of ${filled}`], ...linesNamed(after, 'after'),
    ['step 6', `record ${end}: the access is done again`]];
  const other: Line[] = [['step 3', `it says no, or no memory is there: record ${end} goes on in the guest's handler, or behind a `
    + `device's register`], ...linesNamed(after, 'mode')];
  return [['step 1', `record ${sequence}: the access faults, the space has no such page`], ...linesNamed(walks, 'instruction'),
    ['step 2', `${by} walks the guest's own tables`], ...linesNamed(walks, 'before'), ...(filled === '' ? other : hidden)];
}

/** What each cause of a guest in U mode means, and what is done about it. */
const DEPRIVILEGED: Readonly<Record<number, readonly [why: string, done: string]>> = {
  [Cause.startup]: ['the processor has not run yet', 'waits until it is started, then sets its registers'],
  [Cause.recall]: ['something waits for the processor: a device, a timer, another processor', 'raises the interrupt that is due'],
  [Cause.illegal]: ['a privileged instruction in U mode', 'performs it on the supervisor in software'],
  [Cause.breakpoint]: ['a breakpoint, which stands for a sensitive instruction or is the guest\'s own',
    'performs that instruction on the supervisor in software, scans the code that begins here, or passes the breakpoint on'],
  [Cause.syscall]: ['a system call of its program', 'enters the guest\'s kernel: a trap of the supervisor in software'],
};
const PASSED_ON = ['a trap that is the guest\'s', 'enters the guest\'s kernel: a trap of the supervisor in software'] as const;
const FIRMWARE = ['a call of its kernel to the firmware', 'does what the firmware would'] as const;
/** The same for a guest in VS and VU mode. */
const ASSISTED: Readonly<Record<number, readonly [why: string, done: string]>> = {
  [Cause.startup]: DEPRIVILEGED[Cause.startup]!, [Cause.recall]: DEPRIVILEGED[Cause.recall]!, [Cause.sbi]: FIRMWARE,
  [Cause.virtualInstruction]: ['an instruction that hstatus, hcounteren or hedeleg keep from the guest', 'performs it on its registers'],
  [Cause.wfi]: ['it waits for an interrupt', 'waits in its place'],
  [Cause.guestTrap]: ['a trap that is not delegated to the guest', 'enters the guest\'s kernel'],
};

/**
 * The steps of any other exit: where and why the guest exits, who handles it and how, where the guest continues. `what`: the event in
 * words; nothing for causes that no guest has.
 */
export function exitSteps(trace: TraceFile, event: number, answer: number, { what, by }: { what: string; by: string }): Line[] {
  const asked = trace.at(event), end = trace.at(answer), deprivileged = isDeprivileged(asked.a, trace.taskOf(asked.actor));
  const row = isFirmwareCall(asked) ? FIRMWARE : deprivileged ? DEPRIVILEGED[asked.a] ?? PASSED_ON : ASSISTED[asked.a];
  if (!row) return [];
  const there = saidThere(trace, asked.sequence), after = saidThere(trace, end.sequence), space = end.c === 0 ? '' : trace.name(end.c);
  return [['step 1', `record ${asked.sequence}: the guest leaves, ${what}`], ...linesNamed(there, 'instruction'),
    ...linesNamed(there, 'mode'),
    ['step 2', `why: ${row[0]}`], ['step 3', `the kernel makes an event of it, which ${by} takes`], ['step 4', `${by} ${row[1]}`],
    ['step 5', `record ${end.sequence}: the answer has the new state${isShadowSpace(space) ? `, and names where to go on: ${space}` : ''}`],
    ...linesNamed(after, 'mode')];
}

/** Is the processor of this task a software one? Its monitor has named the technique; older recordings know only the causes. */
const isDeprivileged = (cause: number, task: string): boolean => / by (trap|patch|pre)$/.test(task)
  || cause === Cause.syscall || cause === Cause.illegal || cause === Cause.breakpoint;

/** Lines that were captured with a record. */
function saidThere(trace: TraceFile, sequence: number): Line[] {
  const part = trace.payload(sequence).find((p) => p.part === Part.lines);
  if (!part) return [];
  return new TextDecoder().decode(part.bytes).split('\n').map((l) => [l.slice(0, l.indexOf('\t')), l.slice(l.indexOf('\t') + 1)]);
}
/** The lines with one name; only the first shows it. */
const TITLES: Readonly<Record<string, string>> = { before: 'walks', after: 'shadow' };
const linesNamed = (lines: readonly Line[], name: string): Line[] => lines.filter(([n]) => n === name)
  .map(([, text], i) => [i === 0 ? TITLES[name] ?? name : '', visible(text)]);

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

/** The first record in [from, to) at which a hart switches to this thread; -1 for none. */
function switchTo(trace: TraceFile, from: number, to: number, thread: number): number {
  const view = new RecordView();
  for (let i = from; i < Math.min(to, trace.length); i++) {
    trace.at(i, view);
    if (view.kind === Kind.schedule && view.actor === thread) return i;
  }
  return -1;
}
