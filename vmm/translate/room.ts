/** Memory beyond the guest's own that replacing its instructions takes. */
import { roomForCopies } from './copies.ts';
import { roomForStubs } from './stubs.ts';

export const roomForCode = (technique: unknown, memory: number, processors: number): number =>
  (technique === 'patch' ? roomForCopies(memory) : 0) + (technique === 'patch' || technique === 'pre' ? roomForStubs(processors) : 0);
