/** The board's RAM under `run` and `vm`, where the user gives the guest's. */
import type { Module, Scenario } from '../index.ts';
import { boardMemory as size, TooMuchMemory } from '../system/ram.ts';
import { CliError } from './errors.ts';

/** As in `system/ram.ts`. @throws CliError when even the minimum does not fit */
export function boardMemory(memory: number, modules: readonly Module[], world: (memory: number) => Scenario): number {
  try {
    return size(memory, modules, world);
  } catch (error) {
    if (!(error instanceof TooMuchMemory)) throw error;
    throw new CliError('E_MEMORY', `${error.possible === 0 ? '' : 'option --memory: '}${error.message}`,
      'machine, kernel and guest share 4 GiB');
  }
}
