/** How a system call fails out of the depth of its work. */

/** Thrown by accesses to user memory that has no mapping with the right needed; the dispatcher answers EFAULT. */
export class UserFault extends Error {}
/** Thrown out of the depth of a call that fails with this number. */
export class CallError extends Error {
  readonly errno: number;
  constructor(errno: number) { super(`errno ${errno}`); this.errno = errno; }
}
export const EFAULT = new UserFault('bad address of a user process');
