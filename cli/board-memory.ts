/** How much RAM the board gets under `run` and `vm`, where the user says how much the guest shall have. */
import type { Module, Scenario } from '../index.ts';
import { boardMemory as size, TooMuchMemory } from '../system/ram.ts';
import { CliError } from './errors.ts';

/** As `system/ram.ts` has it. @throws CliError when not even what is necessary fits */
export function boardMemory(memory: number, modules: readonly Module[], world: (memory: number) => Scenario): number {
  try {
    return size(memory, modules, world);
  } catch (error) {
    if (!(error instanceof TooMuchMemory)) throw error;
    throw new CliError('E_MEMORY', `${error.possible === 0 ? '' : 'option --memory: '}${error.message}`,
      'machine, kernel and guest share 4 GiB');
  }
}
