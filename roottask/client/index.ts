/** The part of roottask that a server program may use. */
export * from './env.ts';
export * from './result.ts';
export * from './protocol.ts';
export * from './wire.ts';
export * from './memory.ts';
export * from './rom.ts';
export * from './log.ts';
export * from './console.ts';
export * from './block.ts';
export * from './net.ts';
export * from './files.ts';
export * from './names.ts';
export * from './lifecycle.ts';
export * from './threads.ts';
export * from './io.ts';
