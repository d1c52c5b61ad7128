/** System suspend: the guest keeps its memory and sleeps until an interrupt that its last vCPU has enabled. @spec sbi 13 (v2.0) */
import {
  A, SbiError, type SbiAnswer, type SbiCall, type SbiExtension, answer, invalidAddress, invalidParam, low, notSupported, success, unsigned
} from './sbi.ts';

const SUSPEND_TO_RAM = 0;

export class SuspExtension implements SbiExtension {
  readonly name = 'susp';
  readonly ids = [0x5355_5350]; // "SUSP"

  call(call: SbiCall): SbiAnswer {
    if (call.fid !== 0) return notSupported;
    if (low(call.utcb, A.a0) !== SUSPEND_TO_RAM) return invalidParam;
    if (!call.machine.ram.isRam(unsigned(call.utcb, A.a1), 4)) return invalidAddress;
    if (call.machine.cpus.some((cpu) => cpu !== call.cpu && cpu.started)) return answer(SbiError.denied);
    call.wait = { resume: call.utcb.xBig(A.a1), opaque: call.utcb.xBig(A.a2) };
    return success;
  }
}
