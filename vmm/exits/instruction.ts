/**
 * Virtual instructions: the guest used a feature that a VM does not have. Like a processor without it, the guest sees an illegal
 * instruction.
 * @spec priv 21.6.1
 */
import { Mtd } from '../../microkernel/abi/index.ts';
import type { Vcpu } from '../vcpu.ts';
import { Trap, injectFault } from './inject.ts';

export function onInstruction(v: Vcpu): number { return injectFault(v, Trap.illegal, v.utcb.bigWord(1)) | Mtd.pc; }
