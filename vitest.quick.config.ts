/** `npm run test:quick`: unit specs, and one boot of the whole system (test/system.spec.ts). Aim: a minute. */
import { defineConfig, mergeConfig } from 'vitest/config';
import all from './vitest.config.ts';

/** Whole boots, other emulators, terminals and long random walks: `npm test` runs them. */
const slow = [
  'test/*/**', 'test/!(system|shape|documents|citations|rows|reference).spec.ts',
  'labs/{labs,forging,mutants}.spec.ts', 'cli/lab/submission.spec.ts', 'cli/commands/trace.spec.ts', 'cli/folders/attack.spec.ts',
  'microkernel/{fuzz,fuzz-riscv,reference-model}.spec.ts', 'machine/classify/classify.spec.ts', 'trace/reader.spec.ts', 'web/parts.spec.ts',
];

export default mergeConfig(all, defineConfig({ test: { exclude: slow } }));
