/**
 * Operations of kernel objects: each is a `call` to the object's capability with this label and these words. The
 * rows feed the kernel's dispatcher, the stubs below user level, the reference page and the trace viewer.
 * Operands in order = message words. `sel` = selector in the caller's capability space. Results are words.
 */
import type { Status } from './status.ts';

/** `right`: the right the capability must carry. `fails`: statuses besides those of every operation, and why. */
export interface Operation {
  readonly label: number; readonly in: readonly string[]; readonly out: readonly string[]; readonly doc: string;
  readonly right?: 'use' | 'control'; readonly fails?: Readonly<Partial<Record<keyof typeof Status, string>>>;
}
type Fails = Operation['fails'];
const op = (label: number, right: 'use' | 'control', input: string, output: string, doc: string, fails: Fails = {}): Operation =>
  ({ label, right, in: input ? input.split(' ') : [], out: output ? output.split(' ') : [], doc, fails });

const SLOT: Fails = { busy: 'the slot `sel` is taken', noQuota: 'the factory, or the caller\'s own for the slot, has not enough left' };
const DEAD: Fails = { dead: 'the thread has ended' };
const STANDS: Fails = { ...DEAD, busy: 'the thread runs, or is a TypeScript thread' };
const NAMED = (what: string, kind: string): Fails => ({
  badCap: `no capability at \`${what}\``, badKind: `\`${what}\` is not a ${kind}`, badRights: `\`${what}\` may not be used for this`
});
const PARAMETERS: Fails = { badArgument: 'priority above 255, a period without or shorter than its budget, or a number out of range' };

