/** The hypervisor extension: guest code runs in VS and VU mode, with a second stage that maps all of the guest's memory. */
import { ThreadFlag } from '../../microkernel/abi/index.ts';
import { AHEAD, exits } from '../dispatcher.ts';
import { Vcpu } from '../vcpu.ts';
import type { Technique } from './virtual-cpu.ts';

export const hardware: Technique = {
  name: 'hardware', taskKind: 1, threadFlags: ThreadFlag.guest, mapsAll: true, emulates: [], needsAlarm: false, exits, aheadNeeds: AHEAD,
  create: (id, vm, guest, wake) => new Vcpu(id, vm, guest, wake),
};
