/** How much RAM a board needs for a scenario that does not say: what its components may have, the boot modules, and room for the rest. */
import { DEFAULT_KERNEL_MEMORY, DEFAULT_MEMORY } from '../roottask/root/client.ts';
import { bytesOfSize, type Scenario } from '../roottask/scenario.ts';
import type { Module } from './host.ts';

const LEAST = 32 << 20, SPARE = 8 << 20, UNIT = 0x20_0000, OWN = 4 << 20, SLACK = 4096;

/** Kernel memory: what the components' quotas add up to, and some for roottask. */
export function kernelMemoryFor(scenario: Scenario): number {
  let bytes = OWN;
  for (const c of Object.values(scenario.components)) bytes += bytesOfSize(c.kernelMemory ?? DEFAULT_KERNEL_MEMORY) + SLACK;
  return Math.ceil(bytes / UNIT) * UNIT;
}

export function ramFor(scenario: Scenario, modules: readonly Module[]): number {
  let bytes = SPARE + kernelMemoryFor(scenario);
  for (const c of Object.values(scenario.components)) bytes += bytesOfSize(c.memory ?? DEFAULT_MEMORY) + UNIT;
  for (const m of modules) bytes += m.bytes.length + UNIT;
  return Math.max(LEAST, Math.ceil(bytes / UNIT) * UNIT);
}
