/** Calls whose last step is telling the caller: what cannot be told has not happened. */
import { E } from '../abi/errno.ts';
import { UserFault } from '../kernel/failure.ts';

/** Runs a copy to user memory that is the last step of a call; where it fails, `undo` takes the call's effect back. 0 or -EFAULT. */
export function tellOrUndo(tell: () => void, undo: () => void): number {
  try { tell(); return 0; } catch (e) {
    if (!(e instanceof UserFault)) throw e;
    undo();
    return -E.FAULT;
  }
}
