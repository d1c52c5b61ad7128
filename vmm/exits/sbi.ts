/** Environment calls: decoded here, performed in sbi/. pc is already past the ecall. */
import { Mtd, type Sys } from '../../microkernel/abi/index.ts';
import { A, type SbiAnswer, type SbiCall, unsigned } from '../sbi/sbi.ts';
import type { Vcpu } from '../vcpu.ts';
import { resume } from './run.ts';

export function onSbi(v: Vcpu): number | Sys<number> {
  const u = v.utcb;
  let groups: number = Mtd.args;
  const c: SbiCall = {
    cpu: v, machine: v.vm, utcb: u, extension: unsigned(u, A.a7), fid: unsigned(u, A.a6), wait: 'nothing',
    setTimer(time) { groups |= v.setTimer(time); },
  };
  const answer = v.vm.sbi.call(c);
  if (typeof c.wait === 'object') return resume(v, c.wait.resume, c.wait.opaque);
  write(v, answer);
  return c.wait === 'nothing' ? groups : wait(v, c.wait, groups);
}

function write(v: Vcpu, answer: SbiAnswer): void {
  if ('legacy' in answer) { v.utcb.setX(A.a0, answer.legacy); return; }
  v.utcb.setX(A.a0, answer.error);
  v.utcb.setX(A.a1, answer.value);
}

function* wait(v: Vcpu, what: 'start' | 'interrupt' | 'fence', groups: number): Sys<number> {
  if (what === 'fence') yield* v.vm.fence(v.sys);
  if (what === 'interrupt') yield* v.sleep();
  if (what !== 'start') return groups;
  return yield* v.stop();
}
