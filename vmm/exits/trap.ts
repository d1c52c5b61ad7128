/** A trap that the kernel did not leave to the guest: it is given back to it. Words: scause, stval. */
import type { Vcpu } from '../vcpu.ts';
import { inject } from './inject.ts';

export function onTrap(v: Vcpu): number { return inject(v.utcb, v.utcb.word(0), v.utcb.bigWord(1)); }
