/** The guided tour "follow a system call": each step explains one fact and shows it. */
import { useEffect, useRef } from 'preact/hooks';
import { analyse, cyclesText } from '../../trace/index.ts';
import { Kind } from '../../microkernel/abi/index.ts';
import { Icon } from './icons.tsx';
import type { Session } from './session.ts';
import { thousands } from './shown.ts';

interface TourStep { readonly title: string; text(session: Session): string; show(session: Session): void }

/** The record in the middle of the run that a filter finds `n`-th from there. */
function find(session: Session, test: (kind: number, task: string, a: number) => boolean, from: number): number {
  const { trace } = session;
  for (let i = Math.max(0, from); trace && i < trace.length; i++) {
    const r = trace.at(i);
    if (test(r.kind, trace.taskOf(r.actor), r.a)) return i;
  }
  return -1;
}
/** A call of getppid in the middle of the run, when nothing happens for the first time. */
const theCall = (session: Session): number => {
  const half = Math.floor((session.trace?.length ?? 0) / 2);
  return find(session, (kind, task) => kind === Kind.event && task.includes('getppid'), half);
};
const theAnswer = (session: Session): number => session.chains?.answer(theCall(session)) ?? -1;
const go = (session: Session, record: number): void => { if (record >= 0) session.select(record); };

export const steps: readonly TourStep[] = [
  {
    title: 'An ordinary Linux program',
    text: () =>
      'getppid is an unmodified riscv64 Linux program: it asks for its parent’s process number a thousand times, and has just done so in '
        + 'this page. But there is no Linux here. Whose system call was it?',
    show: (s) => { s.view.value = 'list'; s.setFilter(''); go(s, theCall(s)); },
  },
  {
    title: 'The call becomes a message',
    text: () =>
      'The program’s ecall enters the microkernel, which knows no system calls of Linux. It only knows to whom this task’s events go, and '
        + 'sends a message on its behalf. This record is that message: the first crossing into the kernel.',
    show: (s) => { s.view.value = 'list'; s.setFilter('nr:getppid'); go(s, theCall(s)); },
  },
  {
    title: 'A task like any other answers',
    text: (s) => {
      const call = s.record(theCall(s))?.time ?? 0, answer = s.record(theAnswer(s))?.time ?? 0;
      return `The Unix server is a task without privileges. It looks at the registers that came with the event, finds the number, and `
        + `answers; the answer resumes the program. That was ${cyclesText(answer - call)} of virtual time after the call: the second `
        + `crossing.`;
    },
    show: (s) => { s.view.value = 'list'; s.setFilter(''); go(s, theAnswer(s)); },
  },
  {
    title: 'There and back',
    text: () =>
      'The same as a diagram: time runs down, a line is a task. Everything between two tasks is such a message; there is no other way. '
        + 'Choose any arrow to read it in full.',
    show: (s) => { s.view.value = 'sequence'; s.setFilter(''); go(s, theCall(s)); },
  },
  {
    title: 'What it costs',
    text: (s) => {
      const row = s.trace && analyse(s.trace).syscalls.find((c) => c.name === 'getppid');
      return row
        ? `${thousands(row.events)} calls, each with ${row.kernelEntriesPerCall.toFixed(0)} kernel entries and `
          + `${row.spaceSwitchesPerCall.toFixed(0)} switches of address space, ${cyclesText(row.latency?.median ?? 0)} in the middle. A `
          + `kernel that has the call built in pays one entry and no switch; what is bought here is that the server can crash without `
          + `taking anything else along.`
        : '';
    },
    show: (s) => { s.view.value = 'counts'; },
  },
  {
    title: 'Where the time goes',
    text: () =>
      'Zoom in with the wheel, or with plus and minus: the program and the Unix server take turns on one processor, and the arrows between '
        + 'them are the messages you have just seen.',
    show: (s) => { s.view.value = 'timeline'; go(s, theCall(s)); },
  },
  {
    title: 'Your turn',
    text: () =>
      'Start a page fault, a pipe or a virtual machine from the first screen: the same kernel, the same messages, other causes. Or open a '
        + 'shell and follow a call that you make yourself.',
    show: () => undefined,
  },
];

export function Tour({ session, step, go: to }: { session: Session; step: number; go(step: number | undefined): void }) {
  const title = useRef<HTMLHeadingElement>(null), now = steps[step]!, ready = session.phase.value === 'ended' && session.chained;
  useEffect(() => { if (ready) now.show(session); title.current?.focus(); }, [step, ready]);
  return (
    <aside class="tour" aria-label="Tour: follow a system call">
      <div class="progress" aria-hidden="true">{steps.map((_, i) => <i key={i} data-on={i <= step} />)}</div>
      <h2 tabIndex={-1} ref={title}>{now.title}</h2>
      <p aria-live="polite">{ready ? now.text(session) : 'The machine is starting …'}</p>
      <div class="buttons">
        <button class="quiet" onClick={() => to(undefined)}>End tour</button><span class="spring" />
        <button disabled={step === 0} onClick={() => to(step - 1)}>Back</button>
        {step + 1 < steps.length
          ? <button class="primary" disabled={!ready} onClick={() => to(step + 1)}>Next<Icon name="right" /></button>
          : <a class="button primary" href="#/">All scenarios</a>}
      </div>
    </aside>
  );
}
