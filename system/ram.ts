/** How much RAM a board needs for a scenario that does not say: what its components may have, the boot modules, and room for the rest. */
import { DEFAULT_KERNEL_MEMORY, DEFAULT_MEMORY } from '../roottask/root/client.ts';
import { bytesOfSize, type Scenario } from '../roottask/scenario.ts';
import type { Module } from './host.ts';

const LEAST = 64 << 20, SPARE = 24 << 20, UNIT = 0x20_0000;

export function ramFor(scenario: Scenario, modules: readonly Module[]): number {
  let bytes = SPARE;
  for (const c of Object.values(scenario.components)) bytes += bytesOfSize(c.memory ?? DEFAULT_MEMORY) + bytesOfSize(c.kernelMemory ?? DEFAULT_KERNEL_MEMORY) + UNIT;
  for (const m of modules) bytes += m.bytes.length + UNIT;
  return Math.max(LEAST, Math.ceil(bytes / UNIT) * UNIT);
}
