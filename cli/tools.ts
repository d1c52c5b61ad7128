/** What only some runs need is loaded for them alone: recording, debugging. A start has less to read then. */
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
