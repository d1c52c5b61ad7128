/**
 * What one asks of kernel objects: each operation is a `call` to the object's capability with this label and these words. The
 * rows feed the kernel's dispatcher, the stubs below user level, the reference page and the trace viewer.
 * Operands in order = message words. `sel` = selector in the caller's capability space. Answers come back as words.
 */
export interface Operation { readonly label: number; readonly in: readonly string[]; readonly out: readonly string[]; readonly doc: string }
const op = (label: number, input: string, output: string, doc: string): Operation => ({ label, in: input ? input.split(' ') : [], out: output ? output.split(' ') : [], doc });

/** A range for each kind, so that a label alone names an operation in a trace. */
export const Ops = {
  factory: {
    createTask: op(0x100, 'sel kind', '', 'A task; kind 0 = host memory space, 1 = guest-physical memory space (Sv39x4).'),
    createThread: op(0x101, 'sel task flags utcb hart', '', 'A thread in `task`. flags: see ThreadFlag. utcb: user address of its UTCB (RISC-V threads; 0 for guests and TypeScript). TypeScript threads: the body travels beside the message.'),
    createPortal: op(0x102, 'sel thread label mtd', '', 'A portal into `thread` with a 64-bit label, and the state groups that travel with events.'),
    createSemaphore: op(0x103, 'sel count', '', 'A semaphore with this initial count.'),
    createSchedContext: op(0x104, 'sel priority budget period', '', 'priority 0–255; budget and period in cycles; budget 0 = round robin with the default time slice.'),
    createFactory: op(0x105, 'sel quota', '', 'A factory with `quota` bytes taken from this one.'),
    account: op(0x106, '', 'limit used', 'Quota and use in bytes.'),
  },
  task: {
    map: op(0x200, 'source flexpage dest flags', '', 'Maps a flexpage (memory or capabilities) of task `source` (selector; 0 = the caller\'s) into this task at `dest`, rights as in the flexpage. flags: Item.'),
    unmap: op(0x201, 'flexpage flags', '', 'Takes the rights of the flexpage away from everything derived from that range of this task (and from the range itself with flags = 1). Rights 0 mean all rights. Works for memory and capabilities.'),
    lookup: op(0x202, 'address', 'flexpage', 'What is mapped at an address: flexpage with rights, 0 = nothing.'),
    delete: op(0x203, 'selector', '', 'Empties one slot of this task\'s capability space (what was derived from it stays).'),
    name: op(0x204, 'text', '', 'A name for traces: up to 64 bytes of text, packed in the words.'),
    fence: op(0x205, 'address size', '', 'VM task: every hart forgets what it caches of the guest\'s own translations and code in this range (size 0 = all).'),
  },
  thread: {
    start: op(0x300, 'pc sp arg', '', 'Makes the thread runnable at pc with sp, a0 = arg (RISC-V), or starts the body (TypeScript). Needs a scheduling context bound.'),
    getState: op(0x301, 'mtd', '', 'Copies the groups into the caller\'s state area. The thread must be stopped or waiting.'),
    setState: op(0x302, 'mtd', '', 'Takes the groups from the caller\'s state area.'),
    setEvents: op(0x303, 'portal causes', '', 'Sets the portal (selector, 0 = none) for every cause in the bit set.'),
    bind: op(0x304, 'context', '', 'Binds a scheduling context (selector, 0 = unbind).'),
    recall: op(0x305, '', '', 'Forces the running thread to raise a recall event at once; a thread that waits in an event raises it when it resumes.'),
    kill: op(0x306, '', '', 'Ends the thread; partners get `dead`.'),
    cancel: op(0x307, '', '', 'Ends the thread\'s current wait with `aborted`.'),
    keepReply: op(0x308, 'sel', '', 'Moves the caller\'s (this thread must be the caller) current reply into a slot as a one-shot reply capability.'),
    info: op(0x309, '', 'state consumed', 'State and cycles consumed.'),
    resume: op(0x30a, '', '', 'Makes a stopped thread runnable again with the state it has.'),
    name: op(0x30b, 'text', '', 'A name for traces: up to 64 bytes of text, packed in the words.'),
  },
  semaphore: {
    up: op(0x400, '', '', 'Adds one, or wakes the longest waiting thread of the highest priority.'),
    down: op(0x401, 'clear', '', 'Takes one (or, with clear = 1, all), waiting up to the receive time-out.'),
    ack: op(0x402, '', '', 'Interrupt: handled; unmask the line.'),
  },
  schedContext: {
    set: op(0x500, 'priority budget period', '', 'New parameters.'),
    consumed: op(0x501, '', 'cycles', 'Cycles used since the last call.'),
  },
} as const;

/** Thread creation flags. */
export const ThreadFlag = { guest: 1, alien: 2, typescript: 4 } as const;

/** What the first task finds in its capability space. */
export const Initial = { task: 1, thread: 2, factory: 3, schedContext: 4, irqBase: 64 /* + interrupt line: one semaphore per PLIC source 0 … 127 */ } as const;
/** Selectors that every task started by the loader has in common: its own task, its main thread, its factory (if given any). */
export const Own = { task: 1, thread: 2, factory: 3 } as const;
/** User-chosen selectors start here by convention. */
export const FIRST_FREE_SELECTOR = 256;
