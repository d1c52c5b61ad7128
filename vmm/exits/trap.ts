/** A trap that the kernel did not leave to the guest: it is given back to it. Words: scause, stval. */
import type { Vcpu } from '../vcpu.ts';
import { injectFault, onlyFaults } from './inject.ts';

/** The processor's word for a guest that does nothing but fault. */
const DOUBLE_TRAP = 16;

export function onTrap(v: Vcpu): number {
  const cause = v.utcb.word(0), value = v.utcb.bigWord(1);
  return cause === DOUBLE_TRAP ? onlyFaults(v, cause, value) : injectFault(v, cause, value);
}
