/** `bootScenario` for tests: audits each system that a test has booted at the end of the test. */
import { afterEach, expect } from 'vitest';
import * as tessera from '../index.ts';
import { audit } from '../microkernel/index.ts';

const booted: tessera.System[] = [];

export function bootScenario(...args: Parameters<typeof tessera.bootScenario>): tessera.System {
  const system = tessera.bootScenario(...args);
  booted.push(system);
  return system;
}

afterEach(() => {
  for (const system of booted.splice(0)) expect(audit(system.kernel), 'isolation audit').toEqual([]);
});
