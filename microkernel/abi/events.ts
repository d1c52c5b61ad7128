/**
 * Events: messages that the kernel sends on a thread's behalf. The label of an event message is its cause; each thread's event table names
 * a portal per cause. The reply resumes the thread with the state groups that the reply's MTD names.
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
  /** Guest: guest-page fault (20, 21, 23). word 1 = stval (virtual), 2 = htval (physical >> 2), 3 = htinst, or 2^32 + the instruction. */
  guestPageFault: 9,
  /** Guest: virtual-instruction exception other than wfi (word 1 = the instruction's bits). */
  virtualInstruction: 10,
  /** Guest: `wfi` with hstatus.VTW. pc is the instruction after it. */
  wfi: 11,
  /** Guest: any other trap that was not delegated to the guest. */
  guestTrap: 12,
  /**
   * An alien with a UTCB is about to make its own kernel call, and this entry has a portal. Word 0 = label of its message, 1 = low half of
   * the tag, 2 = 1 when it takes memory (window), + 2 when it takes capabilities. a0 … a2 are the call's flags, selector, time-out.
   */
  ownCall: 13,
  /** That call, permitted with `watch`, is over. Word 0 = status, 1 = badge, 2 = label of the received message. */
  ownCalled: 14,
} as const;
export type Cause = (typeof Cause)[keyof typeof Cause];
export const CAUSES = 15;
const causeNames = Object.keys(Cause);
export const causeName = (c: number): string => causeNames[c] ?? `cause ${c}`;

/** Label of a reply to an event: the thread's next action. */
export const Resume = {
  /** Resume with the new state. */
  go: 0,
  /** Alien at a system call: execute the ecall as the kernel's own (hybrid programs), then resume. */
  letThrough: 1,
  /** Leave the thread stopped (Thread.start or setState + start wakes it). */
  stop: 2,
  /** As `letThrough`, and raise `ownCalled` when the call is over, before the thread resumes. */
  watch: 3,
} as const;
