/**
 * The status codes of every system call. A call that does not answer `ok` has changed nothing that anyone can see
 * (except `timeout`, `aborted` and `dead` of the receive half of a call whose send half was done).
 */
export const Status = {
  /** Done. */
  ok: 0,
  /** No capability at that selector. */
  badCap: 1,
  /** The capability names an object of another kind than this operation needs. */
  badKind: 2,
  /** The capability does not carry the right that this operation needs. */
  badRights: 3,
  /** Unknown operation for this object. */
  badOp: 4,
  /** An argument is outside its range, misaligned, overlapping, or contradicts another one. */
  badArgument: 5,
  /** The factory's quota does not allow it. */
  noQuota: 6,
  /** The selector, address or role is taken already. */
  busy: 7,
  /** The time-out expired before the partner was ready. */
  timeout: 8,
  /** The wait was ended by recall, kill or cancel. */
  aborted: 9,
  /** The partner has ended: its thread was killed, its portal deleted, or the reply capability dropped. */
  dead: 10,
  /** The message's words or state lie in memory that is not mapped, or the receive window is too small. */
  fault: 11,
} as const;
export type Status = (typeof Status)[keyof typeof Status];
const names = Object.keys(Status);
export const statusName = (s: number): string => names[s] ?? `status ${s}`;
