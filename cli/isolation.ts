/**
 * With TESSERA_AUDIT set, a run ends with the isolation audit of its kernel, and fails if that finds anything: tests of the command run so.
 */
import { audit } from '../microkernel/index.ts';
import type { Result } from '../system/host.ts';
import type { System } from '../system/system.ts';

export function audited(system: System, result: Result): Result {
  if (!process.env['TESSERA_AUDIT']) return result;
  const wrong = audit(system.kernel);
  return wrong.length === 0 ? result : { ...result, status: 70, why: `isolation audit: ${wrong.slice(0, 5).join('; ')}` };
}
