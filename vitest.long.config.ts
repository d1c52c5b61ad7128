/**
 * `npm run test:long`: the tests that take minutes (boots of Debian, whole pages, classes of forged labs, networks). `.ci/run` runs it
 * after `npm test`.
 */
import { defineConfig, mergeConfig } from 'vitest/config';
import all from './vitest.config.ts';

export const long = [
  'test/{abi/probes,compare,debian,exit-matrix,firmware,folder-changes,gdb,guests,hoards,net,page,panic,scenario-pages}.spec.ts',
  'test/{ia32-troubles,labs,new,package,patch,side-by-side,twins,user-net,virt,viewer,vm-outside}.spec.ts', 'test/fuzz/fuzz.spec.ts',
  'test/conformance/{oracle,hypervisor,hypervisor-mmu}.spec.ts', 'labs/{labs,forging,mutants}.spec.ts', 'cli/lab/submission.spec.ts',
  'microkernel/reference-model.spec.ts', 'machine/classify/classify.spec.ts', 'web/parts.spec.ts',
];

export default mergeConfig({ ...all, test: { ...all.test, include: [] } }, defineConfig({ test: { include: long } }));
