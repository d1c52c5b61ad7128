/** Exceptions by which nested code fails a system call. */

/** Thrown by accesses to user memory without the needed mapping; the dispatcher returns EFAULT. */
export class UserFault extends Error {}
/** Thrown by nested code of a call that fails with this number. */
export class CallError extends Error {
  readonly errno: number;
  constructor(errno: number) { super(`errno ${errno}`); this.errno = errno; }
}
export const EFAULT = new UserFault('bad address of a user process');
