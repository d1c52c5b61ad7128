/** The RAM that a board needs: the components' limits, the boot modules, and room for the rest. */
import { DEFAULT_KERNEL_MEMORY, DEFAULT_MEMORY } from '../roottask/root/client.ts';
import { bytesOfSize, type Scenario } from '../roottask/scenario.ts';
import { largestRam } from '../machine/engine/layout.ts';
import type { Module } from './host.ts';

const LEAST = 32 << 20, SPARE = 8 << 20, UNIT = 0x20_0000, OWN = 4 << 20, SLACK = 4096;

/** Kernel memory: the sum of the components' quotas, and some for roottask. */
export function kernelMemoryFor(scenario: Scenario): number {
  let bytes = OWN;
  for (const component of Object.values(scenario.components)) bytes += bytesOfSize(component.kernelMemory ?? DEFAULT_KERNEL_MEMORY) + SLACK;
  return Math.ceil(bytes / UNIT) * UNIT;
}

export function ramFor(scenario: Scenario, modules: readonly Module[]): number {
  let bytes = SPARE + kernelMemoryFor(scenario);
  for (const component of Object.values(scenario.components)) bytes += bytesOfSize(component.memory ?? DEFAULT_MEMORY) + UNIT;
  for (const module of modules) bytes += module.bytes.length + UNIT;
  return Math.max(LEAST, Math.ceil(bytes / UNIT) * UNIT);
}

/** The requested RAM exceeds the possible RAM (0: the files alone are too large). Both in MiB. */
export class TooMuchMemory extends Error {
  readonly possible: number;
  readonly files: number;
  constructor(possible: number, files: number) {
    super(possible === 0
      ? `the files of ${files} MiB leave no memory for the guest`
      : `at most ${possible}M are possible${files >= 64 ? ` beside files of ${files} MiB` : ''}`);
    this.possible = possible;
    this.files = files;
  }
}

const MIB = 2 ** 20;

/**
 * RAM in bytes for a guest with `memory` bytes: kernel, roottask, drivers and boot modules need memory too. A comfortable amount, up to the
 * machine's maximum. @throws TooMuchMemory when not even what is necessary fits
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
  throw new TooMuchMemory(possible, Math.ceil(files / MIB));
}
