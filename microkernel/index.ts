/** The microkernel, for those who assemble a system. Servers see `abi/` alone. */
export { Kernel } from './kernel.ts';
export type { Core } from './core.ts';
export type { KernelMachine, KernelOptions } from './boot.ts';
export { Counters } from './counters.ts';
export { audit } from './testing/audit.ts';
