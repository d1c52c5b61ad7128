/** The kernel's interface as TypeScript programs use it. */
export * from './syscalls.ts';
export * from './flexpages.ts';
export * from './bootinfo.ts';
export * from './look.ts';
