/** A trap that was not delegated to the guest: injects it into the guest. Words: scause, stval. */
import type { Vcpu } from '../vcpu.ts';
import { injectFault, onlyFaults } from './inject.ts';

/** The processor's cause for a guest that only faults. */
const DOUBLE_TRAP = 16;

export function onTrap(vcpu: Vcpu): number {
  const cause = vcpu.utcb.word(0), value = vcpu.utcb.bigWord(1);
  return cause === DOUBLE_TRAP ? onlyFaults(vcpu, cause, value) : injectFault(vcpu, cause, value);
}
