/** The kernel's interface for user level. */
export * from './status.ts';
export * from './flexpage.ts';
export * from './mtd.ts';
export * from './utcb.ts';
export * from './events.ts';
export * from './operations.ts';
export * from './ipc.ts';
export * from './memory.ts';
export * from './window.ts';
export * from './port.ts';
export * from './bootinfo.ts';
export * from './trace.ts';
