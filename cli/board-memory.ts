/** How much RAM the board gets under `run` and `vm`, where the user says how much the guest shall have. */
import type { Module, Scenario } from '../index.ts';
import { largestRam } from '../machine/engine/layout.ts';
import { ramFor } from '../system/ram.ts';
import { CliError } from './errors.ts';

const MIB = 2 ** 20;

/**
 * RAM for a guest with `memory` bytes in the `world` of it: kernel, roottask and drivers take their part, boot modules lie in it too. As much as is
 * comfortable, up to what the machine can have. @throws CliError when not even what is necessary fits
 */
export function boardMemory(memory: number, modules: readonly Module[], world: (memory: number) => Scenario): number {
  const files = modules.reduce((sum, module) => sum + Math.ceil(module.bytes.length / MIB) * MIB + 2 * MIB, 0);
  const comfortable = Math.ceil((memory * 1.2 + files) / (2 * MIB)) * 2 * MIB + 96 * MIB;
  const most = largestRam();
  if (comfortable <= most) return comfortable;
  const fits = (bytes: number): boolean => ramFor(world(bytes), modules) <= most;
  if (fits(memory)) return most;
  let possible = Math.floor(most / MIB);
  while (possible > 0 && !fits(possible * MIB)) possible--;
  if (possible === 0) throw new CliError('E_MEMORY', `the files of ${Math.ceil(files / MIB)} MiB leave no memory for the guest`, WHY);
  const beside = files >= 64 * MIB ? ` beside files of ${Math.ceil(files / MIB)} MiB` : '';
  throw new CliError('E_MEMORY', `option --memory: at most ${possible}M are possible${beside}`, WHY);
}

const WHY = 'machine, kernel and guest share 4 GiB';
