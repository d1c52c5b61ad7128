/** IPI extension: software interrupts to other vCPUs. @spec sbi 7 (v2.0) */
import { A, type SbiAnswer, type SbiCall, type SbiExtension, invalidParam, maskedCpus, notSupported, success } from './sbi.ts';

export class IpiExtension implements SbiExtension {
  readonly name = 'ipi';
  readonly ids = [0x73_5049]; // "sPI"

  call(call: SbiCall): SbiAnswer {
    if (call.fid !== 0) return notSupported;
    const cpus = maskedCpus(call, A.a0, A.a1);
    if (!cpus) return invalidParam;
    for (const cpu of cpus) cpu.raiseSoftware();
    return success;
  }
}
