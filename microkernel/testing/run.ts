/** Runs a first thread to its end, rethrows its exception, and audits the kernel afterwards. */
import { expect } from 'vitest';
import type { Sys } from '../abi/index.ts';
import type { Syscalls } from '../../binding/index.ts';
import { audit } from './audit.ts';
import type { Kernel } from '../kernel.ts';
import { bootFake } from './fake-machine.ts';
import { bootReal, type Real } from './real-machine.ts';

/** On the real machine: threads in RISC-V code too. */
export function runReal(body: (sys: Syscalls, real: Real) => Sys<void>,
    options: Parameters<typeof bootReal>[1] & { maxCycles?: number; maxInstructions?: number } = {}): Real {
  let done = false, failure: unknown;
  const real = bootReal(function* (sys) {
    try { yield* body(sys, real); done = true; } catch (error) { failure = error; }
    real.machine.stop();
    yield* sys.receive();
  }, options);
  const reason = real.machine.run({ maxInstructions: options.maxInstructions ?? 50_000_000, maxCycles: options.maxCycles ?? 1e9 });
  if (failure) throw failure;
  expect(done, `${reason.kind} ${real.lines.join('\n')}`).toBe(true);
  expect(audit(real.kernel)).toEqual([]);
  return real;
}

/** On a machine without an engine: TypeScript threads. */
export function runFake(body: (sys: Syscalls, kernel: () => Kernel) => Sys<void>,
    options: Parameters<typeof bootFake>[1] = {}): ReturnType<typeof bootFake> {
  let done = false, failure: unknown, kernel: Kernel | undefined;
  const booted = bootFake(function* (sys) {
    try { yield* body(sys, () => kernel!); done = true; } catch (error) { failure = error; }
    yield* sys.receive(); // stays, so that its task does
  }, { ...options, onKernel: k => { kernel = k; } });
  if (failure) throw failure;
  expect(done, booted.lines.join('\n')).toBe(true);
  expect(audit(booted.kernel)).toEqual([]);
  return booted;
}
