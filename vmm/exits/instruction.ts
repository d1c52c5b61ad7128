/**
 * Virtual instructions: the guest used a feature that a VM does not have. Like a processor without it, the guest sees an illegal
 * instruction.
 * @spec priv 21.6.1
 */
import { Mtd, type Sys } from '../../microkernel/abi/index.ts';
import { supervisorInstruction } from '../interpreter/supervisor.ts';
import type { Vcpu } from '../vcpu.ts';
import { Trap, injectFault } from './inject.ts';

export function onInstruction(vcpu: Vcpu): number | Sys<number> {
  const word = vcpu.utcb.bigWord(1),
    done = vcpu.vm.exits.isUsual ? undefined : supervisorInstruction(vcpu, Number(BigInt.asIntN(32, word)));
  return done ?? injectFault(vcpu, Trap.illegal, word) | Mtd.pc;
}
