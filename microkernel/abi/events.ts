/**
 * Events: what the kernel sends on a thread's behalf. The label of an event message is its cause; each thread's event table names a
 * portal per cause. The reply resumes the thread with the state groups that the reply's MTD names.
 */
export const Cause = {
  /** First run of a thread (NOVA's startup exception): reply with the state to start in. Only if a portal is bound for it. */
  startup: 0,
  /** `recall` was called on the thread. */
  recall: 1,
  /** User: `ecall` of an alien thread, or any ecall that is not the kernel's. pc is the instruction after the ecall. */
  syscall: 2,
  /** User: page fault (instruction, load, store: word 0 = scause 12, 13, 15; word 1 = address). */
  pageFault: 3,
  illegal: 4,
  breakpoint: 5,
  misaligned: 6,
  accessFault: 7,
  /** Guest: `ecall` from VS mode. pc is the instruction after it. */
  sbi: 8,
  /** Guest: guest-page fault (scause 20, 21, 23). word 1 = stval (guest virtual), 2 = htval (guest physical >> 2), 3 = htinst. */
  guestPageFault: 9,
  /** Guest: virtual-instruction exception other than wfi (word 1 = the instruction's bits). */
  virtualInstruction: 10,
  /** Guest: `wfi` with hstatus.VTW. pc is the instruction after it. */
  wfi: 11,
  /** Guest: any other trap that was not delegated to the guest. */
  guestTrap: 12,
} as const;
export type Cause = (typeof Cause)[keyof typeof Cause];
export const CAUSES = 13;
const causeNames = Object.keys(Cause);
export const causeName = (c: number): string => causeNames[c] ?? `cause ${c}`;

/** Label of a reply to an event: what to do with the thread. */
export const Resume = {
  /** Go on with the new state. */
  go: 0,
  /** Alien at a system call: execute the ecall as the kernel's own (hybrid programs), then go on. */
  letThrough: 1,
  /** Leave the thread stopped (Thread.start or setState + start wakes it). */
  stop: 2,
} as const;
