/**
 * A sensitive access that does not trap: in U mode a read of sstatus gives the real register, a write of it is lost, and neither is an
 * exception. A guest kernel in U mode then sees its host's interrupt enable in place of its own, and believes that it has switched
 * interrupts off. Under the hypervisor extension nothing goes wrong: what VS and VU mode call sstatus is the guest's own.
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