/** A range for each kind, so that a label alone names an operation in a trace. */
export const Ops = {
  factory: {
    createTask: op(0x100, 'control', 'sel kind', '',
      'A task; kind 0 = host memory space (Sv39, both halves: addresses of the upper one are negative), 1 = guest-physical memory space '
        + '(Sv39x4), 2, 3 = host memory space of Sv48, Sv57.',
      { ...SLOT, badArgument: 'another kind, or `sel` is no selector' }),
    createThread: op(0x101, 'control', 'sel task flags utcb hart', '',
      'A thread in `task`. flags: see ThreadFlag. utcb: user address of its UTCB (RISC-V threads; 0 = none, for guests and TypeScript). '
        + 'TypeScript threads: the body travels beside the message.',
      {
        ...NAMED('task', 'task'), ...SLOT,
        badArgument: 'flags that contradict each other or the task, no such hart, a UTCB address that is not a page of the user\'s, or a '
          + 'body where none belongs',
        badRights: '`task` may not be used for this, or the factory has not that hart',
        busy: 'the slot is taken, or something is mapped at `utcb`'
      }),
    createPortal: op(0x102, 'control', 'sel thread label mtd', '',
      'A portal into `thread` with a 64-bit label, and the state groups that travel with events.',
      { ...NAMED('thread', 'thread'), ...SLOT, ...DEAD, badArgument: 'the thread is a guest or has no UTCB' }),
    createSemaphore: op(0x103, 'control', 'sel count', '', 'A semaphore with this initial count.',
      { ...SLOT, badArgument: 'a count beyond 32 bits' }),
    createSchedContext: op(0x104, 'control', 'sel priority budget period', '',
      'priority 0–255; budget and period in cycles; budget 0 = round robin with the default time slice (10 ms).',
      { ...SLOT, ...PARAMETERS, badRights: 'the factory does not reach that priority' }),
    createFactory: op(0x105, 'control', 'sel quota priority harts', '',
      'A factory with `quota` bytes taken from this one, for contexts up to `priority` and threads on `harts` (bit h: hart h; 0: as this '
        + 'one). When it ends, so does everything made out of it.',
      {
        ...SLOT, badArgument: 'a quota beyond 2^40, a priority above 255, or harts beyond 32 bits',
        badRights: 'this factory does not reach that priority, or has not all of these harts'
      }),
    account: op(0x106, 'control', '', 'limit used priority harts', 'Quota and use in bytes; the highest priority, and the harts.'),
  },
  task: {
    map: op(0x200, 'control', 'source flexpage dest flags', '',
      'Maps a flexpage (memory or capabilities) of task `source` (selector; 0 = the caller\'s) into this task at `dest`, rights as in the '
        + 'flexpage. flags: Item. Memory replaces what was mapped there, and what was derived from that.',
      { ...NAMED('source', 'task'), badArgument: 'order, alignment, rights or range make no sense',
        fault: 'no memory is mapped there with these rights', busy: 'a slot is taken',
        noQuota: 'this task\'s factory does not pay for tables and nodes, or the source\'s for the parts of a superpage',
        badCap: 'no task at `source`, or no capability in the flexpage',
        badRights: '`source` may not be controlled, or a capability may not be passed on or has none of these rights' }),
    unmap: op(0x201, 'control', 'flexpage flags', '',
      'Takes the rights of the flexpage away from everything derived from that range of this task (and from the range itself with flags = '
        + '1). Rights 0 mean all rights, order 64 with base 0 all of the task\'s memory. Works for memory and capabilities. A space that '
        + 'others\' unmapping leaves with a part of a superpage, and whose factory does not pay for splitting it, loses all of it.',
      {
        badArgument: 'order or alignment make no sense',
        noQuota: 'flags = 1, the range is a part of a superpage, and this task\'s factory does not pay for splitting it'
      }),
    lookup: op(0x202, 'control', 'address', 'flexpage', 'What is mapped at an address: flexpage with rights, 0 = nothing.',
      { badArgument: 'not an address of this space' }),
    delete: op(0x203, 'control', 'selector', '', 'Empties one slot of this task\'s capability space (what was derived from it stays).',
      { badCap: 'it is empty' }),
    name: op(0x204, 'control', 'text', '', 'A name for traces: up to 64 bytes of text, packed in the words.'),
    fence: op(0x205, 'control', 'address size', '',
      'VM task: every hart forgets what it caches of the guest\'s own translations and code in this range (size 0 = all).',
      { badArgument: 'a task with a host space' }),
  },
  thread: {
    start: op(0x300, 'control', 'pc sp arg', '',
      'Makes the thread runnable at pc with sp, a0 = arg (RISC-V), or starts the body (TypeScript). It runs once a scheduling context is '
        + 'bound, or on the time of who calls it.',
      { ...DEAD, busy: 'it has begun' }),
    getState: op(0x301, 'control', 'mtd', '', 'Copies the groups into the caller\'s state area. The thread must be stopped or waiting.',
      STANDS),
    setState: op(0x302, 'control', 'mtd', '', 'Takes the groups from the caller\'s state area.', STANDS),
    setEvents: op(0x303, 'control', 'portal causes', '', 'Sets the portal (selector, 0 = none) for every cause in the bit set.',
      { ...NAMED('portal', 'portal'), badArgument: 'a cause that there is not' }),
    bind: op(0x304, 'control', 'context', '', 'Binds a scheduling context (selector, 0 = unbind).',
      {
        ...NAMED('context', 'scheduling context'), ...DEAD,
        badRights: '`context` may not be used for this, or its priority is above what the thread\'s factory reaches',
        busy: 'the thread has one, or the context has a thread'
      }),
    recall: op(0x305, 'control', '', '',
      'Forces the running thread to raise a recall event at once; a thread that waits in an event raises it when it resumes; any other '
        + 'wait ends with `aborted`.',
      DEAD),
    kill: op(0x306, 'control', '', '', 'Ends the thread; partners get `dead`.'),
    cancel: op(0x307, 'control', '', '', 'Ends the thread\'s current wait with `aborted`.', DEAD),
    keepReply: op(0x308, 'use', 'sel', '',
      'Moves the caller\'s (this thread must be the caller) current reply into a slot as a one-shot reply capability.',
      { ...SLOT, badArgument: 'another thread than the caller', dead: 'there is nobody to answer' }),
    info: op(0x309, 'use', '', 'state consumed', 'State and cycles consumed.'),
    resume: op(0x30a, 'control', '', '', 'Makes a stopped thread runnable again with the state it has.',
      { ...DEAD, busy: 'it is not stopped' }),
    name: op(0x30b, 'control', 'text', '', 'A name for traces: up to 64 bytes of text, packed in the words.'),
  },
  semaphore: {
    up: op(0x400, 'use', '', '', 'Adds one, or wakes the longest waiting thread of the highest priority.'),
    down: op(0x401, 'control', 'clear', 'count',
      'Takes one (or, with clear = 1, all), waiting up to the receive time-out. An interrupt\'s line may fire from now on.',
      { timeout: 'nothing came in time', aborted: 'the wait was ended by recall or cancel', dead: 'the semaphore has gone' }),
    ack: op(0x402, 'control', '', '', 'Interrupt: handled; the line may fire again.', { badKind: 'an ordinary semaphore' }),
    route: op(0x404, 'control', 'hart', '', 'Interrupt: the line goes to this hart from now on (at first to hart 0).',
      { badKind: 'an ordinary semaphore', badArgument: 'no such hart' }),
  },
  schedContext: {
    set: op(0x500, 'control', 'priority budget period', '', 'New parameters, and a new budget.',
      { ...PARAMETERS, badRights: 'the factory that the context, or its thread, came from does not reach that priority' }),
    consumed: op(0x501, 'use', '', 'cycles', 'Cycles used since the last call.'),
  },
} as const;

/** Thread creation flags. */
export const ThreadFlag = { guest: 1, alien: 2, typescript: 4 } as const;

/** The first task's initial capabilities. */
export const Initial = {
  task: 1, thread: 2, factory: 3, schedContext: 4, irqBase: 64 /* + interrupt line: one semaphore per PLIC source 0 … 127 */
} as const;
/**
 * Selectors that every task started by the loader has in common: its own task, its main thread, its factory, its main thread's scheduling
 * context.
 */
export const Own = { task: 1, thread: 2, factory: 3, schedContext: 4 } as const;
/** User-chosen selectors start here by convention. */
export const FIRST_FREE_SELECTOR = 256;
