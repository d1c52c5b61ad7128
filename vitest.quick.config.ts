/** `npm run test:quick`: unit specs, and one boot of the whole system (test/system.spec.ts). Aim: a minute. */
import { defineConfig, mergeConfig } from 'vitest/config';
import all from './vitest.config.ts';

/** Whole boots, other emulators, terminals, long random walks and what sets flags of V8: `npm test` runs them. */
export const slow = [
  'test/*/**/*.spec.ts', 'test/!(system|shape|documents|citations|rows|reference).spec.ts',
  'labs/{labs,forging,mutants}.spec.ts', 'cli/lab/submission.spec.ts', 'cli/commands/trace.spec.ts', 'cli/folders/attack.spec.ts',
  'microkernel/{fuzz,fuzz-riscv,reference-model}.spec.ts', 'microkernel/entry/fast{ipc,path}.spec.ts', 'vmm/memory/walker.spec.ts',
  'machine/classify/classify.spec.ts', 'machine/engine/fused.spec.ts', 'trace/reader.spec.ts', 'trace/sql/file.spec.ts', 'cli/isa.spec.ts',
  'web/parts.spec.ts', 'library/library.spec.ts', 'cli/bare/bare.spec.ts',
];

/** These specs share the modules of their worker, which are a third of the time; whoever changes one for a test changes it back. */
export const shared = { exclude: slow, isolate: false };

export default mergeConfig(all, defineConfig({ test: shared }));
