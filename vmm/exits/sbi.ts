/** Environment calls: decoded here, performed in sbi/. pc is already past the ecall. */
import { Mtd, type Sys } from '../../microkernel/abi/index.ts';
import { A, type SbiAnswer, type SbiCall, unsigned } from '../sbi/sbi.ts';
import type { Vcpu } from '../vcpu.ts';
import { resume } from './run.ts';

export function onSbi(vcpu: Vcpu): number | Sys<number> {
  const utcb = vcpu.utcb;
  let groups: number = Mtd.args;
  const call: SbiCall = {
    cpu: vcpu, machine: vcpu.vm, utcb: utcb, extension: unsigned(utcb, A.a7), fid: unsigned(utcb, A.a6), wait: 'nothing',
    setTimer(time) { groups |= vcpu.setTimer(time); },
  };
  const answer = vcpu.vm.sbi.call(call);
  if (typeof call.wait === 'object') return resume(vcpu, call.wait.resume, call.wait.opaque);
  write(vcpu, answer);
  return call.wait === 'nothing' ? groups : wait(vcpu, call.wait, groups);
}

function write(vcpu: Vcpu, answer: SbiAnswer): void {
  if ('legacy' in answer) { vcpu.utcb.setX(A.a0, answer.legacy); return; }
  vcpu.utcb.setX(A.a0, answer.error);
  vcpu.utcb.setX(A.a1, answer.value);
}

function* wait(vcpu: Vcpu, what: 'start' | 'interrupt' | 'fence', groups: number): Sys<number> {
  if (what === 'fence') yield* vcpu.vm.fence(vcpu.sys);
  if (what === 'interrupt') yield* vcpu.sleep();
  if (what !== 'start') return groups;
  return yield* vcpu.stop();
}
