/** The microkernel, for code that assembles a system. Servers see only `abi/`. */
export { Kernel } from './kernel.ts';
export type { Core } from './core.ts';
export type { KernelMachine, KernelOptions } from './boot.ts';
export { Counters } from './counters.ts';
export { audit } from './testing/audit.ts';
