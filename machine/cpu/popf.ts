/**
 * A sensitive access that does not trap: in U mode a read of sstatus returns the real register, a write is lost, and neither raises an
 * exception. A guest kernel in U mode then sees its host's interrupt enable instead of its own, and believes that it has switched
 * interrupts off. The hypervisor extension avoids this: in VS and VU mode sstatus names the guest's own register.
 *
 * Processors: IA-32, whose POPF loses a change of the interrupt flag in user mode, and whose PUSHF shows it.
 * Told by: Robin and Irvine, "Analysis of the Intel Pentium's Ability to Support a Secure Virtual Machine Monitor", USENIX Security 2000.
 */
import type { Switch } from './switch.ts';

/** The register that U mode reaches: sstatus. */
export const LEAKED = 0x100;

export const popf: Switch = {
  name: 'popf',
  says: 'U mode reads sstatus, and its writes are lost, without a trap',
  change: (model) => ({ ...model, popf: true }),
};
