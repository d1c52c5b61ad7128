/** Calls whose last step stores a result for the caller: if that fails, the call has no effect. */
import { E } from '../abi/errno.ts';
import { UserFault } from '../kernel/failure.ts';

/** Runs the last step of a call, a copy to user memory; if it fails, `undo` takes the call's effect back. 0 or -EFAULT. */
export function tellOrUndo(tell: () => void, undo: () => void): number {
  try { tell(); return 0; } catch (error) {
    if (!(error instanceof UserFault)) throw error;
    undo();
    return -E.FAULT;
  }
}
