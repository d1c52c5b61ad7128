/** `npm run test:quick`: unit specs, and one boot of the whole system (test/system.spec.ts), in under a minute. */
import { defineConfig, mergeConfig } from 'vitest/config';
import all from './vitest.config.ts';

/** Whole boots, other emulators, terminals and long random walks: `npm test` runs them. */
const slow = [
  'test/conformance/**',
  'test/{cli,debian,devices,firmware,gdb,guests,leaks,net,package,page,scenario-errors,scenario-pages,side-by-side,tiers,viewer,walkthrough}.spec.ts',
  'test/abi/**', 'microkernel/{fuzz,fuzz-riscv,reference-model}.spec.ts', 'cli/commands/trace.spec.ts', 'trace/reader.spec.ts',
];

export default mergeConfig(all, defineConfig({ test: { exclude: slow } }));
