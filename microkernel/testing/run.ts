/** Runs a first thread to its end, hands on what it throws, and audits the kernel after it. */
import { expect } from 'vitest';
import type { Sys, Syscalls } from '../abi/index.ts';
import { audit } from '../audit.ts';
import { bootReal, type Real } from './real-machine.ts';

export function runReal(body: (sys: Syscalls, real: Real) => Sys<void>, options: Parameters<typeof bootReal>[1] & { maxCycles?: number } = {}): Real {
  let done = false, failure: unknown;
  const real = bootReal(function* (sys) {
    try { yield* body(sys, real); done = true; } catch (e) { failure = e; }
    real.machine.stop();
    yield* sys.receive();
  }, options);
  const reason = real.machine.run({ maxInstructions: 50_000_000, maxCycles: options.maxCycles ?? 1e9 });
  if (failure) throw failure;
  expect(done, `${reason.kind} ${real.lines.join('\n')}`).toBe(true);
  expect(audit(real.kernel)).toEqual([]);
  return real;
}
