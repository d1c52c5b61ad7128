/** Loads parts that only some runs need (recording, debugging) on demand, for a faster start. */
import type { SharedOptions } from './options.ts';

export interface Tools {
  readonly tracing?: typeof import('./tracing.ts');
  readonly gdb?: typeof import('./gdb/hosted.ts');
}

export async function toolsFor(debugged: boolean, options: SharedOptions): Promise<Tools> {
  return {
    ...(options.trace !== undefined && { tracing: await import('./tracing.ts') }),
    ...(debugged && { gdb: await import('./gdb/hosted.ts') }),
  };
}
